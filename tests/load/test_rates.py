"""Rates are read as people write them, shared out whole, and get the users they take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.load.rates import HIGHEST, ArrivalPlan, AskedRate, parse_rate, reserve, shares, users_to_start


@pytest.mark.parametrize(
    ("text", "rate"),
    [("75", 75), ("75/s", 75), ("4500/m", 75), ("4500/min", 75), ("270000/h", 75), (" 0.5 ", 0.5), (".5", 0.5)],
)
def test_rates_as_people_write_them(text, rate):
    """Per second, per minute and per hour."""
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-5",
        "75 users",
        "1e3",
        "inf",
        "nan",
        "75/d",
        "1/0",
        "100001",
        "9" * 400,
        "\N{ARABIC-INDIC DIGIT SEVEN}",
        "0.00000000001",
        "7 5",
    ],
)
def test_what_is_no_rate(text):
    """Anything else is told with what was given and what is expected."""
    with pytest.raises(ValueError, match="Expected requests per second, such as 75"):
        parse_rate(text)


@given(st.floats(0.0, HIGHEST), st.sets(st.text(), min_size=1, max_size=50))
def test_shares_are_the_whole(rate, workers):
    """Each worker has its part, all alike, and their sum is the rate."""
    parts = shares(rate, workers)
    assert parts.keys() == workers
    assert sum(parts.values()) == pytest.approx(rate)
    assert len(set(parts.values())) == 1


def test_nobody_to_share_with():
    """Without workers there is nothing to hand out."""
    assert shares(10.0, ()) == {}


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.floats(0.0, 1000.0), st.integers(1, 2000))
def test_the_pool_is_bounded(idle, busy, coming, tasks_per_second, most):
    """There are never more users than may be, and where there may be, enough are idle or about to be."""
    users = idle + busy + coming
    for waiting in (0, 7):
        more = users_to_start(
            users, busy=busy, idle=idle, waiting=waiting, tasks_per_second=tasks_per_second, most_users=most
        )
        assert more >= 0
        assert users + more <= max(most, users)
        assert idle + coming + more >= reserve(tasks_per_second) + waiting or users + more >= most


def test_two_hundred_a_second_take_few_idle_users():
    """On answers of 50 ms, 200 tasks a second keep ten users busy, and fewer than a hundred idle."""
    assert reserve(200.0) < 100
    assert reserve(0.0) == 2


def test_processes_have_seeds_of_their_own():
    """The same arrivals on two workers would come in pairs."""
    assert len({ArrivalPlan("poisson", 7, 100, process).own_seed for process in range(100)}) == 100
    assert ArrivalPlan("poisson", None, 100, 3).own_seed is None


def test_what_was_asked_in_all():
    """A ramp of steps adds up, also where it is asked for a moment that has passed."""
    asked = AskedRate()
    assert asked.requests(5.0) == 0
    asked.ask(1.0, 10.0)
    asked.ask(3.0, 50.0)
    assert asked.requests(4.0) == 70
    assert asked.requests(2.0) == 20
    assert asked.now == 50
