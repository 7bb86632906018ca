"""The steps of a capacity search: when one can be judged, and what the search found. Pure."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chaterload.judge.curve import throughput_error
from chaterload.judge.dependence import measure_dependence
from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import ALL, Z_99, Snapshot
from chaterload.judge.objectives import Objective
from chaterload.judge.proof import requests_needed
from chaterload.judge.steps import broken_beyond_chance, broken_in

THE_SERVER = "the server"
"""What ended a search that found a step which misses an objective."""


@dataclass(frozen=True)
class Capacity:
    """What a capacity search found."""

    users: int
    """The most that met every objective; 0 when the first step did not."""
    requests_per_second: float
    interval_rps: tuple[float, float]
    """Within which the throughput lies, at 99 % confidence."""
    first_broken_users: int | None
    broken: tuple[str, ...]
    """The objectives that the first broken step missed."""
    limit: str
    """What ended the search: the server, the generator, or a bound of the search."""
    unproven: tuple[str, ...] = ()
    """The objectives for which the best step had too few requests, and how many."""
    asked_rps: float | None = None
    """Of a search by rate: the highest arrival rate that met every objective; 0 when the first step did not."""
    first_broken_rps: float | None = None


def read_capacity(
    steps: Sequence[Step],
    best: Step | None,
    broken: Step | None,
    objectives: Sequence[Objective],
    limit: str,
    missed: Sequence[str] | None = None,
) -> Capacity:
    """What the steps of a search say. `best` met every objective with the most users, `broken` with the fewest not.

    `missed` is what that one missed, where it is more than objectives.
    """
    rate = best.requests_per_second if best else 0.0
    error = throughput_error(steps) * math.sqrt(rate / best.window.seconds) if best and best.window.seconds else 0.0
    return Capacity(
        best.users if best else 0,
        rate,
        (max(0.0, rate - Z_99 * error), rate + Z_99 * error),
        broken.users if broken else None,
        tuple(broken_in(broken, objectives) if missed is None else missed) if broken else (),
        limit,
        _unproven(best.window, objectives) if best else (),
    )


def by_rate(capacity: Capacity, best: Step | None, broken: Step | None) -> Capacity:
    """The same of a search by rate, whose steps are requests per second that were asked for.

    No server answers more than it can: what it answered in the best step is the most that it has shown. It is
    rounded down, since the ends of the windows make a part of a percent uncertain.
    """
    return replace(
        capacity,
        users=0,
        first_broken_users=None,
        requests_per_second=_rounded_down(min(capacity.requests_per_second, best.users)) if best else 0.0,
        asked_rps=float(best.users) if best else 0.0,
        first_broken_rps=float(broken.users) if broken else None,
    )


def _rounded_down(rate: float) -> float:
    """In whole requests per second, and below ten in tenths."""
    return float(math.floor(rate)) if rate >= 10 else math.floor(rate * 10) / 10


def judged_step(
    users: int, marks: Sequence[Snapshot], objectives: Sequence[Objective], *, is_last: bool, is_late: bool = False
) -> Step | None:
    """The step as it is to be judged, from snapshots at the ends of its windows; None while it cannot be.

    It can when its last windows, halved, agree with each other and have requests enough for each objective. If they
    miss one, that has to be beyond chance, or so in as many windows before them: a pause is no limit. It can as well
    when nobody is answered; when it `is_late`, settled or not; and at last, `is_last`, in any case.
    """
    if len(marks) < 3:
        return None
    whole = step_of(users, marks)
    if not whole.window.total.requests or _is_broken_beyond_chance(whole, objectives):
        return whole
    for half in range(1, (len(marks) - 1) // 2 + 1):
        begin, middle, end = marks[-1 - 2 * half], marks[-1 - half], marks[-1]
        if _unproven(end.since(begin), objectives):
            continue
        step = step_of(users, marks[-1 - 2 * half :])
        settled = is_stable(middle.since(begin), end.since(middle))
        if (
            is_last
            or is_late
            or (settled and (not broken_in(step, objectives) or _was_broken(users, marks, half, objectives)))
        ):
            return step
        return None
    return whole if is_last else None


def _is_broken_beyond_chance(step: Step, objectives: Sequence[Objective]) -> bool:
    """Asked after each window, so that each time gets its share of the false alarms."""
    return bool(broken_beyond_chance(step, objectives, measure_dependence([step]), len(objectives) * len(step.batches)))


def _was_broken(users: int, marks: Sequence[Snapshot], half: int, objectives: Sequence[Objective]) -> bool:
    """Whether the windows before the last 2 * `half` ones missed an objective too."""
    before = marks[-1 - 4 * half : len(marks) - 2 * half]
    return len(before) > 2 * half and bool(broken_in(step_of(users, before), objectives))


def step_of(users: int, marks: Sequence[Snapshot]) -> Step:
    """A step from snapshots at the ends of its windows."""
    batches = tuple(Batch(later.seconds, later.since(earlier)) for earlier, later in itertools.pairwise(marks))
    return Step(users, marks[0].seconds, marks[-1].since(marks[0]), batches)


def _unproven(window: Snapshot, objectives: Sequence[Objective]) -> tuple[str, ...]:
    """The objectives whose endpoint was ever asked, but not often enough in this window for a judgement."""
    found = []
    for objective in objectives:
        endpoint, needed = objective.endpoint, requests_needed(objective)
        measurement = window.total if endpoint == ALL else window.endpoints.get(endpoint)
        if measurement is not None and measurement.requests < needed:
            found.append(f"{objective} ({measurement.requests} of {needed} requests)")
    return tuple(found)


def is_stable(before: Snapshot, after: Snapshot) -> bool:
    """Whether a step's figures have settled.

    The two windows agree when their requests differ by no more than chance explains (three standard deviations of a
    Poisson count) or 5 %, and the 95th percentile of the later one is not more than 20 % above the earlier one: a
    queue that still grows is not steady.
    """
    older, newer = before.total, after.total
    n, m = older.requests, newer.requests
    allowed = max(1.2 * older.percentile_ms(0.95), older.percentile_ms(0.95) + 20)
    expected = n * after.seconds / before.seconds if before.seconds else n
    return abs(m - expected) <= max(0.05 * n, 3 * (n + m) ** 0.5) and newer.percentile_ms(0.95) <= allowed
