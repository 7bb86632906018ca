"""The server's own times stand beside ours only where they are of the same requests."""

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.serverside import (
    MAYBE_OURS,
    ServerSide,
    ServerTime,
    Work,
    compare_sides,
    histogram_lines,
    parse_metrics,
    read_pages,
)
from chaterload.standin.counters import Counters

TODAY, WEIGHT = Endpoint("GET", "/eater_get_today"), Endpoint("POST", "/manual_weight")
PAGE = """# HELP http_request_latency_seconds Latency
# TYPE http_request_latency_seconds histogram
http_request_latency_seconds_bucket{method="GET",endpoint="eater_get_today",le="+Inf"} 7.0
http_request_latency_seconds_count{method="GET",endpoint="eater_get_today"} 7.0
http_request_latency_seconds_sum{method="GET",endpoint="eater_get_today"} 3.5
http_request_latency_seconds_count{method="POST",endpoint="/manual_weight",pod="a"} 2.0
http_request_latency_seconds_sum{method="POST",endpoint="/manual_weight",pod="a"} 0.25
http_request_latency_seconds_count{method="POST",endpoint="/manual_weight",pod="b"} 4.0
http_request_latency_seconds_sum{method="POST",endpoint="/manual_weight",pod="b"} 0.5
# TYPE process_cpu_seconds counter
process_cpu_seconds_total 12.5
"""


def ours(today=100, weight=50, today_ms=600.0, weight_ms=90.0):
    return Snapshot(
        {
            TODAY: EndpointStats(today, 0, {}, today * today_ms),
            WEIGHT: EndpointStats(weight, 0, {}, weight * weight_ms),
        },
        10.0,
    )


def work(today=100.0, weight=50.0, today_s=0.5, weight_s=0.08):
    return {TODAY: Work(today, today * today_s), WEIGHT: Work(weight, weight * weight_s)}


def test_a_page():
    """Counts and sums are added up over other labels; an endpoint is a path, with or without its slash."""
    assert parse_metrics(PAGE) == {TODAY: Work(7, 3.5), WEIGHT: Work(6, 0.75)}


def test_the_page_of_the_stand_in():
    """What prometheus-client writes is read back."""
    counters = Counters()
    for seconds in (0.5, 1.5):
        counters.began("GET", "/eater_get_today")
        counters.ended("GET", "/eater_get_today", 200, seconds)
    assert parse_metrics(counters.metrics().decode()) == {TODAY: Work(2, 2.0)}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<!doctype html><title>404</title>",
        "not prometheus {",
        prometheus_client.generate_latest().decode(),
        'http_request_latency_seconds_count{method="GET" 1',
        'http_request_latency_seconds_count{method="GET"} NaN',
        'http_request_latency_seconds_count{method="GET"} +Inf',
    ],
)
def test_no_such_page(text):
    """Other text, other metrics, and numbers that are none are no page."""
    assert parse_metrics(text) is None


WORDS = ("http_request_latency_seconds", "_count", "_sum", 'method="GET"', 'endpoint="/a"', "# TYPE ", "# HELP ")
SIGNS = ("{", "}", ",", "=", '"', "\\", " ", "\n", "1", "-1", "NaN", "1e999", "# EOF", "\x00", "é", "\r", "{}")
PIECES = st.sampled_from((*WORDS, *SIGNS))


@given(st.lists(PIECES, max_size=40).map("".join) | st.text())
def test_any_text(text):
    """Whatever the page holds, reading it raises nothing."""
    found = parse_metrics(text)
    assert found is None or all(isinstance(value, Work) for value in found.values())


def test_waiting_in_front_of_the_server():
    """Our mean time less the server's is waiting, and the endpoint that waits most comes first."""
    side = compare_sides([{TODAY: Work(1000, 70.0)}], [{TODAY: Work(1100, 120.0), WEIGHT: Work(50, 4.0)}], ours())
    assert side.note == ""
    assert side.times == (ServerTime(TODAY, 600.0, 500.0), ServerTime(WEIGHT, 90.0, 80.0))
    assert [time.waiting_ms for time in side.times] == pytest.approx([100.0, 10.0])


def test_no_negative_waiting():
    """Where the server's clock says more than ours, nobody waited."""
    assert ServerTime(TODAY, 100.0, 101.0).waiting_ms == 0


@pytest.mark.parametrize("share", [0.96, 1.0, 1.04])
def test_counts_that_agree(share):
    """Counts within 5 % of ours are of our requests."""
    assert compare_sides([{}], [work(100 * share, 50 * share)], ours()).times


@pytest.mark.parametrize("replicas", [2, 3, 10])
def test_one_replica_of_several(replicas):
    """A page that counts a part of our requests is one process of several: that is said, and nothing is claimed."""
    side = compare_sides([{}], [work(100 / replicas, 50 / replicas)], ours())
    assert side.times == ()
    assert f"/metrics counts {150 / replicas:.0f} of our 150 requests: it shows one of several processes" in side.note


def test_two_replicas_that_answer_in_turn():
    """Counts that fell between the two looks come from two processes, even where the sum of them would fit."""
    before, after = {TODAY: Work(900, 450.0), WEIGHT: Work(0, 0.0)}, {TODAY: Work(20, 10.0), WEIGHT: Work(1030, 80.0)}
    side = compare_sides([before], [after], ours())
    assert side.times == ()
    assert "one of several processes" in side.note


def test_a_server_that_started_anew():
    """Counts below those before give no negative number in the sentence."""
    side = compare_sides([work(5000, 5000)], [work(10, 5)], ours())
    assert "/metrics counts 0 of our 150 requests" in side.note


def test_a_broken_generator():
    """Where the load generator's own delays may be in our times, nobody knows how long the server let anybody wait."""
    side = compare_sides([work(0, 0)], [work()], ours(), generator_broken=True)
    assert side == ServerSide(note=MAYBE_OURS)
    assert compare_sides([], [], ours(), generator_broken=True) == ServerSide()


def test_every_report_rounds_alike():
    """What the reports say of a mean time adds up, also where each of its parts would be rounded otherwise."""
    assert ServerTime(TODAY, 10.6, 0.4).whole_ms == (11, 0, 11)
    assert ServerTime(TODAY, 10.4, 10.6).whole_ms == (10, 11, 0)


def test_others_use_the_server():
    """A page that counts more requests than ours is not only of our requests."""
    side = compare_sides([{}], [work(300, 50)], ours())
    assert side == ServerSide(note="/metrics counts 350 requests and we made 150: others use the server too")


def test_our_own_requests_are_not_others():
    """Requests of ours that nobody answered are on the page, and are no others."""
    side = compare_sides([{}], [work(120, 50)], ours(), uncounted=20)
    assert side.times == ()
    assert "up to 20 more that were cut off" in side.note
    assert "others use the server too" in compare_sides([{}], [work(220, 50)], ours(), uncounted=20).note


def test_all_workers_of_a_server():
    """Where every worker's page was found their sum is that of our requests, whatever each of them did before."""
    before = [work(30, 10), work(5, 5), {}, work(30, 10)]
    after = [work(60, 30), work(45, 25), work(30, 10), work(60, 30)]
    assert compare_sides(before, after, ours()).times
    found = compare_sides(before, after[:2], ours())
    assert found.note.startswith("/metrics shows one of several worker processes at a time")


def test_several_pages_say_nothing_of_others():
    """Where workers count for themselves, too many requests may be a worker that was not seen before."""
    assert "others" not in compare_sides([work(0, 0)], [work(400, 400), work(70, 30)], ours()).note


def test_others_ask_between_the_looks():
    """One process whose counts grow from look to look is not several: the looks nearest to the run are compared."""
    before = [work(100 + n, 50) for n in range(30)]
    busy = compare_sides(before, [work(400 + n, 200) for n in range(70)], ours())
    assert "several worker processes" not in busy.note
    assert "counts 421 requests and we made 150: others use the server too, or it shows one of" in busy.note
    assert compare_sides(before, [work(129 + 101 + n, 50 + 50) for n in range(70)], ours()).times


def test_what_tells_a_page_from_another():
    """The process's own figures, and the looks at the page, make no other page of it."""
    look = 'http_request_latency_seconds_count{method="GET",endpoint="metrics"} 3.0\n'
    assert histogram_lines(PAGE + look) == histogram_lines(PAGE.replace("12.5", "13.5"))
    assert parse_metrics(histogram_lines(PAGE)) == parse_metrics(PAGE)
    assert histogram_lines("# nothing") == ""


def test_reading_pages():
    """Each look has its page, in order; one without the histogram is a worker that did nothing yet."""
    assert read_pages([PAGE, "# none", PAGE]) == [parse_metrics(PAGE), {}, parse_metrics(PAGE)]
    assert read_pages(["# none", ""]) is None
    assert read_pages([]) is None


@pytest.mark.parametrize(("before", "after"), [(None, [{}]), ([{}], None), (None, None), (None, [work()])])
def test_without_a_page_nothing_is_said(before, after):
    """A page that is missing at the start or at the end is no failure and no note."""
    assert compare_sides(before, after, ours()) == ServerSide()


def test_nothing_in_common():
    """Where the page knows none of our endpoints, or we asked none, nothing is said."""
    assert compare_sides([{}], [{Endpoint("GET", "/other"): Work(5, 1)}], ours()) == ServerSide()
    assert compare_sides([{}], [work()], Snapshot({}, 0.0)) == ServerSide()
    assert compare_sides([{}], [work()], ours(today=0, weight=0)) == ServerSide()


COUNTS = st.floats(0, 1e6)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 10_000), st.integers(0, 10_000))
def test_any_counts(a, b, c, d, today, weight):
    """Whatever both sides counted, there is a note or there are times, never both, and no time is negative."""
    side = compare_sides([work(a, b)], [{TODAY: Work(c, c), WEIGHT: Work(d, d)}], ours(today, weight))
    assert not (side.times and side.note)
    assert all(time.waiting_ms >= 0 for time in side.times)
