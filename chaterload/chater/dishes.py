"""The dishes that this run made, or may have made, and what is known of each. Pure.

A dish is known by its time: we choose it, in epoch milliseconds, and it comes back in the account's list.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from chaterload.chater.times import day_of
from chaterload.chater.writes import WriteState


class DishState(Enum):
    """What is known of a dish of ours."""

    SENT = auto()
    """Its photo is on the way; nobody answered yet."""
    UNCLEAR = auto()
    """The photo was not acknowledged, and may have been stored all the same."""
    STORED = auto()
    """Acknowledged; no list has shown it yet."""
    LISTED = auto()
    """A list showed it: it is there, it is ours, and it may be changed and deleted."""
    LOST = auto()
    """Acknowledged, and not listed in time."""
    DELETING = auto()
    """A delete was sent and not acknowledged."""
    DELETED = auto()
    """A delete was acknowledged; no list has confirmed it yet."""
    GHOST = auto()
    """Listed although its delete was acknowledged long enough ago."""
    DOUBTFUL = auto()
    """Listed for the first time when somebody else was using the account: it may be theirs."""
    GONE = auto()
    """Not there, as far as a list can tell."""


REMOVABLE = (DishState.LISTED, DishState.GHOST)
UNSETTLED = (DishState.UNCLEAR, DishState.DELETING)


class Trace(StrEnum):
    """What a run may have left on an account, as reports tell it."""

    THERE = "there"
    UNCONFIRMED = "deleted, not confirmed by a list"
    CUT_OFF = "delete cut off"
    UNCLEAR = "upload unclear"
    UNSEEN = "acknowledged, not listed"
    DOUBTFUL = "in doubt"


TRACES = {
    DishState.SENT: Trace.UNCLEAR,
    DishState.UNCLEAR: Trace.UNCLEAR,
    DishState.STORED: Trace.UNSEEN,
    DishState.LISTED: Trace.THERE,
    DishState.LOST: Trace.UNSEEN,
    DishState.DELETING: Trace.CUT_OFF,
    DishState.DELETED: Trace.UNCONFIRMED,
    DishState.GHOST: Trace.THERE,
    DishState.DOUBTFUL: Trace.DOUBTFUL,
}


@dataclass(frozen=True, order=True)
class Leftover:
    """A dish of the run that was not removed, or that may still come."""

    email: str
    time: int
    """Epoch milliseconds: what names it to /delete_food."""
    trace: Trace

    @property
    def certain(self) -> bool:
        """Whether it is known to be there."""
        return self.trace is Trace.THERE


@dataclass(eq=False)
class Dish:
    """The life of one dish. Times of events are monotonic seconds."""

    email: str
    time_ms: int
    sent_at: float
    owner: object = None
    """The user who made it and is not done with it; None when that has stopped."""
    state: DishState = DishState.SENT
    changed_at: float = float("inf")
    """Lists that were asked for earlier tell nothing; infinite while an answer is awaited."""
    due_at: float = float("inf")
    """A list that was asked for from then on tells for good."""
    acknowledged_at: float = 0.0
    deleted_at: float | None = None
    """When its last delete was acknowledged."""
    calories: int = 0
    """As first listed."""
    unseen_ms: float | None = None
    """From the last acknowledgement to the last look that did not show what was acknowledged."""
    delete_write: WriteState | None = None
    """What is known of its delete as a write that is counted: the first one of a dish that was acknowledged."""
    given_up: bool = False
    """It was acknowledged and counts as lost for good."""

    def __post_init__(self) -> None:
        self.day = day_of(self.time_ms)

    @property
    def pending(self) -> bool:
        """Whether a list has yet to show it."""
        return self.state is DishState.STORED

    @property
    def leftover(self) -> Leftover:
        return Leftover(self.email, self.time_ms, TRACES[self.state])


class DishIndex:
    """The dishes of one process that are not known to be gone, by their owners."""

    def __init__(self) -> None:
        self.on_open: Callable[[Dish], object] = lambda dish: None
        """Called before a dish is sent: a process that is killed tells no more."""
        self.on_closed: Callable[[Dish], object] = lambda dish: None
        self.strangers: dict[str, list[int]] = {}
        """By account: times of dishes that appeared during the run and that nobody of the run made."""
        self._by_owner: dict[object, dict[int, Dish]] = defaultdict(dict)

    def add(self, dish: Dish) -> None:
        self._by_owner[dish.owner][dish.time_ms] = dish
        self.on_open(dish)

    def discard(self, dish: Dish) -> None:
        owned = self._by_owner.get(dish.owner, {})
        if owned.pop(dish.time_ms, None):
            self.on_closed(dish)
        if not owned:
            self._by_owner.pop(dish.owner, None)

    def of(self, owner: object) -> list[Dish]:
        return list(self._by_owner.get(owner, {}).values())

    def disown(self, dish: Dish) -> None:
        """The dish is nobody's from now on."""
        self._by_owner[dish.owner].pop(dish.time_ms)
        dish.owner = None
        self._by_owner[None][dish.time_ms] = dish

    def orphan(self, owner: object) -> list[Dish]:
        """What is `owner`'s is nobody's from now on; those dishes."""
        dishes = self.of(owner)
        for dish in dishes:
            self.disown(dish)
        self._by_owner.pop(owner, None)
        return dishes

    def __iter__(self) -> Iterator[Dish]:
        for owned in list(self._by_owner.values()):
            yield from list(owned.values())

    def leftovers(self) -> list[Leftover]:
        """What is left at this moment; complete once every user has stopped. Linear in what is left."""
        return sorted(dish.leftover for dish in self)
