"""The verdict in a sentence says what the verdict says, in words of people who do not test."""

from dataclasses import replace

import pytest

from chaterload.chater import routes
from chaterload.judge.capacity import Capacity
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.verdict import Evidence
from chaterload.report import summary

from .conftest import LOSSES, SAME, WORSE, make_report

ROUTES = [route for route in vars(routes).values() if isinstance(route, routes.Route)]

SENTENCES = {
    "pass": (
        make_report(),
        "all 4 objectives are met, the closest by weight entry: p95 400 ms of 500 ms allowed; "
        "no data lost in 130 checked writes",
    ),
    "slow": (
        make_report(weight_ms=1040),
        "weight entry is too slow, p95 1.04 s of 500 ms allowed; no data lost in 130 checked writes",
    ),
    "failing": (
        make_report(failures=20),
        "the whole mix fails too often, 8.3 % of 1 % allowed; no data lost in 130 checked writes",
    ),
    "lost": (
        make_report(writes=LOSSES),
        "2 of the acknowledged dishes are lost: they did not show within 10.1 s; and 1 more reason",
    ),
    "regression": (
        make_report(baseline=[WORSE, SAME]),
        "weight entry is worse than the baseline: median 80 ms -> 350 ms (+338 %); no data lost in 130 checked writes",
    ),
    "invalid": (
        make_report(evidence=Evidence(generator_broken=["worker 1 was lost"])),
        "nothing is proven, worker 1 was lost; no data lost in 130 checked writes",
    ),
}


@pytest.mark.parametrize("case", SENTENCES)
def test_the_sentence(case):
    """Each kind of verdict in a sentence."""
    report, expected = SENTENCES[case]
    assert summary.sentence(report) == expected


def test_nothing_is_claimed_without_a_look():
    """Where no write was checked, nothing is said of lost data; where one did not show, not that none was lost."""
    nothing = type(LOSSES)()
    assert "lost" not in summary.sentence(make_report(writes=nothing))
    assert "no data lost" not in summary.sentence(make_report(writes=LOSSES))


@pytest.mark.parametrize("route", [r for r in ROUTES if r is not routes.TOKEN_CHECK], ids=str)
def test_every_route_has_words(route):
    """What users ask has a name that users know."""
    assert summary.in_words(Endpoint(route.method, route.path)) != str(route)


def test_other_endpoints_keep_their_names():
    """What an objectives file names and nobody put into words is called what it is."""
    assert summary.in_words(Endpoint("GET", "/x")) == "GET /x"
    assert summary.in_words(ALL) == "the whole mix"


def test_capacity():
    """The capacity is a headline, and what breaks first stands below; a search that found none says so."""
    found = Capacity(75, 80.06, (79.0, 81.0), 78, ("POST /manual_weight p95",), "the server")
    assert summary.capacity_headline(found) == "75 users, 80.1 req/s"
    assert summary.breaks_first(found) == "POST /manual_weight p95 breaks first, at 78 users."
    assert summary.capacity_headline(replace(found, users=0)) == "not even the first step met every objective"
    whole = replace(found, first_broken_users=None, broken=(), limit="the search's bound of 75 users")
    assert summary.breaks_first(whole) == "Nothing broke; the search was ended by the search's bound of 75 users."


def test_what_matters_most():
    """At most three notes: of the diagnosis first, then what became worse."""
    assert summary.most_important(make_report()) == []
    failed = make_report(weight_ms=900, failures=20, baseline=[WORSE, SAME])
    assert [note.headline for note in summary.most_important(failed)] == [
        finding.headline for finding in failed.findings
    ]
    worse = make_report(baseline=[WORSE, SAME])
    assert [note.headline for note in summary.most_important(worse)] == [str(WORSE)]


@pytest.mark.parametrize(("seconds", "text"), [(30, "30 s"), (540, "9 min"), (7200, "2 h")])
def test_durations(seconds, text):
    """A duration is told in the unit that people would use."""
    assert summary.duration(seconds) == text
