"""Arrivals keep to the rate that is asked for, come as chance has it, and take no heed of answers."""

import itertools
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.load.arrivals import Arrival, ArrivalProcess, TaskCosts

MIX = (7, 1, 1, 1, 1, 1, 1)
"""Requests of each task, as ChaterUser has them."""


def simulate(rate, seed, mix=MIX, seconds=60.0, kind="poisson", guess=12 / 7, took_s=0.3):
    """A run with tasks that each take `took_s`: requests made over those asked for, and the gaps."""
    random = Random(seed)
    process = ArrivalProcess(kind, random, TaskCosts(guess), 0.0)
    process.ask(0.0, rate)
    made, gaps, last = 0, [], 0.0
    under_way: list[tuple[float, int, Arrival]] = []
    while (due := process.next) < seconds:
        while under_way and under_way[0][0] <= due:
            _, requests, begun = under_way.pop(0)
            process.end(begun, requests, requests)
        arrival = process.arrive()
        assert arrival.due == due
        requests = random.choice(mix)
        under_way.append((due + took_s, requests, process.begin(arrival, requests, min(requests, 6))))
        made += requests
        gaps.append(due - last)
        last = due
    return made / (rate * seconds), gaps


def kolmogorov(gaps, rate):
    """The probability of gaps so unlike an exponential distribution of that rate, or more so (Stephens, 1970)."""
    shares = [1 - math.exp(-rate * gap) for gap in sorted(gaps)]
    n = len(shares)
    distance = max(max((i + 1) / n - share, share - i / n) for i, share in enumerate(shares))
    x = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    return 1.0 if x < 0.2 else 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))


@pytest.mark.parametrize(("rate", "within"), [(15, 0.035), (75, 0.02), (200, 0.02), (1000, 0.02)])
def test_the_requests_per_second_come_out(rate, within):
    """Over a minute the whole mix makes what was asked, though a flow makes one request more than was guessed."""
    ratios = [simulate(rate, seed)[0] for seed in range(10 if rate < 1000 else 2)]
    assert all(abs(ratio - 1) <= within for ratio in ratios), ratios
    assert sum(abs(ratio - 1) <= 0.02 for ratio in ratios) >= 0.8 * len(ratios)


@pytest.mark.parametrize("mix", [(1,), MIX])
def test_the_gaps_are_exponential(mix):
    """At 75 requests per second over a minute, nine seeds of ten have gaps as a Poisson process has them."""
    found = [simulate(75, seed, mix, guess=sum(mix) / len(mix))[1] for seed in range(10)]
    p_values = [kolmogorov(gaps, len(gaps) / 60) for gaps in found]
    assert sum(p > 0.01 for p in p_values) >= 9, p_values


def test_the_test_of_gaps_has_power():
    """Even gaps, and gaps of twice the rate, are told from exponential ones."""
    even = simulate(75, 1, (1,), guess=1, kind="even")[1]
    assert kolmogorov(even, 75) < 1e-6
    assert kolmogorov(simulate(75, 1, (1,), guess=1)[1], 150) < 1e-6


def test_even_gaps():
    """Even arrivals of one request each are the same time apart, but for the start's correction of a hundredth."""
    gaps = simulate(50, 3, (1,), guess=1, kind="even")[1][1:]
    assert gaps == pytest.approx([0.02] * len(gaps), rel=0.02)


@given(st.integers(0, 2**32), st.floats(0.001, 5.0))
def test_a_seed_repeats_the_arrivals(seed, took_s):
    """The same seed makes the same arrivals, however long their tasks take."""
    one = simulate(20, seed, (1,), 5.0, guess=1)[1]
    assert one == simulate(20, seed, (1,), 5.0, guess=1, took_s=took_s)[1]


def test_flows_that_fail_from_now_on():
    """Where flows end after their first request, more of them begin, until the requests per second are there again."""
    process = ArrivalProcess("poisson", Random(5), TaskCosts(7), 0.0)
    process.ask(0.0, 70.0)
    made = {0: 0, 1: 0}
    while (due := process.next) < 120.0:
        requests = 7 if due < 30 else 1
        process.end(process.begin(process.arrive(), "flow", 7), "flow", requests)
        made[int(due >= 60)] += requests
    assert made[1] == pytest.approx(60 * 70, rel=0.02)


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.floats(0.0, 500.0)), max_size=20), st.integers(0, 1000))
def test_changes_of_the_rate(changes, seed):
    """Whatever the rate does, arrivals come in order, none while it is zero, and the sum that is asked adds up."""
    process = ArrivalProcess("poisson", Random(seed), TaskCosts(), 0.0)
    now, asked, rate, times = 0.0, 0.0, 0.0, []
    for seconds, next_rate in [*changes, (1.0, 0.0)]:
        end = now + seconds
        while process.next <= end:
            assert rate > 0
            times.append(process.arrive().due)
        asked += rate * seconds
        process.ask(end, next_rate)
        now, rate = end, next_rate
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))
    assert process.asked_until(now) == pytest.approx(asked, abs=1e-6)
    assert process.next == math.inf


def test_a_change_counts_at_once():
    """From a request in ten minutes to a hundred a second, the first comes within moments and not after ten minutes."""
    process = ArrivalProcess("poisson", Random(1), TaskCosts(), 0.0)
    process.ask(0.0, 1 / 600)
    process.ask(1.0, 100.0)
    assert process.next < 1.2


def test_a_surplus_is_forgotten():
    """A guess that was wrong by much costs seconds, and not the rest of the run."""
    process = ArrivalProcess("poisson", Random(1), TaskCosts(), 0.0)
    process.ask(0.0, 10.0)
    process.end(process.begin(process.arrive(), "flow", 1), "flow", 100_000)
    process.costs = TaskCosts()
    late = [process.arrive().due for _ in range(2000)]
    assert len([time for time in late if 60 < time < 120]) == pytest.approx(600, rel=0.1)
