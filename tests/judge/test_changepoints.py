"""A change of a series is found, and chance is none."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.changepoints import CRITICAL, FALSE_ALARM, LEAST, MOST, best_split, find_changes


def times(chance, count, level=100.0, spread=0.1):
    """p95s of `count` runs, as they scatter."""
    return [level * chance.lognormvariate(0, spread) for _ in range(count)]


@pytest.mark.parametrize("count", [8, 20, MOST, 2 * MOST])
def test_false_alarms(count):
    """Of histories without any change, about 1 % get a mark: at most as many as chance gives at that rate."""
    chance, rounds = random.Random(count), 300
    alarms = sum(bool(find_changes(times(chance, count))) for _ in range(rounds))
    expected = FALSE_ALARM * rounds
    assert alarms <= expected + 3.1 * expected**0.5  # one in a thousand exceeds that


@pytest.mark.parametrize(("growth", "after"), [(1.3, 8), (0.7, 8), (2.0, 6)])
def test_power(growth, after):
    """A change by a third that lasted for eight runs is found in most histories, where it is and as large as it is."""
    chance, found = random.Random(after), 0
    for _ in range(50):
        changes = find_changes(times(chance, 20) + times(chance, after, 100 * growth))
        if len(changes) == 1 and abs(changes[0].at - 20) <= 1:
            found += 1
            assert changes[0].growth == pytest.approx(growth - 1, abs=0.35)
    assert found >= 40


@pytest.mark.parametrize("count", [4, 9, 20, MOST])
def test_the_table_is_of_chance(count):
    """As many random orders as the table says have a larger distance; for so few that no order tells, none has."""
    chance, rounds = random.Random(-count), 400
    larger = sum(best_split(chance.sample(range(count), count))[0] > CRITICAL[count - 4] for _ in range(rounds))
    assert larger <= 4 + 3.1 * 2
    assert len(CRITICAL) == MOST - 3


def test_two_changes():
    """There and back again are two changes, each told with the level between them."""
    chance = random.Random(1)
    there, back = find_changes(times(chance, 12) + times(chance, 12, 200) + times(chance, 12))
    assert (there.at, back.at) == (12, 24)
    assert there.after == back.before == pytest.approx(200, rel=0.1)


def test_one_outlier_is_no_change():
    """A single bad run, however bad, is none."""
    chance = random.Random(2)
    assert find_changes([*times(chance, 15), 1e9, *times(chance, 15)]) == []


@given(st.lists(st.floats(0, 1e6), max_size=15))
def test_any_series(values):
    """Changes are in their order, with runs enough on both sides, whatever the values are."""
    changes = find_changes(values)
    ends = [0, *(change.at for change in changes), len(values)]
    assert all(end - begin >= LEAST for begin, end in itertools.pairwise(ends)) or not changes
    if len(set(values)) < 2:
        assert changes == []


def test_growth_from_nothing():
    """Of a figure that was 0 nobody can say by what share it grew."""
    (change,) = find_changes([0.0] * 12 + [5.0, 6.0, 7.0, 5.0, 6.0, 7.0, 5.5, 6.5])
    assert (change.at, change.before, change.growth) == (12, 0.0, None)
