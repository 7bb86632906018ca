"""How many writes were acknowledged, how many of them were checked, and how many were confirmed. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum, auto


@dataclass(frozen=True)
class WriteKind:
    """What is said of acknowledged writes of a kind, in reports and reasons."""

    did_not_show: str = "did not show"
    showed: str = "showed"
    not_shown: str = "not shown in time"
    undecidable: str = "no list could tell"


KINDS = {
    "dishes": WriteKind(),
    "modifies": WriteKind(),
    "weights": WriteKind(undecidable="users share an account (TEST_ACCOUNTS)"),
    "deletes": WriteKind("were not done", "were done", "not done in time"),
}
"""The kinds of write, by the names of their tallies in Writes."""


@dataclass
class Tally:
    """The writes of one kind: `late <= confirmed <= checked <= acknowledged`.

    Those that were checked and not confirmed are overdue, lost, or `unshown`, which is all that is known of them.
    """

    acknowledged: int = 0
    checked: int = 0
    """A list that was asked for TEST_VERIFY_SECONDS after the acknowledgement, or an earlier one, told."""
    confirmed: int = 0
    """It showed in time."""
    late: int = 0
    """Of the confirmed: an earlier look had not found it."""
    overdue: int = 0
    """It showed, and not in time."""
    lost: int = 0
    """It did not show in time, and not when it was looked for once more in the end."""
    undecidable: int = 0
    """Not checked, because no list could tell."""
    lost_ms: float | None = None
    """The shortest time from an acknowledgement to the look after which a write counted as lost."""
    latest_after_ms: float = 0.0
    """From the acknowledgement of the latest write that showed to the last look that did not find it."""
    latest_ms: float = 0.0
    """From the acknowledgement of the same write to the look that found it."""
    unseen_ms: float | None = None
    """The shortest time from an acknowledgement to a look after which the write counted as not shown in time."""

    @property
    def unshown(self) -> int:
        """Did not show in time; whether it ever did, nobody looked or nobody could tell."""
        return self.checked - self.confirmed - self.overdue - self.lost

    def confirm(self, after_ms: float | None, by_ms: float) -> None:
        """A look found the write `by_ms` after its acknowledgement; one `after_ms` after it, if any, had not."""
        self.checked += 1
        self.confirmed += 1
        if after_ms is not None:
            self.late += 1
            self._showed(after_ms, by_ms)

    def miss(self, unseen_ms: float) -> None:
        """The write was not there `unseen_ms` after its acknowledgement, which was its time."""
        self.checked += 1
        self.unseen_ms = _shortest(self.unseen_ms, unseen_ms)

    def lose(self, unseen_ms: float) -> None:
        """A write that was missed was looked for once more, so long after its acknowledgement, and was not there."""
        self.lost += 1
        self.lost_ms = _shortest(self.lost_ms, unseen_ms)

    def withdraw(self, *, late: bool) -> None:
        """A write that was confirmed was undone."""
        self.checked -= 1
        self.confirmed -= 1
        self.late -= late

    def show_overdue(self, after_ms: float, by_ms: float) -> None:
        """A write that was missed showed after all."""
        self.overdue += 1
        self._showed(after_ms, by_ms)

    def _showed(self, after_ms: float, by_ms: float) -> None:
        if by_ms > self.latest_ms:
            self.latest_after_ms, self.latest_ms = after_ms, by_ms

    def add(self, other: "Tally") -> None:
        for count in ("acknowledged", "checked", "confirmed", "late", "overdue", "lost", "undecidable"):
            setattr(self, count, getattr(self, count) + getattr(other, count))
        self._showed(other.latest_after_ms, other.latest_ms)
        self.unseen_ms = _shortest(self.unseen_ms, other.unseen_ms)
        self.lost_ms = _shortest(self.lost_ms, other.lost_ms)

    def latest(self) -> str:
        """Between which two looks the latest write showed, in words."""
        return f"{self.latest_after_ms / 1000:.1f} to {self.latest_ms / 1000:.1f} s"


def _shortest(*times_ms: float | None) -> float | None:
    return min((ms for ms in times_ms if ms is not None), default=None)


@dataclass
class Writes:
    """A tally for each kind of write; adds up over workers."""

    dishes: Tally = field(default_factory=Tally)
    modifies: Tally = field(default_factory=Tally)
    weights: Tally = field(default_factory=Tally)
    deletes: Tally = field(default_factory=Tally)

    def items(self) -> Iterable[tuple[str, Tally]]:
        return ((kind, getattr(self, kind)) for kind in KINDS)

    def missing(self) -> list[str]:
        """A sentence for each way in which acknowledged writes of a kind did not show in time."""
        return [sentence for kind, tally in self.items() for sentence in _missing(kind, tally)]

    def add(self, other: "Writes") -> None:
        for kind, tally in self.items():
            tally.add(getattr(other, kind))

    def reset(self) -> None:
        for kind in KINDS:
            setattr(self, kind, Tally())

    def to_dict(self) -> dict[str, dict[str, float | None]]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Mapping[str, float | None]]) -> "Writes":
        return cls(**{kind: Tally(**data[kind]) for kind in KINDS})  # type: ignore[arg-type]  # ints stay ints


def _missing(kind: str, tally: Tally) -> Iterable[str]:
    words, of = KINDS[kind], f"of the acknowledged {kind}"
    if tally.lost:
        yield f"{tally.lost} {of} are lost: they {words.did_not_show}{_within(tally.lost_ms)}"
    if tally.overdue:
        yield f"{tally.overdue} {of} {words.showed} late: the latest after {tally.latest()}"
    if tally.unshown:
        yield f"{tally.unshown} {of} {words.did_not_show}{_within(tally.unseen_ms)}"


def _within(ms: float | None) -> str:
    return "" if ms is None else f" within {ms / 1000:.1f} s"


@dataclass(frozen=True)
class DayList:
    """What a list of one day of an account held."""

    day: int
    """UTC days since 1970."""
    calories: Mapping[int, int]
    """Of each dish, by its time in epoch milliseconds."""
    weight: float | None
    """The account's latest, in kg, 0 when it has none; None where the list does not tell it."""
    asked: float
    """Monotonic seconds when the list was asked for."""


class WriteState(Enum):
    """What is known of an acknowledged write."""

    PENDING = auto()
    SEEN = auto()
    LOST = auto()
    """It did not show in time."""
    UNDECIDABLE = auto()
    """No list can tell whether it was done: somebody else may have written over it."""


@dataclass(eq=False)
class ExpectedWrite:
    """An acknowledged write, and how a list of the account must show it."""

    tally: Tally
    acknowledged_at: float
    """Monotonic seconds."""
    visible_in: Callable[[DayList], bool]
    """Whether a list shows it."""
    verifiable: Callable[[DayList], bool] = lambda _: True
    """Whether a list can tell."""
    state: WriteState = WriteState.PENDING
    _unseen_ms: float | None = None
    """From the acknowledgement to the last look that did not find it."""

    @property
    def pending(self) -> bool:
        return self.state is WriteState.PENDING

    def judge(self, listed: DayList, patience: float) -> bool:
        """Settle by a list if it can. True when the write did not show `patience` seconds after its acknowledgement."""
        if not self.pending or listed.asked < self.acknowledged_at:
            return False
        after_ms = (listed.asked - self.acknowledged_at) * 1000
        if not self.verifiable(listed):
            self.state = WriteState.UNDECIDABLE
            self.tally.undecidable += 1
        elif self.visible_in(listed):
            self.state = WriteState.SEEN
            self.tally.confirm(self._unseen_ms, after_ms)
        elif after_ms >= patience * 1000:
            self.state = WriteState.LOST
            self.tally.miss(after_ms)
        else:
            self._unseen_ms = after_ms
        return self.state is WriteState.LOST


LOOKS_S = (0.0, 0.1, 0.3, 1.0)
"""Seconds after an acknowledgement at which it is worth a look, before the last one in TEST_VERIFY_SECONDS."""


def next_look(acknowledged_at: float, now: float, patience: float) -> float:
    """When to look next for a write that has not shown yet, in monotonic seconds; the last look may be overdue."""
    soon = (acknowledged_at + after for after in LOOKS_S if after < patience)
    return min((look for look in soon if look > now), default=acknowledged_at + patience)
