"""Late arrivals are added up, told, and blamed on whom they are due to."""

import pytest

from chaterload.judge.lateness import Arrivals, RateFigures, add_up_arrivals, late_because


def test_processes_add_up():
    """Counts add up over processes, and the latest of all is the latest."""
    one = {"arrivals": 1000, "late": 3, "latest_ms": 150.0, "idle": 4}
    two = {"arrivals": 1500, "late": 2, "late_by_server": 1, "waiting": 2, "late_by_pool": 1}
    total = add_up_arrivals([{"arrivals": one}, {}, {"arrivals": two}])
    assert total == Arrivals(2500, 5, 1, 150.0, 2, 4, 1)
    assert add_up_arrivals([{"writes": {}}]) is None


@pytest.mark.parametrize(
    ("late", "by_server", "by_pool", "expected"),
    [
        (9, 9, 0, ""),
        (10, 0, 0, "the load generator"),
        (10, 5, 0, "the load generator"),
        (10, 6, 0, "the server"),
        (10, 10, 0, "the server"),
        (10, 3, 7, "the bound on users (--rate-users)"),
        (10, 1, 4, "the load generator"),
    ],
)
def test_who_was_the_cause(late, by_server, by_pool, expected):
    """Below 1 % nothing is said; from there on, the one of the three that made most of them late."""
    generator, others = late_because(Arrivals(1000, late, by_server, 1234.0, late_by_pool=by_pool))
    assert len(generator) == (expected == "the load generator")
    assert len(generator) + len(others) == bool(expected)
    for sentence in (*generator, *others):
        assert f"{late} of 1,000 arrivals (1 %) were late, the latest by 1.23 s" in sentence
        assert f": {expected} was the cause" in sentence


def test_a_run_by_users_has_none():
    """Nothing is late where nothing was due."""
    assert late_because(None) == ([], [])
    assert late_because(Arrivals()) == ([], [])


def test_the_row_of_a_report():
    """Asked, reached and late, with units."""
    text = str(RateFigures(75.0, 74.8, Arrivals(2413, 3, 0, 210.0)))
    assert text == "asked 75.0 req/s, reached 74.8 req/s; 2,413 arrivals, 3 late (0.12 %), the latest by 210 ms"
