"""The times that name a run's dishes: each once in the whole run, at random over the UTC day. Pure.

Chater UI knows a dish by its time, in epoch milliseconds, and loses one of two photos with the same, whatever their
accounts. So no two processes of a run share a time, and two runs that know nothing of each other hardly ever do: a run
takes seconds of the day at random, and of each a sixteenth of the milliseconds, which is its mark.
"""

import random
import secrets
from collections import defaultdict
from collections.abc import Container
from typing import Protocol

from chaterload.chater.wire import DAY_MS

CLOCK_SKEW_MS = 60_000
"""How far the server's clock may be from ours before midnight UTC confuses us."""

SECONDS = (DAY_MS - CLOCK_SKEW_MS) // 1000
"""Of a day, those that may be used: at midnight its last minute is a day ahead, where photos are refused."""

SHARE = 16
"""One in so many milliseconds carries a run's mark: enough for 62 dishes a second, all day long."""

_random = random.SystemRandom()  # whoever seeds `random` for a repeatable load must not repeat these


def day_of(time_ms: int) -> int:
    """UTC days since 1970."""
    return time_ms // DAY_MS


def told_today(now_ms: int) -> int | None:
    """The day that the server calls today; None when midnight UTC is too near to tell."""
    day = day_of(now_ms - CLOCK_SKEW_MS)
    return day if day == day_of(now_ms + CLOCK_SKEW_MS) else None


class Seconds(Protocol):
    """Where a process gets seconds of the day from."""

    key: str
    """Hexadecimal, 64 bits: makes the run's mark, the same in all of its processes."""

    def take(self, day: int) -> int | None:
        """A second of the day that no other process of the run has; None when there is none. May wait."""

    def may_be_taken(self, day: int, second: int) -> bool:
        """False when no process of the run has this second."""


class SecondsOfDay:
    """Hands out the seconds of each day in random order, none twice: one object for all processes of a run."""

    def __init__(self) -> None:
        self.key = secrets.token_hex(8)
        self._taken: dict[int, set[int]] = defaultdict(set)

    def take(self, day: int) -> int | None:
        """A second of the day that nobody has; None when there is none left."""
        taken = self._taken[day]
        if len(taken) == SECONDS:
            return None
        second = _random.randrange(SECONDS)
        while second in taken:
            second = _random.randrange(SECONDS)
        taken.add(second)
        return second

    def may_be_taken(self, day: int, second: int) -> bool:
        return second in self._taken[day]


class DishTimes:
    """The times of one process's dishes."""

    def __init__(self, seconds: Seconds) -> None:
        self._seconds = seconds
        self._factor = int(seconds.key, 16) | 1
        self._free: dict[int, list[int]] = {}

    def next(self, now_ms: int, used: Container[int]) -> int | None:
        """A time of today that the run never had and that is not among the `used`; None when the day has none left."""
        day = day_of(now_ms)
        if day not in self._free:
            self._free = {day: []}
        free = self._free[day]
        while True:
            while free:
                time = free.pop()
                if time not in used:
                    return time
            second = self._seconds.take(day)
            if second is None:
                return None
            start = day * DAY_MS + second * 1000
            marked = [time for time in range(start, start + 1000) if self._has_mark(time)]
            _random.shuffle(marked)
            free.extend(marked)

    def may_be_ours(self, time_ms: int) -> bool:
        """False when no process of the run can have chosen this time."""
        day, of_day = divmod(time_ms, DAY_MS)
        return self._seconds.may_be_taken(day, of_day // 1000) and self._has_mark(time_ms)

    def _has_mark(self, time_ms: int) -> bool:
        return (time_ms * self._factor) % 2**64 < 2**64 // SHARE
