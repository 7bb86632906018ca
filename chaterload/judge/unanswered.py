"""Requests that had no answer when they were cut off: what they say of a run, and what they do not. Pure.

Such a request is a censored observation, as survival analysis calls it: its answer would have taken longer than it was
waited for, nobody knows by how much. One that is older than its limit is a slow answer all the same, whatever it would
have taken, and a failure; a younger one says nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot, add_up, round_to_3_significant
from chaterload.judge.objectives import Objective


@dataclass(frozen=True)
class Unanswered:
    """Those of one endpoint."""

    endpoint: Endpoint
    count: int
    oldest_ms: float
    failed: int
    """How many were older than the endpoint's limit, and so are among its failures and its slow answers."""


Ages = Mapping[Endpoint, Sequence[float]]
"""For each endpoint, how old its unanswered requests were when they were cut off, in ms."""


def count_unanswered(
    snapshot: Snapshot, ages: Ages, objectives: Iterable[Objective]
) -> tuple[Snapshot, list[Unanswered]]:
    """`snapshot` with what the unanswered requests prove, and all of them by endpoint, the most first."""
    limits = limits_ms(objectives)
    largest = max(limits.values(), default=float("inf"))
    endpoints, rows = dict(snapshot.endpoints), list[Unanswered]()
    for endpoint, of_endpoint in ages.items():
        if not of_endpoint:
            continue
        late = [age for age in of_endpoint if age > limits.get(endpoint, largest)]
        rows.append(Unanswered(endpoint, len(of_endpoint), max(of_endpoint), len(late)))
        endpoints[endpoint] = add_up([endpoints.get(endpoint, EndpointStats()), as_slow_failures(late)])
    return replace(snapshot, endpoints=endpoints), sorted(rows, key=lambda row: -row.count)


def limits_ms(objectives: Iterable[Objective]) -> dict[Endpoint, float]:
    """The largest time that an objective allows each endpoint; of all requests together, none of its own."""
    limits: dict[Endpoint, float] = {}
    for objective in objectives:
        if objective.is_time and objective.endpoint != ALL:
            limits[objective.endpoint] = max(objective.limit, limits.get(objective.endpoint, 0.0))
    return limits


def as_slow_failures(ages: Sequence[float]) -> EndpointStats:
    """Requests that took at least so many ms each, and failed."""
    times: dict[int, int] = {}
    for age in ages:
        times[round_to_3_significant(age)] = times.get(round_to_3_significant(age), 0) + 1
    return EndpointStats(len(ages), len(ages), times, sum(ages), max(ages, default=0.0), unanswered=len(ages))
