"""Which dishes this run made: the only ones it may change or delete. Pure, times are passed in.

A dish is known by its time: we choose it, in epoch milliseconds, and it comes back in the account's list. What
does not carry a time of ours is not ours.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import Writes

CLOCK_SKEW_MS = 60_000
"""How far the server's clock may be from ours before midnight UTC confuses us."""

SLOTS = 64
"""Milliseconds between two times of one worker; those between belong to other workers."""


class DishTimes:
    """Times that no other flow of the run uses on the same account, as near to now as can be.

    Worker i of a distributed run takes the milliseconds that are i modulo `slots`. When flows start faster than
    one in `slots` ms, earlier times of the same UTC day are taken: a dish of tomorrow is in nobody's list of today.
    """

    def __init__(self, slot: int = 0, slots: int = 1) -> None:
        self._slot = slot % slots
        self._slots = slots
        self._lowest: int | None = None
        self._highest = 0
        self._floor = 0
        """The highest time of the days before: a clock that is set back over midnight must not lead below it."""

    def next(self, now_ms: int) -> int:
        time = now_ms - (now_ms - self._slot) % self._slots
        if self._lowest is None or (time > self._highest and self._highest // DAY_MS < time // DAY_MS):
            # the first, also of a new day
            self._floor, self._lowest, self._highest = self._highest, time, time
            return time
        if time > self._highest:
            self._highest = time
            return time
        earlier = self._lowest - self._slots
        if earlier // DAY_MS == now_ms // DAY_MS and earlier > self._floor:
            self._lowest = earlier
            return earlier
        self._highest += self._slots
        return self._highest


class State(Enum):
    """What is known of a dish of ours."""

    SENT = auto()
    """Uploaded; no answer yet, or none that says whether it was stored."""
    THERE = auto()
    """Acknowledged, and not known to be gone."""
    LOST = auto()
    """Acknowledged and not listed when it was looked for; it may still come."""
    REMOVED = auto()
    """Its delete was acknowledged."""


@dataclass(eq=False)
class Dish:
    """A dish that this run made, or may have made."""

    time: int
    owner: object = None
    """Whoever removes it; None when its owner has left."""
    state: State = State.SENT
    since: float | None = None
    """Monotonic seconds of the last answer about it; None when there was none yet."""
    calories: int | None = None
    """As first listed."""
    reappeared: bool = False
    """A list showed it after its delete, within the patience that it is given."""
    tallied: bool = False
    """Its delete is counted: the first one of a dish that was acknowledged."""


def tells_today(time_ms: int, now_ms: int) -> bool:
    """Whether today's list must hold a dish of `time_ms`; False when midnight UTC is too near to tell."""
    day = time_ms // DAY_MS
    return day == (now_ms - CLOCK_SKEW_MS) // DAY_MS == (now_ms + CLOCK_SKEW_MS) // DAY_MS


class _Register:
    """Dishes by time and by owner, so that one user among thousands finds its own at once."""

    def __init__(self) -> None:
        self.by_time: dict[int, Dish] = {}
        self._by_owner: dict[object, dict[int, Dish]] = defaultdict(dict)

    def add(self, dish: Dish) -> None:
        self.by_time[dish.time] = self._by_owner[dish.owner][dish.time] = dish

    def remove(self, dish: Dish) -> bool:
        """Whether it was there."""
        self._by_owner[dish.owner].pop(dish.time, None)
        return self.by_time.pop(dish.time, None) is not None

    def of(self, owner: object) -> list[Dish]:
        return list(self._by_owner.get(owner, {}).values())

    def orphan(self, owner: object) -> None:
        """What is `owner`'s is nobody's from now on."""
        for dish in self._by_owner.pop(owner, {}).values():
            dish.owner = None
            self.add(dish)


class AccountDishes:
    """The dishes of this process on one account. Memory: about 200 bytes for each flow of the day.

    With `confirm=False` deletes are believed and not looked for.
    """

    def __init__(self, times: DishTimes, writes: Writes, *, confirm: bool = True) -> None:
        self._times = times
        self._writes = writes
        self._confirm_deletes = confirm
        self._open = _Register()
        self._unconfirmed = _Register()
        self._gone: dict[int, Dish] = {}
        self._day = 0

    def start(self, now_ms: int, owner: object) -> Dish:
        """A dish to be, with a time of its own."""
        dish = Dish(self._times.next(now_ms), owner)
        self._open.add(dish)
        return dish

    def stored(self, dish: Dish, now: float) -> None:
        """The photo was answered with success."""
        dish.state, dish.since = State.THERE, now
        self._writes.dishes.acknowledged += 1

    def removed(self, dish: Dish, now: float) -> None:
        """The delete was answered with success. Only the first one of an acknowledged dish is tallied."""
        if not self._open.remove(dish):
            return
        dish.tallied = dish.state is State.THERE
        self._writes.deletes.acknowledged += dish.tallied
        dish.state, dish.since, dish.reappeared = State.REMOVED, now, False
        if self._confirm_deletes:
            self._unconfirmed.add(dish)

    def never_came(self, dish: Dish) -> None:
        """The dish is not there and will not come: nothing is left of it."""
        self._open.remove(dish)

    def open(self, owner: object) -> list[Dish]:
        """What `owner` has to remove: its own dishes and those whose owner has left."""
        return self._open.of(owner) + self._open.of(None)

    def unconfirmed(self, owner: object) -> list[Dish]:
        """Deletes of `owner`, or of one that has left, that no list has confirmed yet."""
        return self._unconfirmed.of(owner) + self._unconfirmed.of(None)

    def left(self) -> list[Dish]:
        """All that is not known to be gone."""
        return [*self._open.by_time.values(), *self._unconfirmed.by_time.values()]

    def leave(self, owner: object) -> None:
        """`owner` is stopping: what it could not settle is for whoever stops next."""
        self._open.orphan(owner)
        self._unconfirmed.orphan(owner)

    def observe(self, listed: Mapping[int, int], asked: float, now_ms: int, patience: float) -> int:
        """Judge the deletes by a list (time -> calories) that was asked for at `asked`, monotonic seconds.

        Returns how many ghosts it shows: deleted, and listed although `patience` seconds had gone by. Each is
        counted once, and is open again so that it is removed in the end.
        """
        self._forget_yesterday(now_ms)
        ghosts = []
        for time in self._gone.keys() & listed.keys():
            if _is_ghost(self._gone[time], asked, patience):
                ghosts.append(dish := self._gone.pop(time))
                self._writes.deletes.seen -= dish.tallied
                self._writes.deletes.late -= dish.tallied and dish.reappeared
        for dish in list(self._unconfirmed.by_time.values()):
            if self._settle(dish, listed, asked, now_ms, patience):
                ghosts.append(dish)
                self._writes.deletes.looked += dish.tallied
        for dish in ghosts:
            dish.state = State.LOST
            self._open.add(dish)
        return len(ghosts)

    def _settle(self, dish: Dish, listed: Mapping[int, int], asked: float, now_ms: int, patience: float) -> bool:
        """Settle one delete if this list can. True when the dish is a ghost."""
        if dish.since is None or asked < dish.since:
            return False
        if not tells_today(dish.time, now_ms):
            self._unconfirmed.remove(dish)
        elif dish.time not in listed:
            self._unconfirmed.remove(dish)
            dish.owner = None
            self._gone[dish.time] = dish
            if dish.tallied:
                self._writes.deletes.found((asked - dish.since) * 1000 if dish.reappeared else None)
        elif _is_ghost(dish, asked, patience):
            return self._unconfirmed.remove(dish)
        else:
            dish.reappeared = True
        return False

    def _forget_yesterday(self, now_ms: int) -> None:
        day = now_ms // DAY_MS
        if day != self._day:
            self._day = day
            self._gone = {time: dish for time, dish in self._gone.items() if time // DAY_MS == day}


def _is_ghost(dish: Dish, asked: float, patience: float) -> bool:
    return dish.since is not None and asked >= dish.since + patience
