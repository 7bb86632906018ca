"""Trends while the load stays the same: of response times, and of what the generator itself takes. Pure.

They are read from the longest step's batches, of which there is a fixed number: it costs the same after a minute and
after a day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chaterload.judge.history import Batch, Step
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.trend import FROM_S, Trend, trend

WARM_UP = 0.1
"""The share of the stretch that is left out: caches fill."""

ALIKE = 1.5
"""Slopes of one sign that differ by no more than this factor."""

GENERATOR_CPU = Endpoint("", "load generator CPU")
GENERATOR_MEMORY = Endpoint("", "load generator memory")


@dataclass(frozen=True)
class Drift:
    """Trends with slopes per second: of medians in ms, of the generator's CPU in percent and its memory in MB."""

    users: int
    seconds: float
    """How long these users were there."""
    trends: Mapping[Endpoint, Trend]
    asked_rps: float | None = None
    """Of a run by rate: the requests per second that were asked for all the time."""


def read_drift(steps: Sequence[Step]) -> Drift | None:
    """The trends of the longest step; None where none is as long as FROM_S."""
    longest = max(steps, key=lambda step: step.window.seconds, default=None)
    if longest is None or longest.window.seconds < FROM_S:
        return None
    settled = longest.start + WARM_UP * longest.window.seconds
    batches = [batch for batch in longest.batches if batch.start >= settled]
    series = _response_times(longest, batches)
    series[GENERATOR_CPU] = [(b.middle, b.generator.cpu_percent) for b in batches]
    series[GENERATOR_MEMORY] = [(b.middle, b.generator.memory_bytes / 1e6) for b in batches]
    trends = {name: trend([at for at, _ in points], [value for _, value in points]) for name, points in series.items()}
    found = {name: one for name, one in trends.items() if one is not None}
    return Drift(longest.users, longest.window.seconds, found, longest.asked_rps) if found else None


Series = list[tuple[float, float]]


def _response_times(step: Step, batches: Sequence[Batch]) -> dict[Endpoint, Series]:
    """The medians of each endpoint, and of all together.

    For all, each batch's medians are compared with those of the whole step, endpoint by endpoint: that one is asked
    more often than before is no trend.
    """
    usual = {endpoint: m.percentile_ms(0.5) for endpoint, m in step.window.endpoints.items() if m.requests}
    series: dict[Endpoint, Series] = {ALL: [], **{endpoint: [] for endpoint in usual}}
    for batch in batches:
        asked = {endpoint: m for endpoint, m in batch.window.endpoints.items() if m.requests}
        medians = {endpoint: m.percentile_ms(0.5) for endpoint, m in asked.items()}
        for endpoint, ms in medians.items():
            series[endpoint].append((batch.middle, ms))
        known = [endpoint for endpoint in asked if usual[endpoint] > 0]
        weight = sum(asked[endpoint].requests for endpoint in known)
        if weight:
            factor = sum(asked[e].requests * medians[e] / usual[e] for e in known) / weight
            series[ALL].append((batch.middle, factor * step.window.total.percentile_ms(0.5)))
    return series


def group_alike(drift: Drift) -> list[list[Endpoint]]:
    """The trends that are none of chance: those of endpoints in groups that are alike, and each other by itself.

    That of all requests stands with its endpoints where these are alike in one group, which then says as much.
    """
    moving = {name: found for name, found in drift.trends.items() if found.direction != "steady"}
    groups: list[list[Endpoint]] = []
    for name in sorted((name for name in moving if name.method), key=lambda name: moving[name].slope):
        if groups and _are_alike(moving[groups[-1][0]].slope, moving[name].slope):
            groups[-1].append(name)
        else:
            groups.append([name])
    others = [[name] for name in moving if not name.method and not (name == ALL and len(groups) == 1)]
    return [*others, *reversed(groups)]


def _are_alike(one: float, other: float) -> bool:
    return one * other > 0 and max(abs(one), abs(other)) <= ALIKE * min(abs(one), abs(other))
