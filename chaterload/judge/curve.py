"""Throughput against users: whether it follows them, stops, or falls. Pure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from chaterload.judge.history import Step

FALLEN = 0.9
"""Throughput that ends below this share of its peak is decreasing."""

FOLLOWS = 0.85
"""Throughput of the last step below this share of what the first steps promise has stopped following the users."""

Z_SELECTED = 2.6
"""Standard deviations that a knee or a fall has to show: more than for a place that is not chosen for being the best.
Of 1,000 simulated servers without a limit at most 4 showed so much."""

Z_ONE_SIDED = 2.326
"""Standard deviations that 1 % of a normal distribution exceed."""

PRIOR_FREEDOM = 4.0
"""The weight of what is expected of counts, a Poisson distribution's variance, beside what the batches show."""


class Shape(StrEnum):
    """What throughput does as the users rise."""

    INCREASING = "increasing"
    PLATEAUING = "plateauing"
    DECREASING = "decreasing"
    UNCLEAR = "unclear"
    """There are too few requests to tell."""


@dataclass(frozen=True)
class Point:
    """One step on the curve of throughput against users."""

    users: int
    requests_per_second: float
    p95_ms: float
    broken: tuple[str, ...] = ()
    """The objectives that the step missed beyond chance."""
    error_rps: float = 0.0
    """Standard deviation of the throughput."""


@dataclass(frozen=True)
class Curve:
    """Throughput against users, and where it stopped following them."""

    trend: Shape
    points: tuple[Point, ...]
    knee_users: float | None = None
    plateau_rps: float | None = None


def throughput_error(steps: Sequence[Step]) -> float:
    """How much wider or narrower than a Poisson distribution's the variance of the batches' request counts is.

    Users who wait and think make their requests more evenly than chance; pauses of the server less so.
    """
    observed, freedom = PRIOR_FREEDOM, PRIOR_FREEDOM
    for step in steps:
        if len(step.batches) > 1 and (rate := step.requests_per_second):
            expected = [rate * batch.window.seconds for batch in step.batches]
            counts = [batch.window.total.requests for batch in step.batches]
            observed += sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True) if e)
            freedom += len(step.batches) - 1
    return math.sqrt(observed / freedom)


def read_curve(points: Sequence[Point]) -> Curve | None:
    """The shape of throughput against users; None for fewer than three steps.

    The model is that of closed queues: throughput follows the users up to the knee and stays from there on,
    min(slope * users, plateau). Slope and plateau are those with the least squared error. Where it falls again, they
    are those of the steps before. Two neighbours are averaged to see that: the highest of many steps is so by chance.
    """
    if len(points) < 3:
        return None
    curve = Curve(Shape.UNCLEAR, tuple(points))
    last = points[-1]
    if before_fall := _before_fall(points):
        slope, plateau = _fit(before_fall)
        return replace(curve, trend=Shape.DECREASING, knee_users=_knee(slope, plateau), plateau_rps=plateau)
    slope, plateau = _fit(points)
    missing = FOLLOWS * slope * last.users - last.requests_per_second
    rising = [point for point in points if slope * point.users <= plateau] or points[:1]
    error = math.hypot(last.error_rps, FOLLOWS * _promise_error(rising, last.users))
    if missing > Z_SELECTED * error:
        return replace(curve, trend=Shape.PLATEAUING, knee_users=_knee(slope, plateau), plateau_rps=plateau)
    return replace(curve, trend=Shape.INCREASING) if -missing > Z_ONE_SIDED * error else curve


def _knee(slope: float, plateau: float) -> float | None:
    return plateau / slope if slope else None


def _before_fall(points: Sequence[Point]) -> Sequence[Point]:
    """The points up to where throughput falls; none where it does not."""
    pairs = list(itertools.pairwise(points))
    levels = [(p.requests_per_second + q.requests_per_second) / 2 for p, q in pairs]
    errors = [math.hypot(p.error_rps, q.error_rps) / 2 for p, q in pairs]
    peak = max(range(len(levels)), key=levels.__getitem__)
    enough = FALLEN * levels[peak]
    if enough - levels[-1] <= Z_SELECTED * math.hypot(FALLEN * errors[peak], errors[-1]):
        return ()
    highest = max(number for number, point in enumerate(points) if point.requests_per_second >= enough)
    return points[: highest + 1]


def _promise_error(rising: Sequence[Point], users: int) -> float:
    """Standard deviation of what the slope through these points says of so many users."""
    square = sum(point.users**2 for point in rising)
    return users * math.sqrt(sum((point.users * point.error_rps) ** 2 for point in rising)) / square


def _fit(points: Sequence[Point]) -> tuple[float, float]:
    """Slope and plateau of min(slope * users, plateau)."""
    candidates = []
    for knee in range(1, len(points) + 1):
        rising, flat = points[:knee], points[knee:]
        slope = sum(p.users * p.requests_per_second for p in rising) / sum(p.users**2 for p in rising)
        top = slope * points[-1].users
        plateau = sum(p.requests_per_second for p in flat) / len(flat) if flat else top
        error = sum((min(slope * p.users, plateau) - p.requests_per_second) ** 2 for p in points)
        candidates.append((error, slope, plateau))
    _, slope, plateau = min(candidates)
    return slope, plateau
