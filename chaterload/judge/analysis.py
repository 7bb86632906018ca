"""Reading a run: what the load did to it, from its steps and its history. Pure."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

from chaterload.judge.history import Sample, Step
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import Objective, State, evaluate
from chaterload.judge.serverside import ServerSide
from chaterload.judge.trend import Trend, trend

FALLEN = 0.9
"""Throughput that ends below this share of its peak is decreasing."""

FOLLOWS = 0.85
"""Throughput of the last step below this share of what the first steps promise has stopped following the users."""

ENOUGH_REQUESTS = 20
"""In a step, for its 95th percentile to mean something."""

RECOVERED = 1.25
"""Response times at most this much above those before a spike, or SLACK_MS, are as before."""

SLACK_MS = 20.0

BEARABLE = 0.01
"""The share of failures that is as before, where there were none."""


@dataclass(frozen=True)
class Point:
    """One step on the curve of throughput against users."""

    users: int
    requests_per_second: float
    p95_ms: float
    broken: tuple[str, ...] = ()
    """The objectives that the step missed."""


@dataclass(frozen=True)
class Curve:
    """Throughput against users: increasing, plateauing or decreasing, and where it stopped following."""

    trend: str
    points: tuple[Point, ...]
    knee_users: float | None
    plateau_rps: float | None


@dataclass(frozen=True)
class Capacity:
    """What a capacity search found."""

    users: int
    """The most that met every objective; 0 when the first step did not."""
    requests_per_second: float
    first_broken_users: int | None
    broken: tuple[str, ...]
    """The objectives that the first broken step missed."""
    limit: str
    """What ended the search: the server, the generator, or a bound of the search."""


@dataclass(frozen=True)
class Analysis:
    """What can be said of a run; None where nothing can."""

    curve: Curve | None = None
    capacity: Capacity | None = None
    grew_most: tuple[str, float] | None = None
    """The endpoint whose 95th percentile grew most from the first step to the last, and the factor."""
    broke_first: tuple[str, int] | None = None
    """The objective that was missed first, and at how many users."""
    recovery_s: float | None = None
    """After a spike, until the answers were as before; None also when they never were."""
    recovers: bool | None = None
    """Whether they were; None without a spike."""
    drift: Mapping[str, Trend] = field(default_factory=dict)
    """Trends over the run, per hour: of response times in ms, of the generator's CPU in percent and memory in MB."""
    server: ServerSide = field(default_factory=ServerSide)
    """The server's own times beside ours."""


def read_steps(steps: Sequence[Step], objectives: Sequence[Objective]) -> tuple[Point, ...]:
    """A point for each number of users; where a step comes back to one, as after a spike, the earlier is taken."""
    points = {
        step.users: Point(step.users, step.requests_per_second, step.p95_ms, broken_in(step, objectives))
        for step in reversed(steps)
        if step.window.total.requests
    }
    return tuple(points[users] for users in sorted(points))


def broken_in(step: Step, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """The objectives that the step misses, by its own window; without any answer there is nothing that it meets."""
    if not step.window.total.requests:
        return ("all requests: none was answered",)
    results = evaluate(objectives, step.window)
    return tuple(str(r.objective) for r in results if r.state is State.MISSED)


def read_curve(points: Sequence[Point]) -> Curve | None:
    """The shape of throughput against users; None for fewer than three steps.

    The model is that of closed queues: throughput follows the users up to the knee and stays from there on,
    min(slope * users, plateau). Slope and plateau are those with the least squared error. Where it falls again, they
    are those of the steps before. Two neighbours are averaged to see that: the highest of many steps is so by chance.
    """
    if len(points) < 3:
        return None
    levels = [(p.requests_per_second + q.requests_per_second) / 2 for p, q in itertools.pairwise(points)]
    slope, plateau = _fit(points)
    last, enough = points[-1], FALLEN * max(levels)
    if levels[-1] < enough:
        shape = "decreasing"
        highest = max(number for number, point in enumerate(points) if point.requests_per_second >= enough)
        slope, plateau = _fit(points[: highest + 1])
    elif last.requests_per_second < FOLLOWS * slope * last.users:
        shape = "plateauing"
    else:
        return Curve("increasing", tuple(points), None, None)
    return Curve(shape, tuple(points), plateau / slope if slope else None, plateau)


def _fit(points: Sequence[Point]) -> tuple[float, float]:
    """Slope and plateau of min(slope * users, plateau)."""
    best: tuple[float, float, float] | None = None
    for knee in range(1, len(points) + 1):
        rising, flat = points[:knee], points[knee:]
        slope = sum(p.users * p.requests_per_second for p in rising) / sum(p.users**2 for p in rising)
        plateau = fmean(p.requests_per_second for p in flat) if flat else slope * points[-1].users
        error = sum((min(slope * p.users, plateau) - p.requests_per_second) ** 2 for p in points)
        if best is None or error < best[0]:
            best = error, slope, plateau
    assert best is not None
    return best[1], best[2]


def read_growth(steps: Sequence[Step]) -> tuple[str, float] | None:
    """The endpoint that slowed down most from the first step to the one with the most users, and by what factor."""
    if len(steps) < 2:
        return None
    first, most = steps[0], max(steps, key=lambda step: step.users)
    factors = {
        endpoint: later.percentile_ms(0.95) / before
        for endpoint, later in most.window.endpoints.items()
        if later.requests >= ENOUGH_REQUESTS
        and (earlier := first.window.endpoints.get(endpoint)) is not None
        and (before := earlier.percentile_ms(0.95)) > 0
    }
    if not factors:
        return None
    endpoint = max(factors, key=lambda name: factors[name])
    return str(endpoint), factors[endpoint]


def read_first_break(points: Sequence[Point]) -> tuple[str, int] | None:
    """The objective that was missed with the fewest users, and with how many."""
    for point in points:
        if point.broken:
            return point.broken[0], point.users
    return None


def read_recovery(samples: Sequence[Sample], spike: tuple[float, float]) -> tuple[bool, float | None]:
    """Whether, and how many seconds after the spike's end, the answers were as before.

    `spike` is (start, end) in seconds since the start. As before means two samples in a row with a 95th percentile
    of at most 1.25 times the median of those before the spike, and no larger a share of failures: a server that
    refuses everything is quick.
    """
    before = [s for s in samples if s.at <= spike[0] and s.requests]
    if not before:
        return False, None
    usual = median(s.percentiles[ALL][1] for s in before)
    slowest = max(RECOVERED * usual, usual + SLACK_MS)
    most_failures = max(BEARABLE, sum(s.failures for s in before) / sum(s.requests for s in before))

    def calm(sample: Sample) -> bool:
        quick = sample.requests > 0 and sample.percentiles[ALL][1] <= slowest
        return quick and sample.failures <= most_failures * sample.requests

    after = [s for s in samples if s.at > spike[1]]
    for sample, following in itertools.pairwise(after):
        if calm(sample) and calm(following):
            return True, max(0.0, sample.at - sample.seconds - spike[1])
    return False, None


def read_drift(samples: Sequence[Sample], warm_up_s: float) -> dict[str, Trend]:
    """Trends after the warm-up, with slopes per hour."""
    steady = [sample for sample in samples if sample.at > warm_up_s and ALL in sample.percentiles]
    hours = [sample.at / 3600 for sample in steady]
    endpoints: list[Endpoint] = sorted({e for sample in steady for e in sample.percentiles}, key=str)
    series: dict[str, tuple[list[float], list[float]]] = {
        f"{endpoint} median ms": (
            [sample.at / 3600 for sample in steady if endpoint in sample.percentiles],
            [sample.percentiles[endpoint][0] for sample in steady if endpoint in sample.percentiles],
        )
        for endpoint in endpoints
    }
    series["generator CPU %"] = (hours, [sample.generator.cpu_percent for sample in steady])
    series["generator memory MB"] = (hours, [sample.generator.memory_bytes / 1e6 for sample in steady])
    trends = {name: trend(times, values) for name, (times, values) in series.items()}
    return {name: found for name, found in trends.items() if found is not None}
