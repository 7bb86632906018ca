"""Reading a run: what the load did to it, from its steps. Pure.

Each sentence has a null hypothesis, that the load did nothing, and is said only where the probability of what was seen
would then be at most FALSE_ALARM.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from chaterload.judge.capacity import THE_SERVER, Capacity
from chaterload.judge.comparison import Comparison, Tolerance, Window, compare_windows
from chaterload.judge.curve import Curve, Point, read_curve
from chaterload.judge.dependence import Dependence, measure_dependence
from chaterload.judge.drift import Drift, read_drift
from chaterload.judge.history import Step
from chaterload.judge.measure import ALL
from chaterload.judge.objectives import Objective
from chaterload.judge.recovery import Recovery, read_recovery
from chaterload.judge.serverside import ServerSide
from chaterload.judge.steps import read_steps

SLOWED_DOWN = Tolerance(0.1)
"""A server that takes a tenth longer under load has not slowed down for anybody."""


@dataclass(frozen=True)
class Load:
    """What rising load did: compared are the steps with the fewest and the most users."""

    users: tuple[int, int]
    slowed_most: Comparison | None = None
    """The endpoint whose 95th percentile grew most, of those that slowed down; None when none did."""
    broke_first: tuple[str, int] | None = None
    """The objective that was missed first, and at how many users; None when none was."""


@dataclass(frozen=True)
class Analysis:
    """What can be said of a run; None where nothing was asked."""

    curve: Curve | None = None
    capacity: Capacity | None = None
    load: Load | None = None
    recovery: Recovery | None = None
    drift: Drift | None = None
    server: ServerSide = field(default_factory=ServerSide)
    """The server's own times beside ours."""

    def beside(self, server: ServerSide, *, generator_broken: bool) -> "Analysis":
        """The same with the server's times. A broken load generator cannot know whether the server was the limit."""
        capacity = self.capacity
        if capacity and generator_broken and capacity.limit == THE_SERVER:
            capacity = replace(capacity, limit="not known, since the load generator was broken")
        return replace(self, capacity=capacity, server=server)


def analyse(
    steps: Sequence[Step],
    objectives: Sequence[Objective],
    *,
    drift_in: Sequence[Step] = (),
    capacity: Capacity | None = None,
    spike: tuple[float, float] | None = None,
) -> Analysis:
    """What the steps say; `drift_in` are those to look for trends in, `spike` is (start, end) in seconds."""
    dependence = measure_dependence(steps)
    points = read_steps(steps, objectives, dependence)
    return Analysis(
        curve=read_curve(points),
        capacity=capacity,
        load=read_load(steps, points, dependence),
        recovery=read_recovery(steps, spike, dependence) if spike else None,
        drift=read_drift(drift_in),
    )


def read_load(steps: Sequence[Step], points: Sequence[Point], dependence: Dependence) -> Load | None:
    """What rising load did; None where the users were the same all the time."""
    if len(points) < 2:
        return None
    fewest, most = (
        next(step for step in steps if step.users == point.users and step.window.total.requests)
        for point in (points[0], points[-1])
    )
    before, now = (Window(step.window.endpoints, dependence) for step in (fewest, most))
    slower = [
        comparison
        for comparison in compare_windows(before, now, SLOWED_DOWN)
        if comparison.endpoint != ALL and (comparison.slower or comparison.slower_tail) and comparison.growth > 0
    ]
    broken = next(((point.broken[0], point.users) for point in points if point.broken), None)
    return Load((fewest.users, most.users), max(slower, key=lambda c: c.growth, default=None), broken)
