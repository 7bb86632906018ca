"""Removes what users left when they stopped. It is no load, counts nowhere, and asks no more than the server holds."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

import gevent

from chaterload.chater.accounts import Account, now_ms
from chaterload.chater.day_list import read_list, request_for
from chaterload.chater.dishes import REMOVABLE, Dish, DishIndex, DishState
from chaterload.chater.kinds import FailureKind, Trait
from chaterload.chater.routes import DELETE, Route
from proto.delete_food_pb2 import DeleteFoodRequest

IDLE_LIMIT_S = 60.0
"""The clean-up ends after so long without progress."""

REFUSED_LIMIT_S = 10.0
"""It ends after so long in which the server answered everything wrongly; silence is given more time."""

SHORTEST_S = 1.0
"""Of the time for an answer, when a clean-up without progress is about to end: no answer prolongs it by more."""

TELL_EVERY_S = 5.0
CHECK_EVERY_S = 0.2
"""How soon a clean-up that was limited ends."""

PAUSE_S = (0.25, 2.0)
"""The first and the longest pause between two looks that changed nothing."""

T = TypeVar("T")


class Ask(Protocol):
    """Sends a message that is no load."""

    def __call__(self, account: Account, route: Route[T], body: bytes | None, seconds: float) -> T | FailureKind: ...


class Pace:
    """How many requests at once the server holds, and how long it may take for one."""

    SLOW_S, QUICK_S = 45.0, 10.0

    def __init__(self, first: int = 4, most: int = 32) -> None:
        self.width = first
        self.seconds = self.QUICK_S
        self._most = most

    def answered(self) -> None:
        self.width = min(self.width + 1, self._most)

    def failed(self, kind: FailureKind) -> None:
        self.width = max(self.width // 2, 1)
        if kind is FailureKind.TIMED_OUT:
            self.seconds = self.SLOW_S


class Progress:
    """Whether dishes still get nearer to their end; one that comes back is no progress when it goes again."""

    def __init__(self, now: float) -> None:
        self.at = now
        """When the last step was made."""
        self._furthest: dict[int, int] = {}

    def note(self, dishes: Iterable[Dish], now: float) -> None:
        """See whether any of the dishes came further than it ever was."""
        for dish in dishes:
            stage = _STAGES.get(dish.state, 0)
            if stage > self._furthest.get(dish.time_ms, 0):
                self._furthest[dish.time_ms] = stage
                self.at = now


_STAGES = {DishState.LISTED: 1, DishState.DELETED: 2, DishState.GONE: 3}


class Cleanup:
    """The clean-up of one process. It works while there is something to do, in a greenlet of its own."""

    def __init__(self, accounts: Mapping[str, Account], index: DishIndex, ask: Ask) -> None:
        self._accounts = accounts
        self._index = index
        self._ask = ask
        self._pace = Pace()
        self.requests: Counter[str] = Counter()
        """By "METHOD /path": the server counts them, and no statistics do."""
        self.early_requests = 0
        """Of these, those that were made while other users went on."""
        self._final = self._held = False
        self._limit_s = float("inf")
        self._deadline = float("inf")
        self._greenlet: gevent.Greenlet | None = None
        self._failing_since: float | None = None
        self._progress = Progress(float("inf"))

    def begin(self) -> None:
        """Remove what users that have stopped left, while the others go on."""
        if not self._greenlet and not self._held and self._todo():
            self._greenlet = gevent.spawn(self._work)

    def hold(self) -> None:
        """Wait for `finish`: the load is about to end, and its figures come first."""
        self._held = True
        if self._greenlet:
            self._greenlet.kill()

    def finish(self, tell: Callable[[int], Any] = lambda _: None) -> None:
        """Remove all that is left, now that the load has ended, as long as there is progress and time.

        `tell` is called at the start and every few seconds with the number of dishes that are left to do.
        """
        self._final, self._held, self._deadline = True, False, time.monotonic() + self._limit_s
        if self._limit_s:
            self.begin()
        told = float("-inf")
        while self._greenlet and (now := time.monotonic()) < self._deadline:
            if now - told >= TELL_EVERY_S:
                told = now
                tell(len(self._todo()))
            self._greenlet.join(min(CHECK_EVERY_S, self._deadline - now))
        if self._greenlet:
            self._greenlet.kill()
        self._final = False

    def limit(self, seconds: float) -> None:
        """Give the clean-up so many seconds, from now where it goes on already, else from its start; 0 ends it."""
        self._limit_s = min(self._limit_s, seconds)
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def _todo(self) -> list[Dish]:
        """What can be done something about; what did not show in time is looked for once more in the end."""
        idle = (DishState.DOUBTFUL,) if self._final else (DishState.DOUBTFUL, DishState.LOST)
        return [dish for dish in self._index.of(None) if dish.state not in idle]

    def _work(self) -> None:
        progress = self._progress = Progress(time.monotonic())
        pause = PAUSE_S[0]
        self._failing_since = None
        while dishes := self._todo():
            began = time.monotonic()
            self._look(dishes)
            if self._is_over():
                return  # and not after one more delete, so that what was seen last is told
            self._each(self._delete, [dish for dish in dishes if dish.state in REMOVABLE])
            if progress.at > began:
                pause = PAUSE_S[0]
                continue
            gevent.sleep(pause)
            pause = min(2 * pause, PAUSE_S[1])

    def _is_over(self) -> bool:
        """Whether it gets nowhere."""
        now = time.monotonic()
        is_hopeless = self._failing_since is not None and now - self._failing_since >= REFUSED_LIMIT_S
        return is_hopeless or now - self._progress.at >= IDLE_LIMIT_S

    def _look(self, dishes: list[Dish]) -> None:
        """Ask for the lists that can tell of the dishes; of those that are listed one has told already."""
        pages: dict[tuple[str, int], list[Dish]] = defaultdict(list)
        for dish in dishes:
            if dish.state is not DishState.LISTED:
                pages[dish.email, dish.day].append(dish)
        self._each(self._list, pages.values())

    def _each(self, work: Callable[[Any], None], items: Iterable[Any]) -> None:
        waiting = list(items)
        while waiting:
            batch, waiting = waiting[: self._pace.width], waiting[self._pace.width :]
            greenlets = [gevent.spawn(work, item) for item in batch]
            try:
                gevent.joinall(greenlets, raise_error=True)
            finally:
                gevent.killall(greenlets)
            if self._is_over():
                return

    def _list(self, dishes: list[Dish]) -> None:
        """Judge dishes, all of one account and day, by the list of it."""
        email, day = dishes[0].email, dishes[0].day
        account, asked = self._accounts[email], time.monotonic()
        food = self._send(account, *request_for(day, now_ms()))
        listed = None if isinstance(food, FailureKind) else read_list(food, day, asked, now_ms())
        if listed is not None:
            account.dishes.reconcile(listed, final=self._final)
            self._progress.note(dishes, time.monotonic())

    def _delete(self, dish: Dish) -> None:
        account = self._accounts[dish.email]
        account.dishes.delete_sent(dish)
        try:
            answer = self._send(account, DELETE, DeleteFoodRequest(time=dish.time_ms).SerializeToString())
            if not isinstance(answer, FailureKind):
                account.dishes.deleted(dish, time.monotonic())
                self._progress.note([dish], time.monotonic())
        finally:
            if dish.state is DishState.DELETING:
                account.dishes.delete_failed(dish, time.monotonic())

    def _send(self, account: Account, route: Route[T], body: bytes | None) -> T | FailureKind:
        self.requests[str(route)] += 1
        self.early_requests += not self._final
        left = self._progress.at + IDLE_LIMIT_S - time.monotonic()
        answer = self._ask(account, route, body, min(self._pace.seconds, max(left, SHORTEST_S)))
        if not isinstance(answer, FailureKind):
            self._pace.answered()
            self._failing_since = None
            return answer
        if isinstance(answer, FailureKind) and Trait.TOKEN_REJECTED in answer.traits:
            account.renew()
        self._pace.failed(answer)
        if answer is not FailureKind.TIMED_OUT and self._failing_since is None:
            self._failing_since = time.monotonic()
        return answer
