"""What happens to a write after it was acknowledged: it is done, done later, or lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from chaterload.chater.wire import DAY_MS
from chaterload.standin.faults import WRITES, Faults
from chaterload.standin.records import KEPT, Drink, Records, StoredDish

Write = Callable[[], None]


class WriteApplier:
    """Applies acknowledged writes. `later(seconds, write)` runs one after a while.

    `dropped` names every write that was asked of a record that exists, acknowledged and lost.
    """

    def __init__(self, records: Records, faults: Faults, later: Callable[[float, Write], Any]) -> None:
        self._accounts = records.accounts
        self._faults = faults
        self._later = later
        self.dropped: dict[str, deque[dict[str, Any]]] = {kind: deque(maxlen=KEPT) for kind in WRITES}
        self._photo_times: dict[int, None] = {}  # the latest, in order of arrival
        self._weight_second = -1

    def photo(self, email: str, dish: StoredDish, *, is_drink: bool = False) -> None:
        """A dish; one that is alcohol is an alcohol event too, which no delete of the dish removes."""
        same = self._same_millisecond(dish.time) and self._faults.settings.same_instant_loss

        def write() -> None:
            account = self._accounts[email]
            if same or self._faults.drops("photo") or not account.add(dish):
                self.dropped["photo"].append({"email": email, "time": dish.time})
            elif is_drink:
                account.drinks.append(Drink(dish.time, calories=dish.calories))

        self._apply(write)

    def modify(self, email: str, time: int, percentage: int) -> None:
        def write() -> None:
            if self._keeps("modify", email, time):
                self._accounts[email].modify(time, percentage)

        self._apply(write)

    def delete(self, email: str, time: int) -> None:
        def write() -> None:
            if self._keeps("delete", email, time):
                self._accounts[email].delete(time)

        self._apply(write)

    def weight(self, email: str, weight: float, at_ms: int) -> None:
        second = at_ms // 1000
        same = second == self._weight_second and self._faults.settings.same_instant_loss
        self._weight_second = second

        def write() -> None:
            if same or self._faults.drops("weight"):
                self.dropped["weight"].append({"email": email, "weight": weight})
            else:
                self._accounts[email].weigh(weight, at_ms // DAY_MS)

        self._apply(write)

    def _apply(self, write: Write) -> None:
        if self._faults.settings.late_writes:
            self._later(self._faults.settings.late_writes / 1000, write)
        else:
            write()

    def _keeps(self, kind: str, email: str, time: int) -> bool:
        if not self._accounts[email].find(time):
            return False  # nothing to do, so nothing to lose
        drops = self._faults.drops(kind)
        if drops:
            self.dropped[kind].append({"email": email, "time": time})
        return not drops

    def _same_millisecond(self, time: int) -> bool:
        seen = time in self._photo_times
        self._photo_times[time] = None
        if len(self._photo_times) > KEPT:
            del self._photo_times[next(iter(self._photo_times))]
        return seen
