"""The arrivals of one process: each is handed to an idle user, and users are started before none is left."""

import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import asdict
from random import Random
from typing import Any, Literal

import gevent
from gevent.hub import Waiter
from locust.env import Environment

from chaterload import internals
from chaterload.chater.user import ProtobufUser
from chaterload.judge.lateness import LATE_MS, Arrivals
from chaterload.load.arrivals import Arrival, ArrivalProcess, TaskCosts
from chaterload.load.rates import ArrivalPlan, reserve, users_to_start
from chaterload.load.scenario import calls_of

READY_S = 2.0
"""The first users get so long to take their accounts before the first arrival is due."""

LOOK_S = 0.01

Cause = Literal["server", "pool", "generator"]
"""Of a late arrival: users wait for answers, or pause within their tasks, or this process was not in time."""

_Handed = tuple[Arrival, Cause]
"""An arrival, and what is the cause should it be late."""


def takers(environment: Environment) -> list[type[ProtobufUser]]:
    """The user classes that take arrivals: others do not wait for them, or have no task left by --tags."""
    return [c for c in environment.user_classes if issubclass(c, ProtobufUser) and c.tasks]


class Dispatcher:
    """Hands each arrival to the user that has been idle longest; one that finds nobody idle waits for the next user.

    Its timer runs in gevent's hub, so that an arrival costs what a user's own pause costs: one timer and one switch.
    """

    def __init__(
        self,
        environment: Environment,
        plan: ArrivalPlan,
        may_grow: Callable[[], bool],
        in_flight: Callable[[], int],
    ) -> None:
        """The pool stays as it is once `may_grow` says no. `in_flight` is how many requests wait for an answer here.

        The first rate counts from when Locust has started users here, and those are ready.
        """
        assert environment.runner is not None
        self._runner = environment.runner
        self._classes = takers(environment)
        self._plan, self._may_grow, self._in_flight = plan, may_grow, in_flight
        seed = plan.own_seed
        self._random = Random(None if seed is None else f"tasks {seed}")
        tasks = [task for user_class in self._classes for task in user_class.tasks]
        guess = sum(map(_guess, tasks)) / len(tasks) if tasks else 1.0
        self._process = ArrivalProcess(plan.kind, Random(seed), TaskCosts(guess), time.perf_counter())
        self._rate = 0.0
        self._idle: OrderedDict[Waiter[_Handed], None] = OrderedDict()
        self._waiting: deque[_Handed] = deque()
        """Arrivals that have no user yet."""
        self._under_way: dict[Any, tuple[Any, Arrival]] = {}
        """Task and arrival of each user's greenlet."""
        self._requests: Counter[Any] = Counter()
        """That each of these has made since its task began."""
        self._arrivals = 0
        self._late: Counter[Cause] = Counter()
        self._latest_ms = 0.0
        self._enough = 0
        """So many idle users are enough at this rate, by the last look."""
        self._timer: Any = None
        self._is_open = self._is_growing = self._is_over = False
        self._events = environment.events
        self._events.request.add_listener(self._on_request)
        self._let_go = internals.keep_users(self._runner)
        self._runner.greenlet.spawn(self._open)

    def _open(self) -> None:
        """Begin when there are users to begin with."""
        while not internals.has_started(self._runner) and not self._is_over:
            gevent.sleep(LOOK_S)
        deadline = time.perf_counter() + READY_S
        self._grow()
        while (not self._idle or self._missing()) and time.perf_counter() < deadline:
            gevent.sleep(LOOK_S)
        if not self._is_over:
            self._is_open = True
            self._process.ask(time.perf_counter(), self._rate)
            self._arm()

    def ask(self, rate: float) -> None:
        """So many requests per second from now on."""
        if self._is_over or rate == self._rate:
            return
        self._rate = rate
        if self._is_open:
            self._process.ask(time.perf_counter(), rate)
            self._grow()
            self._arm()

    def take(self, user: Any) -> float:
        """Wait for the next arrival and give the user its task: when it was due, as time.perf_counter() tells it."""
        greenlet = gevent.getcurrent()
        self._end(greenlet)
        arrival, cause = self._waiting.popleft() if self._waiting else self._wait()
        self._count(arrival, cause)
        task = self._random.choice(user.tasks)
        internals.schedule_task(user, task)
        self._under_way[greenlet] = task, self._process.begin(arrival, task, _guess(task))
        return arrival.due

    def _wait(self) -> _Handed:
        waiter: Waiter[_Handed] = Waiter()
        self._idle[waiter] = None
        try:
            handed: _Handed = waiter.get()
        finally:
            self._idle.pop(waiter, None)
        return handed

    def leave(self) -> None:
        """The user that calls ends: its task goes no further."""
        self._end(gevent.getcurrent())

    def _end(self, greenlet: Any) -> None:
        requests = self._requests.pop(greenlet, 0)
        if begun := self._under_way.pop(greenlet, None):
            task, arrival = begun
            self._process.end(arrival, task, requests)

    def stop(self) -> None:
        """The load has ended: what is waiting is late for good."""
        if self._is_over:
            return
        self._is_over = True
        self._process.ask(time.perf_counter(), 0.0)
        self._disarm()
        while self._waiting:
            self._count(*self._waiting.popleft())
        self._events.request.remove_listener(self._on_request)
        self._let_go()

    def figures(self) -> dict[str, Any]:
        """How many there were and how many were late, as what msgpack can carry."""
        counts = self._arrivals, self._late.total(), self._late["server"], self._latest_ms
        return asdict(Arrivals(*counts, len(self._waiting), len(self._idle), self._late["pool"]))

    def _on_request(self, **_: Any) -> None:
        """Of the task that made it, in its user's greenlet or in one that it started."""
        greenlet = gevent.getcurrent()
        while greenlet is not None and greenlet not in self._under_way:
            spawner = getattr(greenlet, "spawning_greenlet", None)  # a weak reference; the hub's has none
            greenlet = spawner() if spawner else None
        if greenlet is not None:
            self._requests[greenlet] += 1

    def _count(self, arrival: Arrival, cause: Cause) -> None:
        late_ms = (time.perf_counter() - arrival.due) * 1000
        self._arrivals += 1
        if late_ms > self._latest_ms:
            self._latest_ms = late_ms
        if late_ms > LATE_MS:
            self._late[cause] += 1

    def _arm(self) -> None:
        """Wake up when the next arrival is due."""
        self._disarm()
        due = self._process.next
        if due != float("inf"):
            self._timer = gevent.get_hub().loop.timer(max(0.0, due - time.perf_counter()))
            self._timer.start(self._fire, update=True)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer.close()
            self._timer = None

    def _fire(self) -> None:
        """Hand out what is due. It runs in the hub, where each user goes on until it waits for something."""
        while self._process.next <= time.perf_counter():
            arrival = self._process.arrive()
            if self._idle:
                waiter, _ = self._idle.popitem(last=False)
                waiter.switch((arrival, "generator"))
            else:
                self._waiting.append((arrival, self._why_nobody_is_idle()))
        if self._waiting or 2 * len(self._idle) < self._enough:  # half of the reserve bears what comes together
            self._grow()
        self._arm()

    def _why_nobody_is_idle(self) -> Cause:
        users = self._runner.user_count
        if users < self._plan.most_users:
            return "generator"
        return "server" if 2 * self._in_flight() >= users else "pool"

    def _missing(self) -> int:
        """How many users have to be started now."""
        tasks_per_second = self._rate / self._process.costs.mean
        self._enough = reserve(tasks_per_second)
        if self._is_over or not self._may_grow():
            return 0
        return users_to_start(
            self._runner.user_count,
            busy=len(self._under_way),
            idle=len(self._idle),
            waiting=len(self._waiting),
            tasks_per_second=tasks_per_second,
            most_users=self._plan.most_users,
        )

    def _grow(self) -> None:
        if not self._is_growing and self._missing():
            self._is_growing = True
            self._runner.greenlet.spawn(self._start_users)

    def _start_users(self) -> None:
        """Start what is missing, the classes by their weights."""
        try:
            weights = [user_class.weight for user_class in self._classes]
            names = [user_class.__name__ for user_class in self._classes]
            if names and (missing := self._missing()):
                internals.start_users(self._runner, Counter(self._random.choices(names, weights, k=missing)))
        finally:
            self._is_growing = False


def _guess(task: Any) -> float:
    """How many requests a task makes, until it was seen to."""
    return float(len(calls_of(task)) or 1)
