"""The named strategies are the issue's table, and the search for capacity is bounded and right."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.load.strategies import NAMES, STRATEGIES, Search, SearchLimits, Stage, Strategy, spike_of, steps

TABLE = {
    "smoke": [(1, 1, 60)],
    "load": [(50, 5, 600)],
    "stress": [(users, 10, 90) for users in range(20, 201, 20)],
    "spike": [(10, 10, 120), (100, 50, 300), (10, 50, 120)],
    "endurance": [(30, 3, 7200)],
}


RATES = {"low": 15, "normal": 75, "high": 200}
"""What the platform's documentation calls so, in requests per second."""


@pytest.mark.parametrize("name", RATES)
def test_the_rates(name):
    """Five minutes at the documented rate, the first half a minute of which is a ramp; a rehearsal shrinks both."""
    strategy, rate = STRATEGIES[name], RATES[name]
    assert strategy.by_rate
    assert strategy.seconds == 300
    assert [strategy.rate_at(at) for at in (0, 15, 30, 299, 1000)] == pytest.approx([0, rate / 2, rate, rate, rate])
    shrunk = strategy.scaled(0.1, 7)
    assert shrunk.seconds == 30
    assert [shrunk.rate_at(at) for at in (0, 1.5, 3, 29)] == pytest.approx([0, rate / 2, rate, rate])


def test_stages_by_rate():
    """The rate goes up and down from where the stage before has left it."""
    stages = (Stage(rate=100, spawn_rate=10, seconds=5), Stage(rate=20, spawn_rate=5, seconds=20), Stage(rate=20))
    strategy = Strategy("waves", "does it hold", stages)
    assert [strategy.rate_at(at) for at in (0, 4, 5, 6, 11, 20, 50)] == pytest.approx([0, 40, 50, 45, 20, 20, 20])
    assert not STRATEGIES["load"].by_rate


@pytest.mark.parametrize("name", TABLE)
def test_the_table(name):
    """Users, spawn rates and times are those that the platform's documentation states for each kind of test."""
    assert [(s.users, s.spawn_rate, s.seconds) for s in STRATEGIES[name].stages] == TABLE[name]


def test_the_names():
    """There are the five by users, three by rate, and the search; smoke alone has to run every task."""
    assert (*TABLE, *RATES, "capacity") == NAMES
    assert list(STRATEGIES) == [*TABLE, *RATES]
    assert [s.name for s in STRATEGIES.values() if s.every_task] == ["smoke"]
    assert len({s.asks for s in STRATEGIES.values()}) == len(TABLE) + len(RATES)


@pytest.mark.parametrize(
    ("name", "peak", "seconds"),
    [("smoke", 1, 60), ("load", 50, 600), ("stress", 200, 900), ("spike", 100, 540), ("endurance", 30, 7200)],
)
def test_peaks_and_times(name, peak, seconds):
    """The peak and the time of each strategy are those of the table's columns."""
    assert (STRATEGIES[name].peak_users, STRATEGIES[name].seconds) == (peak, seconds)


@pytest.mark.parametrize("name", TABLE)
def test_every_stage_outlasts_its_ramp(name):
    """Each stage is long enough for its ramp, which on a master holds up the shape."""
    before = 0
    for stage in STRATEGIES[name].stages:
        assert abs(stage.users - before) / stage.spawn_rate < stage.seconds / 2
        before = stage.users


@pytest.mark.parametrize(
    ("at", "users"), [(0, 10), (119.9, 10), (120, 100), (419.9, 100), (420, 10), (539.9, 10), (540, None), (9e9, None)]
)
def test_the_stage_of_a_moment(at, users):
    """Each stage runs up to the second in which the next one starts, and nothing follows the last."""
    stage = STRATEGIES["spike"].stage_at(at)
    assert (stage.users if stage else None) == users


def test_a_rehearsal():
    """A tenth of the time and half of the users, with the spawn rates as they were."""
    shrunk = STRATEGIES["spike"].scaled(0.1, 50)
    assert [(s.users, s.spawn_rate, s.seconds) for s in shrunk.stages] == [(5, 10, 12), (50, 50, 30), (5, 50, 12)]
    assert (shrunk.name, shrunk.every_task) == ("spike", False)
    assert STRATEGIES["smoke"].scaled(0.5).every_task


@given(st.sampled_from(sorted(TABLE)), st.floats(0.001, 10), st.integers(1, 10_000))
def test_scaling(name, time, users):
    """The peak is what was asked for, no stage is empty, more users stay more, and the time is in proportion."""
    strategy = STRATEGIES[name]
    shrunk = strategy.scaled(time, users)
    assert shrunk.peak_users == users
    assert min(stage.users for stage in shrunk.stages) >= 1
    assert shrunk.seconds == pytest.approx(strategy.seconds * time)
    for one, other in zip(strategy.stages, strategy.stages[1:], strict=False):
        small, large = sorted((one, other), key=lambda stage: stage.users)
        assert strategy.scaled(time, users).stages[strategy.stages.index(small)].users <= users
        assert small.users <= large.users


@given(st.sampled_from(sorted(TABLE)))
def test_scaling_by_nothing(name):
    """Without a factor and users a strategy stays what it is."""
    assert STRATEGIES[name].scaled() == STRATEGIES[name]


def test_steps():
    """Steps go up by the same number of users and share the time."""
    assert steps(3, 7, 2, 30) == (Stage(7, 2, 10), Stage(14, 2, 10), Stage(21, 2, 10))


def test_where_the_spike_is():
    """Only a stage with more users than both of its neighbours is a spike."""
    assert spike_of(STRATEGIES["spike"]) == (120, 420)
    assert spike_of(STRATEGIES["spike"].scaled(0.1, 20)) == pytest.approx((12, 42))
    assert [name for name in TABLE if spike_of(STRATEGIES[name])] == ["spike"]
    assert spike_of(STRATEGIES["spike"].scaled(1, 1)) is None
    late = Strategy("late", "", (Stage(1, 1, 5), Stage(2, 1, 5), Stage(9, 1, 5), Stage(3, 1, 5)))
    assert spike_of(late) == (10, 15)


def searched(capacity, limits):
    """The search and the users that it tried, on a server that breaks above `capacity` users."""
    search, tried = Search(limits), []
    while search.users is not None:
        tried.append(search.users)
        assert len(tried) < 1000, "the search does not end"
        search.record(met=search.users <= capacity)
    return search, tried


LIMITS = st.builds(
    SearchLimits,
    first_step=st.integers(1, 50),
    steps_before_doubling=st.integers(1, 20),
    finest=st.floats(0.001, 0.5),
    most_users=st.integers(1, 20_000),
)


@given(st.integers(0, 30_000), LIMITS)
def test_the_search_finds_any_capacity(capacity, limits):
    """It ends between the most users that work and the fewest that do not, as close as asked, within its bound."""
    search, tried = searched(capacity, limits)
    assert max(tried) <= limits.most_users
    assert search.highest_passing <= capacity
    assert len(set(tried)) == len(tried), "a step was tried twice"
    if search.lowest_failing is None:
        assert search.highest_passing == limits.most_users
    else:
        assert search.highest_passing <= capacity < search.lowest_failing
        assert (search.lowest_failing - search.highest_passing) // 2 < max(1, search.highest_passing * limits.finest)


@given(st.integers(0, 6_000))
def test_no_step_is_a_leap(capacity):
    """The first steps at most double the users, and from 50 users on each adds a fifth at most."""
    _, tried = searched(capacity, SearchLimits())
    for before, after in itertools.pairwise(tried):
        assert after <= (2 if before < 50 else 1.2) * before


@pytest.mark.parametrize("capacity", [1, 9, 43, 99, 730, 4_999, 5_000])
def test_how_close_and_how_long(capacity):
    """The usual search comes within 7 % or one user, in at most 60 steps."""
    search, tried = searched(capacity, SearchLimits())
    assert capacity - search.highest_passing <= max(1, 0.07 * capacity)
    assert len(tried) <= 60


@given(st.lists(st.booleans(), min_size=200, max_size=200))
def test_the_search_ends_whatever_it_is_told(answers):
    """Answers that contradict each other do not lead it astray: what passed stays below what failed, and it ends."""
    search = Search(SearchLimits())
    for answer in answers:
        if search.users is None:
            return
        search.record(met=answer)
        assert search.lowest_failing is None or search.highest_passing < search.lowest_failing
    raise AssertionError("the search does not end")


def test_one_user_is_too_many():
    """A server that breaks at once has a capacity of 0 users."""
    search, tried = searched(0, SearchLimits())
    assert (search.highest_passing, search.lowest_failing) == (0, 1)
    assert tried == [10, 5, 2, 1]
