"""Runs and workers that make dishes on one simulated server, in any order of events, without a clock or a socket."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.dishes import REMOVABLE, Dish, DishIndex, DishState
from chaterload.chater.times import DishTimes, Seconds
from chaterload.chater.wire import DAY_MS
from chaterload.chater.writes import DayList, Writes

DAY = 20_000
NOON_MS = DAY * DAY_MS + DAY_MS // 2
PATIENCE = 2.0


@dataclass
class Server:
    """Accounts with dishes by time, each with its maker and its calories. Of two with one time the first stays."""

    dishes: dict[str, dict[int, list[object]]] = field(default_factory=dict)
    photographed: set[int] = field(default_factory=set)
    touched: list[tuple[object, object]] = field(default_factory=list)
    """Whose dish was changed or deleted by whom, where that was not its maker."""
    lost: int = 0
    """Photos that had the time of another one."""

    def photo(self, email: str, time_ms: int, maker: object) -> None:
        if time_ms in self.photographed:
            self.lost += 1
        else:
            self.photographed.add(time_ms)
            self.dishes.setdefault(email, {})[time_ms] = [maker, 100]

    def listed(self, email: str) -> dict[int, int]:
        return {time: calories for time, (_, calories) in self.dishes.get(email, {}).items()}  # type: ignore[misc]

    def modify(self, email: str, time_ms: int, by: object) -> None:
        if dish := self.dishes[email].get(time_ms):
            self._note(dish, by)
            dish[1] = 200

    def delete(self, email: str, time_ms: int, by: object) -> None:
        if dish := self.dishes[email].pop(time_ms, None):
            self._note(dish, by)

    def _note(self, dish: list[object], by: object) -> None:
        if dish[0] is not by:
            self.touched.append((dish[0], by))


class Process:
    """A worker, or a run of one process, on some accounts; `run` is whose its dishes are."""

    def __init__(self, server: Server, seconds: Seconds, emails: list[str], run: object) -> None:
        self.server, self.run = server, run
        self.index, self.writes = DishIndex(), Writes()
        times = DishTimes(seconds)
        self.accounts = {email: AccountDishes(self.index, times, self.writes, PATIENCE) for email in emails}
        for email, account in self.accounts.items():
            account.email = email
        self.clock = 0.0

    def look(self, email: str, *, final: bool = False) -> None:
        self.clock += 0.01
        self.accounts[email].reconcile(DayList(DAY, self.server.listed(email), 0.0, self.clock), final=final)
        self.clock += 0.01

    def user(self, email: str, flows: int) -> Iterator[None]:
        """Goes through its flows, giving way to others between any two requests."""
        account = self.accounts[email]
        for _ in range(flows):
            if not account.knows(DAY):
                self.look(email)
                yield
            dish = account.begin(NOON_MS, self.clock, self)
            if dish is None:
                return
            yield
            self.server.photo(email, dish.time_ms, self.run)
            yield
            account.stored(dish, self.clock)
            self.look(email)
            yield
            if dish.state is not DishState.LISTED:
                continue
            self.server.modify(email, dish.time_ms, self.run)
            yield
            self.look(email)
            yield
            self.remove(dish)
            yield

    def remove(self, dish: Dish) -> None:
        account = self.accounts[dish.email]
        if dish.state in REMOVABLE:
            account.delete_sent(dish)
            self.server.delete(dish.email, dish.time_ms, self.run)
            account.deleted(dish, self.clock)

    def clean_up(self) -> None:
        """Until nothing changes any more."""
        for account in self.accounts.values():
            account.release(self, self.clock)
        for _ in range(10):
            self.clock += 20
            for email in {dish.email for dish in self.index}:
                self.look(email, final=True)
            for dish in self.index.of(None):
                self.remove(dish)


def interleave(users: list[Iterator[None]], seed: int) -> None:
    """Let each user go on in turn, at random, until all are done; a user that is killed is just not in the list."""
    order = random.Random(seed)
    while users:
        at = order.randrange(len(users))
        if next(users[at], users) is users:
            users[at] = users[-1]
            users.pop()
