"""How much the requests of a run depend on each other. Pure.

Requests that wait in one queue, or fall into one pause, are slow together, and a test that takes each for a witness of
its own sees differences where there are none. So the run's steps are cut into batches of some seconds, and it is
measured how much wider the batches' sums scatter than those of independent requests would (the design effect of cluster
sampling: Kish, "Survey Sampling", 1965, section 5.4; for queues the method of batch means: Law, "Simulation Modeling
and Analysis", section 9.5).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from chaterload.judge.history import Step
from chaterload.judge.measure import ALL, Endpoint, EndpointStats

SLOW_SHARE = 0.05
"""The slowest requests, which a 95th percentile tells of."""

PRIOR_CORRELATION, PRIOR_FREEDOM, LARGEST_PRIOR = 0.02, 8.0, 4.0
"""What is expected before anything is measured, since of three batches alone nothing could be said: the correlation of
two requests in one batch, the weight of that expectation, and the largest factor that follows from it. In simulated
closed queues of four workers with a second of thinking, and batches of 3 s, the factors were 1.1 at a load of 27 %,
2 at 54 %, 8 at 80 %, and 20 to 50 at 100 %."""


@dataclass(frozen=True)
class Factors:
    """By how much sums over requests scatter wider than those of independent requests, as a ratio of variances."""

    ranks: float = 2.0
    """Of the order of the response times."""
    slowest: float = 2.0
    """Of which are among the slowest."""
    failures: float = 2.0
    """Of which failed."""


@dataclass(frozen=True)
class Dependence:
    """The factors of each endpoint, and of ALL together."""

    factors: Mapping[Endpoint, Factors] = field(default_factory=dict)
    freedom: float = PRIOR_FREEDOM
    """How well they are known: as well as a variance with so many degrees of freedom."""

    def of(self, endpoint: Endpoint) -> Factors:
        """Where an endpoint's are not known, they are taken for those of all requests."""
        return self.factors.get(endpoint) or self.factors.get(ALL) or Factors()


def measure_dependence(steps: Sequence[Step]) -> Dependence:
    """From the batches of all steps."""
    steps = [step for step in steps if len(step.batches) > 1 and step.window.total.requests]
    if not steps:
        return Dependence()
    freedom = sum(len(step.batches) - 1 for step in steps)
    kinds = [_measure(steps, make, freedom) for make in (_rank_score, _slowest_score, _failure_score)]
    factors = {endpoint: Factors(*(kind[endpoint] for kind in kinds)) for endpoint in kinds[0]}
    return Dependence(factors, PRIOR_FREEDOM + freedom)


Score = Callable[[EndpointStats], float]
"""The sum over some requests of an endpoint of what is expected to be 0."""

MakeScore = Callable[[EndpointStats], tuple[Score, float]]
"""A score by all of an endpoint's requests, and its variance for one request."""


def _measure(steps: Sequence[Step], make_score: MakeScore, freedom: int) -> dict[Endpoint, float]:
    """The factor of each endpoint and of ALL, for one kind of score."""
    observed, expected = _squares(steps, make_score)
    size = sum(step.window.total.requests for step in steps) / sum(len(step.batches) for step in steps)

    def factor(endpoint: Endpoint, prior: float) -> float:
        """The mean of what was expected and what was measured, each with the weight of its degrees of freedom."""
        measured = observed[endpoint] / expected[endpoint] if expected[endpoint] else prior
        return max(1.0, (PRIOR_FREEDOM * prior + freedom * measured) / (PRIOR_FREEDOM + freedom))

    together = factor(ALL, min(LARGEST_PRIOR, 1 + size * PRIOR_CORRELATION))
    whole = expected[ALL] or 1.0
    return {e: factor(e, 1 + (together - 1) * value / whole) for e, value in expected.items()} | {ALL: together}


def _squares(
    steps: Sequence[Step], make_score: MakeScore
) -> tuple[defaultdict[Endpoint, float], defaultdict[Endpoint, float]]:
    """Sums of the squares of the batches' scores, and what they would be on average if requests were independent."""
    observed: defaultdict[Endpoint, float] = defaultdict(float)
    expected: defaultdict[Endpoint, float] = defaultdict(float)
    for step in steps:
        count = len(step.batches)
        together = [0.0] * count
        for endpoint, whole in step.window.endpoints.items():
            score, variance = make_score(whole)
            sums = [score(b.window.endpoints.get(endpoint, EndpointStats())) for b in step.batches]
            together = [one + other for one, other in zip(together, sums, strict=True)]
            by_chance = whole.requests * variance * (count - 1) / count
            observed[endpoint] += sum(value**2 for value in sums)
            expected[endpoint] += by_chance
            expected[ALL] += by_chance
        observed[ALL] += sum(value**2 for value in together)
    return observed, expected


def _rank_score(whole: EndpointStats) -> tuple[Score, float]:
    """The share of the endpoint's requests that are quicker, less a half."""
    times = sorted(whole.times)
    n = sum(whole.times.values()) or 1
    below = [0, *accumulate(whole.times[time] for time in times)]
    rank = {time: (below[i] + whole.times[time] / 2) / n - 0.5 for i, time in enumerate(times)}
    variance = sum(whole.times[time] * rank[time] ** 2 for time in times) / n
    return lambda part: sum(count * rank.get(time, 0.0) for time, count in part.times.items()), variance


def _slowest_score(whole: EndpointStats) -> tuple[Score, float]:
    """Whether a request is among the slowest, less the share of those."""
    limit = whole.percentile_ms(1 - SLOW_SHARE)
    return _share_score(lambda m: sum(count for time, count in m.times.items() if time > limit), whole)


def _failure_score(whole: EndpointStats) -> tuple[Score, float]:
    """Whether a request failed, less the share of those."""
    return _share_score(lambda m: m.failures, whole)


def _share_score(hits: Callable[[EndpointStats], int], whole: EndpointStats) -> tuple[Score, float]:
    share = hits(whole) / whole.requests if whole.requests else 0.0
    return lambda part: hits(part) - part.requests * share, share * (1 - share)
