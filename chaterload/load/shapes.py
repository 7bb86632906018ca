"""The strategies as Locust load shapes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from locust import LoadTestShape
from locust.runners import MasterRunner

from chaterload.internals import WORKER_REPORT_INTERVAL
from chaterload.judge.capacity import THE_SERVER, Capacity, judged_step, read_capacity
from chaterload.judge.history import Step
from chaterload.judge.measure import Snapshot
from chaterload.judge.objectives import Objective
from chaterload.judge.steps import broken_in
from chaterload.load.strategies import CAPACITY, STRATEGIES, Search, SearchLimits, Strategy

Tick = tuple[int, float] | None

FRESH_WINDOW_S = 4 * WORKER_REPORT_INTERVAL
"""A master's windows are at least so long: workers report every 3 s, and not in step."""


class NamedShape(LoadTestShape):
    """A load shape that says what it is and whether it came to its end."""

    abstract = True  # else Locust would take the first one for every run
    name: str
    peak_users: int
    seconds: float
    every_task = False
    forbids_trends = False
    finished = False
    by_rate = False
    rate = 0.0
    """Requests per second that are asked for, where it goes by these."""
    ask: Callable[[float], object] = staticmethod(lambda rate: None)
    """Asks the run for another rate."""

    def now(self) -> float:
        """Seconds since Locust started the shape."""
        return float(self.get_run_time())

    def ask_for(self, rate: float) -> Tick:
        """Ask for so many requests per second; for Locust it is one user: a pool takes as many as it needs."""
        self.rate = rate
        self.ask(rate)
        return 1, 1.0

    def reset_time(self) -> None:
        """Locust starts the shape, perhaps once more."""
        super().reset_time()
        self.finished = False


class StagedShape(NamedShape):
    """Stages one after the other."""

    abstract = True

    def __init__(self, strategy: Strategy) -> None:
        super().__init__()
        self.strategy = strategy
        self.name = strategy.name
        self.peak_users = strategy.peak_users
        self.seconds = strategy.seconds
        self.every_task = strategy.every_task
        self.forbids_trends = strategy.forbids_trends
        self.by_rate = strategy.by_rate

    def tick(self) -> Tick:
        """Users and spawn rate of this moment, None at the end."""
        now = self.get_run_time()
        stage = self.strategy.stage_at(now)
        self.finished = stage is None
        if stage and self.by_rate:
            return self.ask_for(self.strategy.rate_at(now))
        return (stage.users, stage.spawn_rate) if stage else None


class CapacityShape(NamedShape):
    """The most users that meet every objective: up in steps, back, and on in half steps.

    A step is held until its figures are steady and there are requests enough for each objective, and is judged by these
    windows alone. It is over at once when a miss is beyond chance.
    """

    abstract = True
    name = CAPACITY

    def __init__(
        self,
        limits: SearchLimits,
        objectives: Sequence[Objective],
        measure: Callable[[], Snapshot],
        cpu_percent: Callable[[], float],
    ) -> None:
        """`measure` gives what was answered so far, in which a lost write is no failure: that is no matter of load."""
        super().__init__()
        self.limits = limits
        self.peak_users = limits.most_users
        self.seconds = limits.seconds
        self._objectives = objectives
        self._measure = measure
        self._cpu_percent = cpu_percent
        self._begin()

    def reset_time(self) -> None:
        """A new search."""
        super().reset_time()
        self._begin()

    def _begin(self) -> None:
        self.search = Search(self.limits)
        self.steps: list[Step] = []
        self.limit: str | None = None
        """What ended the search."""
        self._start_step()

    def _start_step(self) -> None:
        self._reached: float | None = None
        self._marks: list[Snapshot] = []

    def tick(self) -> Tick:
        """Users and spawn rate of this moment, None when the search is over."""
        users = self._level(self.get_run_time())
        return None if users is None else (users, max(10.0, users / 5))

    def _level(self, now: float) -> int | None:
        """How many users to try at this moment, None when the search is over."""
        users = self.search.users
        if users is not None and now >= self.limits.seconds:
            self.limit, users = f"the search's bound of {self.limits.seconds:.0f} s", None
        if users is not None and (step := self._finished_step(now, users)):
            users = self._judge(step)
        if users is None:
            self.finished = True
            self.limit = self.limit or self._outcome()
        return users

    def _finished_step(self, now: float, users: int) -> Step | None:
        """Follow one step: ramp, settle, then windows until it can be judged; by these then."""
        if not self._is_there(users):
            self._start_step()
            return None
        self._reached = now if self._reached is None else self._reached
        due = self._reached + self.limits.settle_s + len(self._marks) * self._window_s
        if now < due:
            return None
        self._marks.append(replace(self._measure(), seconds=now))
        lasts, limits = now - self._reached, self.limits
        is_late, is_last = lasts >= limits.steady_within_s, lasts >= limits.longest_step_s
        return judged_step(users, self._marks, self._objectives, is_last=is_last, is_late=is_late)

    def _is_there(self, users: int) -> bool:
        """Whether the load is what the step is about."""
        assert self.runner is not None
        return self.runner.user_count == users

    @property
    def _window_s(self) -> float:
        return max(self.limits.window_s, FRESH_WINDOW_S if isinstance(self.runner, MasterRunner) else 0.0)

    def _judge(self, step: Step) -> int | None:
        self._start_step()
        if self._cpu_percent() > 90:
            self.limit = "the load generator: it was above 90 % CPU, spread the users over more workers"
            return None
        self.steps.append(step)
        self.search.record(met=not self._broken(step))
        return self.search.users

    def _broken(self, step: Step) -> tuple[str, ...]:
        """What the step misses, by name."""
        return broken_in(step, self._objectives)

    def _outcome(self) -> str:
        if self.search.lowest_failing is None:
            return f"the search's bound of {self.limits.most_users} {'req/s' if self.by_rate else 'users'}"
        return THE_SERVER

    def best(self) -> Step | None:
        """The step with the most users that met every objective."""
        return next((step for step in self.steps if step.users == self.search.highest_passing), None)

    def found(self) -> Capacity:
        """The search's result, as far as it went."""
        failing = (step for step in self.steps if step.users == self.search.lowest_failing and self._broken(step))
        broken = next(failing, None)
        limit = self.limit or "the end of the run"
        missed = self._broken(broken) if broken else None
        return read_capacity(self.steps, self.best(), broken, self._objectives, limit, missed)


def staged_shapes(scale: float, users: int | None) -> dict[str, NamedShape]:
    """The shape of each staged strategy."""
    return {name: StagedShape(strategy.scaled(scale, users)) for name, strategy in STRATEGIES.items()}


def search_limits(scale: float, users: int | None) -> SearchLimits:
    """A capacity search with its times scaled and its users bounded."""
    limits = SearchLimits()
    return replace(
        limits,
        most_users=users or limits.most_users,
        seconds=limits.seconds * scale,
        window_s=limits.window_s * scale,
        settle_s=limits.settle_s * scale,
        steady_within_s=limits.steady_within_s * scale,
    )
