"""Probabilities are those that one works out by hand, or by counting every case."""

import itertools
import math
import random
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.significance import (
    Table,
    allow_for_dependence,
    binomial_tail,
    stratified_excess,
    stratified_ranks,
    upper_tail,
)


@given(st.integers(0, 30), st.integers(0, 30), st.floats(0.01, 0.99))
def test_the_binomial_tail(hits, trials, share):
    """More hits than expected have the probability that the sum of all cases says, fewer have 1."""
    found = binomial_tail(hits, trials, share)
    if hits <= trials * share:
        assert found == 1.0
    elif hits <= trials:
        exact = sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(hits, trials + 1))
        assert found == pytest.approx(exact, rel=1e-9)


def test_a_long_binomial_tail():
    """A million requests are no more work than those that matter, and what cannot be has no probability."""
    assert binomial_tail(50_500, 1_000_000, 0.05) == pytest.approx(0.011, rel=0.05)
    assert binomial_tail(1, 10, 0.0) == 0.0


TABLES = st.builds(
    lambda before, now, a, b: Table(min(a, before), before, min(b, now), now),
    *(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12), st.integers(0, 12)),
)


def by_counting(tables):
    """Exactly, by all the ways in which the hits may fall on the requests."""
    ways = [
        {
            k: Fraction(math.comb(hits, k) * math.comb(total - hits, now - k), math.comb(total, now))
            for k in range(now + 1)
        }
        for t in tables
        for hits, now, total in [(t.hits_before + t.hits_now, t.requests_now, t.requests_before + t.requests_now)]
    ]
    least = sum(t.hits_now for t in tables)
    chosen = (case for case in itertools.product(*(way.items() for way in ways)) if sum(k for k, _ in case) >= least)
    return float(sum(math.prod(p for _, p in case) for case in chosen))


@given(st.lists(TABLES, min_size=1, max_size=2))
def test_stratified_excess(tables):
    """An excess has the probability of all ways in which the hits could have fallen so, none has 1."""
    found = stratified_excess(tables)
    expected = sum((t.hits_before + t.hits_now) * t.requests_now / (t.requests_before + t.requests_now) for t in tables)
    if sum(t.hits_now for t in tables) > expected + 1e-9:
        assert found == pytest.approx(by_counting(tables), abs=1e-9)
    else:
        assert found == 1.0 or found >= 0.5


def test_a_known_table():
    """Fisher's tea: three of four right, by chance with 17 of 70."""
    assert stratified_excess([Table(1, 4, 3, 4)]) == pytest.approx(17 / 70)


def test_a_changed_mix_is_no_excess():
    """An endpoint that always fails, asked more often than before, is no more failures."""
    assert stratified_excess([Table(10, 10, 1000, 1000), Table(0, 1000, 0, 10)]) == 1.0
    assert stratified_excess([]) == 1.0


def test_many_hits():
    """Large counts are normal, and cost nothing."""
    assert stratified_excess([Table(2**50, 2**52, 2**50 + 2**28, 2**52)]) < 1e-9
    assert stratified_excess([Table(500, 10_000, 500, 10_000)]) == 1.0
    assert stratified_excess([Table(450, 10_000, 550, 10_000)]) == pytest.approx(0.00062, rel=0.1)


def times(*values):
    return {float(value): count for value, count in Counter(values).items()}


def test_ranks_of_a_few():
    """Of ten against ten without overlap the probability is below 0.0002, and it does not matter by how much."""
    low, high = range(10), range(100, 110)
    clear = stratified_ranks([(times(*low), times(*high))])
    assert 1 / math.comb(20, 10) < clear < 0.0002
    assert stratified_ranks([(times(*low), times(*(value * 9 for value in high)))]) == clear
    assert stratified_ranks([(times(*high), times(*low))]) == 1.0


def test_ranks_and_a_changed_mix():
    """More requests to a slow endpoint are no slower answers, and slower ones at each endpoint add up."""
    quick, slow = times(*range(10)), times(*range(1000, 1010))
    much_slow = {time: count * 50 for time, count in slow.items()}
    assert stratified_ranks([({t: n * 50 for t, n in quick.items()}, quick), (slow, much_slow)]) == 1.0
    some = [(times(1, 2, 3, 4), times(3, 4, 5, 6)) for _ in range(12)]
    assert stratified_ranks(some) < 0.001 < stratified_ranks(some[:1])


def test_nothing_to_rank():
    """Where all times are the same, or one side has none, there is nothing to see."""
    assert stratified_ranks([({5.0: 100}, {5.0: 100}), ({}, {1.0: 3}), ({1.0: 3}, {})]) == 1.0


@pytest.mark.parametrize(("n", "m"), [(10, 10), (10, 200), (50, 20)])
def test_ranks_are_honest(n, m):
    """Of 1,000 pairs of samples of one distribution no more than chance allows seem slower, at 5 % and at 0.5 %."""
    rng = random.Random(n * m)
    found = []
    for _ in range(1000):
        before, now = ([round(100 * rng.lognormvariate(0, 0.5)) for _ in range(count)] for count in (m, n))
        found.append(stratified_ranks([(times(*before), times(*now))]))
    assert sum(p < 0.05 for p in found) <= 0.065 * len(found)
    assert sum(p < 0.005 for p in found) <= 0.01 * len(found)


@pytest.mark.parametrize(
    ("p", "factor", "freedom", "expected"),
    [
        (0.001, 1.0, 1e9, 0.001),
        (upper_tail(6.0), 4.0, 1e9, upper_tail(3.0)),
        (upper_tail(2.764), 1.0, 10, 0.01),  # Student's tables
        (upper_tail(4.144), 1.0, 10, 0.001),
        (upper_tail(2.132), 1.0, 4, 0.05),
        (0.7, 9.0, 8, 0.7),
    ],
)
def test_dependence(p, factor, freedom, expected):
    """The deviation shrinks with the root of the factor, and is compared with Student's distribution."""
    assert allow_for_dependence(p, factor, freedom) == pytest.approx(expected, rel=0.02)


@given(st.floats(0, 1), st.floats(1, 1000), st.floats(1, 1e6))
def test_dependence_makes_nothing_certain(p, factor, freedom):
    """What depends on each other is never better evidence than what does not."""
    found = allow_for_dependence(p, factor, freedom)
    assert p * 0.98 - 1e-12 <= found <= 1
