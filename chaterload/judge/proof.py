"""Whether a missed objective is more than chance. Pure."""

import math

from chaterload.judge.dependence import Factors
from chaterload.judge.measure import EndpointStats
from chaterload.judge.objectives import AVERAGE, FAILURE_RATIO, THROUGHPUT, Objective
from chaterload.judge.significance import allow_for_dependence, binomial_tail, upper_tail

_ROUNDING = 1e-6


def chance_of_miss(objective: Objective, m: EndpointStats, seconds: float, factors: Factors, freedom: float) -> float:
    """The p value of a miss: the probability of so much, if the true value were at the limit."""
    measure, limit = objective.measure, objective.limit
    if measure == FAILURE_RATIO:
        return allow_for_dependence(binomial_tail(m.failures, m.requests, limit), factors.failures, freedom)
    if measure == THROUGHPUT:
        return upper_tail((limit * seconds - m.requests) / math.sqrt(limit * seconds)) if seconds else 1.0
    if measure == AVERAGE:
        return allow_for_dependence(_chance_of_average(m, limit), factors.ranks, freedom)
    if measure.share is None:
        return 0.0  # a maximum is a fact
    slow = sum(count for time, count in m.times.items() if time >= limit)
    chance = binomial_tail(slow, sum(m.times.values()), 1 - measure.share)
    return allow_for_dependence(chance, max(factors.ranks, factors.slowest), freedom)


def _chance_of_average(m: EndpointStats, limit: float) -> float:
    n = sum(m.times.values())
    if n < 2:
        return 1.0
    variance = sum(count * (time - m.average_ms) ** 2 for time, count in m.times.items()) / (n - 1)
    return upper_tail((m.average_ms - limit) / math.sqrt(variance / n)) if variance else 0.0


def requests_needed(objective: Objective) -> int:
    """The fewest requests of which a single one beyond the limit is no miss: 20 for a p95, 101 for 1 % of failures."""
    measure = objective.measure
    if measure == FAILURE_RATIO:
        return max(objective.minimum_requests, math.floor(1 / objective.limit + _ROUNDING) + 1)
    if measure.share is None:
        return objective.minimum_requests
    return max(objective.minimum_requests, math.ceil(1 / (1 - measure.share) - _ROUNDING))
