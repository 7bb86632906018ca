"""Requests in flight over time: whether they keep growing, which no server bears for long. Pure."""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

BLOCKS = 5
SHORTEST = 10
"""Samples, one a second, below which nothing is said."""

GROWN_S = 0.5
"""The growth has to be worth so many seconds for each request: in flight = rate * time in the system (Little's law)."""

FEWEST = 20
"""And so many requests at least: a handful comes and goes."""


def keeps_growing(in_flight: Sequence[float], rate: float) -> bool:
    """Whether the requests in flight, a sample a second at a steady `rate` per second, grew all the time.

    Their means over five stretches of equal length rise one by one, and by more than chance brings about.
    """
    if len(in_flight) < SHORTEST:
        return False
    size = len(in_flight) // BLOCKS
    recent = in_flight[-BLOCKS * size :]
    means = [fmean(recent[start : start + size]) for start in range(0, BLOCKS * size, size)]
    rises = all(later > earlier for earlier, later in pairwise(means))
    return rises and means[-1] - means[0] >= max(FEWEST, GROWN_S * rate)
