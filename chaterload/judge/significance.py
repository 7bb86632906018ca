"""How probable is what was seen, if nothing had changed? Exact where counts are small. Pure.

Each function returns a one-sided p value: the probability of at least so much, if the null hypothesis holds.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

FALSE_ALARM = 0.01
"""The highest probability of a sentence that chance alone made."""

_NEGLIGIBLE = 1e-16
_NORMAL_FROM = 100.0
"""From this variance on a sum of counts is normal for our purposes."""
_SMALLEST = 1e-300


def allow_for_dependence(p: float, factor: float, freedom: float) -> float:
    """The p value of requests that depend on each other, from that of independent ones.

    `factor` is how much larger the variance is, known as well as a variance with `freedom` degrees of freedom. So the
    deviation is divided by the factor's root, and compared with Student's distribution by Wallace's approximation
    ("Bounds on normal approximations to Student's and the chi-square distributions", 1959), which is within 0.2 % of
    the deviation from 4 degrees of freedom on.
    """
    if p >= 0.5:
        return p
    deviation = -NormalDist().inv_cdf(max(p, _SMALLEST)) / math.sqrt(factor)
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    return upper_tail(scale * math.sqrt(freedom * math.log1p(deviation**2 / freedom)))


def upper_tail(deviation: float) -> float:
    """Of the standard normal distribution, without the rounding of 1 - cdf."""
    return math.erfc(deviation / math.sqrt(2)) / 2


def binomial_tail(hits: int, trials: int, share: float) -> float:
    """Of at least `hits` in `trials`, each of which is one with the probability `share`; 1 where that is no excess."""
    if hits <= trials * share:
        return 1.0
    if share <= 0 or hits > trials:
        return 0.0
    term = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(hits + 1)
        - math.lgamma(trials - hits + 1)
        + hits * math.log(share)
        + (trials - hits) * math.log1p(-share)
    )
    total = 0.0
    for count in range(hits, trials + 1):
        total += term
        term *= (trials - count) / (count + 1) * share / (1 - share)
        if term < _NEGLIGIBLE * total:
            break
    return min(1.0, total)


@dataclass(frozen=True)
class Table:
    """Two runs of one endpoint: how many requests, and how many of them hit (failed, or were slow)."""

    hits_before: int
    requests_before: int
    hits_now: int
    requests_now: int

    @property
    def _hits(self) -> int:
        return self.hits_before + self.hits_now

    @property
    def _requests(self) -> int:
        return self.requests_before + self.requests_now

    @property
    def mean(self) -> float:
        """Of the hits now, when all of them fall by chance."""
        return self._hits * self.requests_now / self._requests

    @property
    def variance(self) -> float:
        share = self.requests_now / self._requests
        return self._hits * share * (1 - share) * (self._requests - self._hits) / max(1, self._requests - 1)

    def distribution(self) -> tuple[int, list[float]]:
        """Of the hits now: the smallest number that matters, and the probabilities from it on."""
        now, before, hits = self.requests_now, self.requests_before, self._hits
        least, most = max(0, hits - before), min(hits, now)
        mode = min(most, max(least, (hits + 1) * (now + 1) // (now + before + 2)))
        up = _products((now - c) * (hits - c) / ((c + 1) * (before - hits + c + 1)) for c in range(mode, most))
        down = _products(c * (before - hits + c) / ((now - c + 1) * (hits - c + 1)) for c in range(mode, least, -1))
        weights = [*reversed(down[1:]), *up]
        total = sum(weights)
        return mode - len(down) + 1, [weight / total for weight in weights]


def stratified_excess(tables: Iterable[Table]) -> float:
    """Of at least so many hits now, each table's hits falling on its requests by chance.

    The sum of independent hypergeometric counts: Fisher's exact test for one table, its stratified form (Gart, 1970)
    for several. Endpoints that are asked more often than before are thus no change.
    """
    tables = list(tables)
    excess = sum(table.hits_now - table.mean for table in tables)
    variance = sum(table.variance for table in tables)
    if excess <= 0 or variance <= 0:
        return 1.0
    if variance >= _NORMAL_FROM:
        return upper_tail((excess - 0.5) / math.sqrt(variance))
    distribution, lowest = [1.0], 0
    for table in tables:
        start, probabilities = table.distribution()
        distribution, lowest = _convolved(distribution, probabilities), lowest + start
    return min(1.0, sum(distribution[max(0, sum(table.hits_now for table in tables) - lowest) :]))


def _products(ratios: Iterable[float]) -> list[float]:
    """Of the first one, two, three ... ratios, as long as they matter."""
    found = [1.0]
    for ratio in ratios:
        found.append(found[-1] * ratio)
        if found[-1] < _NEGLIGIBLE:
            break
    return found


def _convolved(one: list[float], other: list[float]) -> list[float]:
    """The distribution of the sum of two independent counts."""
    found = [0.0] * (len(one) + len(other) - 1)
    for i, p in enumerate(one):
        for j, q in enumerate(other):
            found[i + j] += p * q
    return found


def stratified_ranks(pairs: Iterable[tuple[Mapping[float, int], Mapping[float, int]]]) -> float:
    """Of times now that rank at least so high among those before; each pair is one endpoint's (before, now).

    Van Elteren's test ("On the combination of independent two-sample tests of Wilcoxon", 1960): the rank sums of
    Mann and Whitney, each weighted by 1 / (requests + 1), with the variance that ties leave. Normal with a correction
    for continuity, which is on the safe side for few requests.
    """
    excess = variance = step = 0.0
    for before, now in pairs:
        n, m = sum(now.values()), sum(before.values())
        if not n or not m:
            continue
        times = sorted({*before, *now})
        together = [before.get(time, 0) + now.get(time, 0) for time in times]
        below = [0, *accumulate(before.get(time, 0) for time in times)]
        wins = sum(now.get(time, 0) * (below[i] + before.get(time, 0) / 2) for i, time in enumerate(times))
        ties = sum(t**3 - t for t in together) / ((n + m) * (n + m - 1))
        weight = 1 / (n + m + 1)
        excess += weight * (wins - n * m / 2)
        variance += weight**2 * n * m / 12 * (n + m + 1 - ties)
        step = max(step, weight / 2)
    if variance <= 0 or excess <= 0:
        return 1.0
    return upper_tail(max(0.0, excess - step) / math.sqrt(variance))
