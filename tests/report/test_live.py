"""The live view of a run, moment by moment and in windows of many sizes."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from chaterload.chater.kinds import FailureKind
from chaterload.judge.diagnosis import FailureCount, RecentFailure
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, evaluate
from chaterload.load.strategies import STRATEGIES, Search, SearchLimits
from chaterload.report.live import LiveView, build, clock

from .conftest import NASTY, OBJECTIVES, SIGN_IN, TODAY, WEIGHT

WINDOWS = [(60, 24), (80, 24), (100, 30), (140, 50)]
FIGURES = Snapshot(
    {
        TODAY: EndpointStats(120, 20, {30: 120}, 3600.0, 30.0),
        WEIGHT: EndpointStats(120, 0, {900: 120}, 108_000.0, 900.0),
    },
    30.0,
)
SERVER_ERROR = RecentFailure(FailureCount(TODAY, FailureKind.SERVER_ERROR, "server error", 20), 3.2)
RUN = LiveView(
    host="http://127.0.0.1:5000",
    seconds=18.4,
    length_s=30.0,
    users=20,
    target_users=20,
    workers=0,
    requests=240,
    failures=0,
    requests_per_second=8.02,
    in_flight=3,
    oldest_s=0.2,
    results=evaluate(OBJECTIVES, FIGURES),
)


def search(*met):
    """A capacity search after these steps."""
    found = Search(SearchLimits())
    for one in met:
        found.record(met=one)
    return found


BEGINNING = replace(
    RUN, seconds=0.0, users=0, requests=0, requests_per_second=0.0, results=evaluate(OBJECTIVES, Snapshot({}, 0.0))
)
FAILING = replace(RUN, failures=20, recent=[SERVER_ERROR])
MOMENTS = {
    "before the first request": (
        BEGINNING,
        ["0:00 of 0:30", "0 of 20 users   in flight 3   no answer counted yet", "… no data"],
    ),
    "in a plain run": (
        RUN,
        ["0:18 of 0:30", "20 of 20 users   8.0 req/s   in flight 3   0 of 240 requests failed (0 %)"],
    ),
    "without an end": (replace(RUN, length_s=None), ["0:18, until Ctrl-C"]),
    "with workers": (replace(RUN, workers=3), ["http://127.0.0.1:5000, 3 workers"]),
    "with failures": (FAILING, ["critical", "Last failures", "20 x server error at GET /eater_get_today, 0:03 ago"]),
    "in a stage": (
        replace(RUN, strategy=STRATEGIES["stress"], length_s=900.0, seconds=200.0),
        ["3:20 of 15:00", "stress: stage 3 of 10, 60 users, 1:10 left"],
    ),
    "after the last stage": (replace(RUN, strategy=STRATEGIES["smoke"], length_s=60.0, seconds=60.5), ["1:00 of 1:00"]),
    "in a search": (
        replace(RUN, length_s=3600.0, search=search(True, False)),
        ["0:18, at most 1:00:00", "capacity: trying 15 users, 10 meet every objective, 20 miss one"],
    ),
    "when a search is over": (replace(RUN, search=search(False, False, False, False)), ["capacity: found, 1 miss one"]),
    "while it ends": (replace(RUN, ending=True), ["0:18, ending"]),
    "with words that look like markup": (replace(RUN, host=NASTY), [NASTY[:40]]),
}


def drawn(moment, width=100, height=30):
    """The lines of the view, as a terminal of that size shows them."""
    file = io.StringIO()
    Console(file=file, width=width, height=height).print(build(moment, width, height))
    return file.getvalue().splitlines()


@pytest.mark.parametrize("name", MOMENTS)
def test_a_moment(name):
    """The view says where the run is, what it has so far and what failed last."""
    moment, parts = MOMENTS[name]
    text = "\n".join(drawn(moment))
    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("name", MOMENTS)
def test_no_word_is_cut(name):
    """What a wide window shows in words, a narrow one shows in the same words."""
    long = Objective(Endpoint("POST", "/get_food_custom_date"), Measure.named("failure_ratio"), 0.01)
    busy = replace(
        MOMENTS[name][0],
        host="http://chater-ui.chater-ui.svc.cluster.local:5000",
        requests=240,
        failures=20,
        oldest_s=12.3,
        recent=[replace(SERVER_ERROR, age_s=3700.0)],
        results=evaluate([long, *OBJECTIVES], FIGURES),
    )
    wide, narrow = ({word for line in drawn(busy, width, 60) for word in line.split()} for width in (200, 60))
    assert not [word for word in narrow - wide if word.strip("━╸╺")]
    assert {"failure_ratio", "failed", "ago"} <= narrow


@pytest.mark.parametrize(("width", "height"), WINDOWS)
@pytest.mark.parametrize("name", MOMENTS)
def test_nothing_overflows(name, width, height):
    """In a window of any usual size no line is cut by the window, and the view leaves a row for the cursor."""
    lines = drawn(MOMENTS[name][0], width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    assert sum("p95" in line for line in lines) == 2


def test_each_state_has_a_mark_of_its_own():
    """Met, missed, no data and not applicable differ without colour, and too few requests say how many it takes."""
    objectives = (
        *OBJECTIVES[:2],
        Objective(SIGN_IN, Measure.named("p95"), 100.0),
        Objective(ALL, Measure.named("maximum"), 5.0, minimum_requests=500),
    )
    results = evaluate(objectives, FIGURES, {SIGN_IN})
    rows = {line.split("  ")[0]: line for line in drawn(replace(RUN, results=results))}
    for name, cells in {
        "POST /manual_weight p95": "< 500 ms 900 ms 120 ✗ missed",
        "GET /eater_get_today p95": "< 2 s 30 ms 120 ✓ met",
        "POST /eater_auth p95": "< 100 ms - 0 - n/a",
        "all requests maximum": "< 5 ms - 240 of 500 … no data",
    }.items():
        assert " ".join(rows[name].split()) == f"{name} {cells}"


def test_more_objectives_than_rows():
    """Where not all objectives fit, the missed ones are shown and the others are counted."""
    paths = [Endpoint("GET", f"/{number}") for number in range(40)]
    figures = Snapshot({path: EndpointStats(1, 0, {10: 1}, 10.0, 10.0) for path in paths}, 1.0)
    objectives = [Objective(path, Measure.named("p95"), 5.0 if path.path in ("/7", "/39") else 50.0) for path in paths]
    lines = drawn(replace(FAILING, results=evaluate(objectives, figures)), 80, 24)
    assert len(lines) == 23
    text = "\n".join(lines)
    assert text.index("GET /7 p95") < text.index("GET /39 p95") < text.index("GET /0 p95")
    assert "and 27 more" in text
    assert "Last failures" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (42.9, "0:42"), (600, "10:00"), (3599, "59:59"), (3722, "1:02:02")]
)
def test_the_clock(seconds, text):
    """A length of time in minutes and seconds, with hours where there are any."""
    assert clock(seconds) == text
