"""The strategies as Locust load shapes."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from locust import LoadTestShape
from locust.runners import MasterRunner

from chaterload.exits import Refused
from chaterload.internals import WORKER_REPORT_INTERVAL
from chaterload.judge.analysis import Capacity, broken_in
from chaterload.judge.history import Step
from chaterload.judge.measure import Snapshot
from chaterload.judge.objectives import Objective
from chaterload.load.strategies import CAPACITY, NAMES, STRATEGIES, Search, SearchLimits, Strategy, steady

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
    finished = False

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

    def tick(self) -> Tick:
        """Users and spawn rate of this moment, None at the end."""
        stage = self.strategy.stage_at(self.get_run_time())
        self.finished = stage is None
        return (stage.users, stage.spawn_rate) if stage else None


class CapacityShape(NamedShape):
    """The most users that meet every objective: up in steps, back, and on in half steps.

    A step is held until its figures are steady, and judged by the objectives over its last two windows alone. One
    that breaks an objective is judged twice: a single slow answer among twenty is a 95th percentile.
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
        self._in_doubt = False

    def tick(self) -> Tick:
        """Users and spawn rate of this moment, None when the search is over."""
        now = self.get_run_time()
        users = self.search.users
        if users is not None and now >= self.limits.seconds:
            self.limit, users = f"the search's bound of {self.limits.seconds:.0f} s", None
        if users is not None and self._step_is_over(now, users):
            users = self._judge_step(users)
        if users is None:
            self.finished = True
            self.limit = self.limit or self._outcome()
            return None
        return users, max(10.0, users / 5)

    def _step_is_over(self, now: float, users: int) -> bool:
        """Follow one step: ramp, settle, then windows until they agree."""
        assert self.runner is not None
        if self.runner.user_count != users:
            self._start_step()
            return False
        self._reached = now if self._reached is None else self._reached
        due = self._reached + self.limits.settle_s + len(self._marks) * self._window_s
        if now < due:
            return False
        self._marks.append(replace(self._measure(), seconds=now))
        windows = [later.since(earlier).total for earlier, later in zip(self._marks, self._marks[1:], strict=False)]
        figures = [(window.requests, window.percentile_ms(0.95)) for window in windows]
        return steady(figures) or len(windows) >= self.limits.most_windows

    @property
    def _window_s(self) -> float:
        return max(self.limits.window_s, FRESH_WINDOW_S if isinstance(self.runner, MasterRunner) else 0.0)

    def _judge_step(self, users: int) -> int | None:
        base = self._marks[max(0, len(self._marks) - 3)]
        step = Step(users, self._reached or 0.0, self._marks[-1].since(base))
        met = not broken_in(step, self._objectives)
        if not met and not self._in_doubt:
            self._in_doubt, self._marks = True, self._marks[-1:]
            return users
        self._start_step()
        if self._cpu_percent() > 90:
            self.limit = "the load generator: it was above 90 % CPU, spread the users over more workers"
            return None
        self.steps.append(step)
        self.search.feed(met)
        return self.search.users

    def _outcome(self) -> str:
        if self.search.broken is None:
            return f"the search's bound of {self.limits.most_users} users"
        return "the server"

    def best(self) -> Step | None:
        """The step with the most users that met every objective."""
        return next((step for step in self.steps if step.users == self.search.good), None)

    def found(self) -> Capacity:
        """The search's result, as far as it went."""
        best = self.best()
        broken = next((step for step in self.steps if step.users == self.search.broken), None)
        return Capacity(
            users=self.search.good,
            requests_per_second=best.requests_per_second if best else 0.0,
            first_broken_users=self.search.broken,
            broken=broken_in(broken, self._objectives) if broken else (),
            limit=self.limit or "the end of the run",
        )


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
    )


def check_name(name: str) -> None:
    """Refused when there is no such strategy."""
    if name not in NAMES:
        raise Refused(f"--strategy {name!r} is unknown. Expected one of: {', '.join(NAMES)}.")
