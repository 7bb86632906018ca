"""Whether a series rises or falls, or only wobbles. Pure.

Mann-Kendall's test asks whether later values tend to be larger than earlier ones, whatever their distribution;
Theil-Sen's slope, the median of the slopes between all pairs, says by how much (Hipel and McLeod, "Time Series
Modelling of Water Resources and Environmental Systems", 1994, chapter 23). Neighbouring samples of a queue depend
on each other, which the test takes for a trend too often: its variance is corrected by the autocorrelation that is
left beside the trend (Yue and Wang, "The Mann-Kendall test modified by effective sample size", 2004).
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, median, pstdev

BINS = 30
"""Values are averaged into so many: averages of many neighbours hardly depend on each other."""

SIGNIFICANT = 0.0002
"""The chance of calling a steady series a trend; a run has some fifteen series."""

FEWEST = 10
"""Of fewer values not even a straight line is significant."""

FROM_S = 120.0
"""A shorter stretch of a run says nothing of trends."""

MIN_RELATIVE_CHANGE = 0.05
"""A change over the whole series of less than this share of its median is none that matters."""

MOST_CORRELATED = 0.5
"""The largest autocorrelation that is corrected for: beyond it lie curves, such as a lag that grows from 0."""

CURVE = 10
"""A change of so many standard deviations of what is left beside it is no noise, but a line or a curve."""


@dataclass(frozen=True)
class Trend:
    """`slope` is in units of the values per unit of the times; `p` the chance of so much without a trend."""

    slope: float
    p: float
    median: float
    first: float
    """The line's value at the first of the times."""
    last: float

    @property
    def change(self) -> float:
        """Over the length of the series."""
        return self.last - self.first

    @property
    def growth(self) -> float:
        """The change as a share of the median."""
        return self.change / abs(self.median) if self.median else self.change

    @property
    def direction(self) -> str:
        """rising, falling or steady."""
        if self.p >= SIGNIFICANT or abs(self.change) < MIN_RELATIVE_CHANGE * abs(self.median):
            return "steady"
        return "rising" if self.change > 0 else "falling"


def trend(times: Sequence[float], values: Sequence[float]) -> Trend | None:
    """The trend of `values` at increasing `times`; None for fewer than 10 values."""
    if len(values) < FEWEST:
        return None
    xs, ys = _binned(times), _binned(values)
    slopes = [(ys[j] - ys[i]) / (xs[j] - xs[i]) for i in range(len(ys)) for j in range(i + 1, len(ys)) if xs[j] > xs[i]]
    slope = median(slopes) if slopes else 0.0
    change = slope * (times[-1] - times[0])
    beside = [y - slope * x for x, y in zip(xs, ys, strict=True)]
    is_curve = pstdev(beside) < abs(change) / CURVE
    p = _mann_kendall(ys, 0.0 if is_curve else _autocorrelation(beside))
    start = median(beside)
    return Trend(slope, p, median(ys), start + slope * times[0], start + slope * times[-1])


def _binned(values: Sequence[float]) -> list[float]:
    count = min(BINS, len(values))
    edges = [round(i * len(values) / count) for i in range(count + 1)]
    return [fmean(values[low:high]) for low, high in itertools.pairwise(edges)]


def _autocorrelation(values: Sequence[float]) -> float:
    """Of each value with the next, from 0 to MOST_CORRELATED."""
    mean = fmean(values)
    deviations = [value - mean for value in values]
    square = sum(d * d for d in deviations)
    product = sum(d * following for d, following in itertools.pairwise(deviations))
    return min(MOST_CORRELATED, max(0.0, product / square)) if square else 0.0


def _mann_kendall(values: Sequence[float], autocorrelation: float) -> float:
    """The two-sided p value."""
    n = len(values)
    score = sum((values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in (list(values).count(value) for value in set(values)))
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18 * (1 + autocorrelation) / (1 - autocorrelation)
    if not variance or not score:
        return 1.0
    return 2 * (1 - NormalDist().cdf((abs(score) - 1) / math.sqrt(variance)))
