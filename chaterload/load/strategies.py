"""Named load shapes, as data. Pure.

A strategy asks one question. Adding one is a row in STRATEGIES, and a line in the table of docs/strategies.md.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Stage:
    """So many users, started (or stopped) at so many a second, for so long. The ramp is part of the time.

    With a `rate`, so many requests per second instead: `Stage(rate=75, spawn_rate=2.5, seconds=300)` gets there by 2.5
    more in each second.
    """

    users: int = 0
    spawn_rate: float = 1.0
    seconds: float = 60.0
    rate: float | None = None


@dataclass(frozen=True)
class Strategy:
    """A name, the question it asks, and its stages one after the other."""

    name: str
    asks: str
    stages: tuple[Stage, ...]
    every_task: bool = False
    """Whether each user begins with one run of every task, and a task left out makes the run invalid."""
    forbids_trends: bool = False
    """Whether response times and the generator's memory must not rise, whatever the objectives say."""

    @property
    def peak_users(self) -> int:
        return max(stage.users for stage in self.stages)

    @property
    def by_rate(self) -> bool:
        """Whether its stages are requests per second, and not users."""
        return any(stage.rate is not None for stage in self.stages)

    @property
    def seconds(self) -> float:
        return sum(stage.seconds for stage in self.stages)

    @property
    def load(self) -> str:
        """`10 to 100 users`, `75 req/s`."""
        levels = [stage.users if stage.rate is None else stage.rate for stage in self.stages]
        low, high = min(levels), max(levels)
        unit = "req/s" if self.by_rate else "user" if high == 1 else "users"
        return f"{high:g} {unit}" if low == high else f"{low:g} to {high:g} {unit}"

    def scaled(self, time: float = 1.0, users: int | None = None) -> "Strategy":
        """The same with its times multiplied by `time` and its users in proportion to a peak of `users`."""
        share = users / self.peak_users if users and not self.by_rate else 1.0
        return replace(
            self,
            stages=tuple(
                replace(stage, spawn_rate=stage.spawn_rate / time, seconds=stage.seconds * time)
                if stage.rate is not None
                else replace(stage, users=max(1, round(stage.users * share)), seconds=stage.seconds * time)
                for stage in self.stages
            ),
        )

    def stage_at(self, seconds: float) -> Stage | None:
        """The stage `seconds` after the start, None after the end."""
        for stage in self.stages:
            if seconds < stage.seconds:
                return stage
            seconds -= stage.seconds
        return None

    def rate_at(self, seconds: float) -> float:
        """The requests per second that are asked for `seconds` after the start; those of the last stage after it."""
        rate = 0.0
        for stage in self.stages:
            goal, step = stage.rate or 0.0, stage.spawn_rate * min(seconds, stage.seconds)
            rate = min(goal, rate + step) if rate < goal else max(goal, rate - step)
            seconds -= stage.seconds
            if seconds < 0:
                break
        return rate


def steps(count: int, users: int, spawn_rate: float, seconds: float) -> tuple[Stage, ...]:
    """`count` stages of `seconds` together, each with `users` more than the one before."""
    return tuple(Stage(users * number, spawn_rate, seconds / count) for number in range(1, count + 1))


# Users, spawn rates and times as the platform's documentation states them for each kind of test.
STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("smoke", "does every scenario work at all", (Stage(1, 1, 60),), every_task=True),
        Strategy("load", "is it fast enough under normal load", (Stage(50, 5, 600),)),
        Strategy("stress", "at how many users does it break", steps(10, 20, 10, 900)),
        Strategy(
            "spike",
            "does it survive a sudden rise, and recover",
            (Stage(10, 10, 120), Stage(100, 50, 300), Stage(10, 50, 120)),
        ),
        Strategy("endurance", "does it leak or drift", (Stage(30, 3, 7200),), forbids_trends=True),
        *(
            Strategy(name, f"is it fast enough at {rate} req/s", (Stage(rate=rate, spawn_rate=rate / 30, seconds=300),))
            for name, rate in (("low", 15), ("normal", 75), ("high", 200))
        ),
    )
}


def spike_of(strategy: Strategy) -> tuple[float, float] | None:
    """Start and end, in seconds, of a stage with more users than the one before and the one after it."""
    start = 0.0
    for before, stage, after in zip(strategy.stages, strategy.stages[1:], strategy.stages[2:], strict=False):
        start += before.seconds
        if before.users < stage.users > after.users:
            return start, start + stage.seconds
    return None


def starts_of(strategy: Strategy) -> list[tuple[float, str]]:
    """When each stage begins, in seconds since the start, and what it is; none of a strategy with one stage."""
    spike, at, starts = spike_of(strategy), 0.0, list[tuple[float, str]]()
    for stage in strategy.stages if len(strategy.stages) > 1 else ():
        is_spike = spike is not None and at == spike[0]
        starts.append((at, f"{'spike: ' if is_spike else ''}{stage.users} users"))
        at += stage.seconds
    return starts


CAPACITY = "capacity"
NAMES = (*STRATEGIES, CAPACITY)

USERS, RATE = "users", "rate"
WAYS = (USERS, RATE)
"""What a capacity search can raise."""


@dataclass(frozen=True)
class SearchLimits:
    """How a capacity search goes about it, and what ends it."""

    first_step: int = 10
    """Users of the first step, and how many more each of the next has."""
    steps_before_doubling: int = 10
    """After so many passed steps of one size, the size doubles: from 50 users on, no step is more than a fifth up."""
    finest: float = 0.03
    """The search ends when half a step would be less than this share of the users."""
    most_users: int = 5_000
    seconds: float = 3_600.0
    window_s: float = 10.0
    """Length of the windows that a step's figures are compared over."""
    settle_s: float = 5.0
    """After the ramp, before the first window."""
    steady_within_s: float = 150.0
    """A step that is not steady by then is judged as it is, once it has requests enough."""
    longest_step_s: float = 300.0
    """A step that has too few requests by then is judged as it is."""


class Search:
    """Goes up in steps to the first that fails, back to the last that passed, and on in half steps.

    `users` is the step to try now, None when the search is over.
    """

    def __init__(self, limits: SearchLimits) -> None:
        self._limits = limits
        self._step = limits.first_step
        self._passed_steps = 0
        self.highest_passing = 0
        """The most users that met every objective."""
        self.lowest_failing: int | None = None
        """The fewest users that did not."""
        self.users: int | None = min(limits.first_step, limits.most_users)

    def record(self, *, met: bool) -> None:
        """The step that was tried met every objective, or did not."""
        assert self.users is not None
        if met:
            self.highest_passing = self.users
            self._passed_steps += 1
        else:
            self.lowest_failing = self.users
        self.users = self._next()

    def _next(self) -> int | None:
        passing, failing = self.highest_passing, self.lowest_failing
        if failing is None:
            if passing >= self._limits.most_users:
                return None
            if self._passed_steps == self._limits.steps_before_doubling:
                self._step, self._passed_steps = self._step * 2, 0
            return min(passing + self._step, self._limits.most_users)
        half = (failing - passing) // 2
        return passing + half if half >= max(1.0, passing * self._limits.finest) else None
