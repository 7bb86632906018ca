"""Where a series of runs changed: E-divisive, the method of Matteson and James (2014), on ranks. Pure.

A stretch of runs from the beginning on is split where its two parts have the largest energy distance, of all stretches
and all splits. That is a change when runs in a random order have a distance so large in at most FALSE_ALARM of all
orders; both sides are then searched in the same way. Of ranks, what chance does depends on the number of runs alone,
so that a table holds it, and no outlier counts for more than its place.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

FALSE_ALARM = 0.01
"""How many series without any change get a mark."""

LEAST = 2
"""Runs on either side of a change."""

CRITICAL = (
    2,
    4,
    6,
    8,
    10.286,
    12.5,
    15,
    18,
    21,
    23.636,
    26,
    28.036,
    31.218,
    33.778,
    37.806,
    39.51,
    43.7,
    46.67,
    47.455,
    51.929,
    54.321,
    57.36,
    60.907,
    65.187,
    63.054,
    67.978,
    72.485,
    74.222,
    76.538,
    81.621,
    84.194,
    83.758,
    90.719,
    93.169,
    94.749,
    99.673,
    102.355,
)
"""Of 4 runs and more: the distance that the best split of so many in a random order exceeds with a probability of
FALSE_ALARM, from 5,000 orders each."""

MOST = 40
"""Runs that are searched, the newest ones."""


@dataclass(frozen=True)
class Change:
    """One change of a series: from the run of number `at` on it is another."""

    at: int
    before: float
    """The median since the change before, or since the first run that was searched."""
    after: float
    """The median up to the next change, or to the last run."""

    @property
    def growth(self) -> float | None:
        """By what share of the value before it grew; None where that was 0."""
        return (self.after - self.before) / self.before if self.before else None


def find_changes(values: Sequence[float]) -> list[Change]:
    """The changes among the last MOST values, in their order."""
    first = max(0, len(values) - MOST)
    at = [first, *(first + split for split in _splits(values[first:])), len(values)]
    levels = [median(values[begin:end]) for begin, end in itertools.pairwise(at) if end > begin]
    return [Change(split, *pair) for split, pair in zip(at[1:-1], itertools.pairwise(levels), strict=True)]


def _splits(values: Sequence[float]) -> list[int]:
    if len(values) < 2 * LEAST or len(set(values)) == 1:
        return []
    distance, split = best_split(_ranks(values))
    if distance <= CRITICAL[len(values) - 2 * LEAST]:
        return []
    return [*_splits(values[:split]), split, *(split + later for later in _splits(values[split:]))]


def _ranks(values: Sequence[float]) -> list[float]:
    """The place of each in their order; of equal ones, the middle of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks, begin = [0.0] * len(values), 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for place in order[begin:end]:
            ranks[place] = (begin + end - 1) / 2
        begin = end
    return ranks


def best_split(ranks: Sequence[float]) -> tuple[float, int]:
    """The largest energy distance of two neighbouring parts, the first from the beginning on, and where they meet."""
    n, best = len(ranks), (0.0, 0)
    # of each pair of i < j, what the values from i up to, without, j differ from value j, added up
    before = [[0.0] * n for _ in range(n)]
    for j, value in enumerate(ranks):
        total = 0.0
        for i in range(j - 1, -1, -1):
            total += abs(value - ranks[i])
            before[i][j] = total
    first = list(itertools.accumulate(before[0]))  # differences within the first values, up to each
    for split in range(LEAST, n - LEAST + 1):
        left = first[split - 1]
        right, row = 0.0, before[split]
        for end in range(split + 1, n):
            right += row[end]
            m, k = split, end + 1 - split
            between = first[end] - left - right
            energy = 2 * between / (m * k) - 2 * left / (m * (m - 1)) - 2 * right / (k * (k - 1))
            distance = energy * m * k / (m + k)
            if distance > best[0]:
                best = distance, split
    return best
