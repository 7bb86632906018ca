"""The page for Prometheus."""

import shutil
import subprocess
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from prometheus_client.parser import text_string_to_metric_families

from chaterload.chater.kinds import FailureKind
from chaterload.chater.writes import Writes
from chaterload.judge.diagnosis import FailureCount
from chaterload.judge.measure import Snapshot
from chaterload.judge.objectives import evaluate
from chaterload.judge.objectives_file import DEFAULT_FILE, load
from chaterload.judge.queries import Query, judge_query
from chaterload.report.prometheus import BOUNDS_MS, KINDS, Figures, buckets, to_text
from tests.judge.test_measure import measurements

from .conftest import NASTY, OBJECTIVES, TODAY, WEIGHT, make_report

NOTHING = Figures(Snapshot({}, 0.0), (), (), Writes(), users=0, workers=0, cpu_percent=0.0)


def figures_of(report):
    """What a scrape at the end of the reported run finds."""
    return Figures(report.snapshot, report.failures, report.verdict.results, report.writes, 20, 2, 12.5)


def series(figures):
    """The page's values by name and the labels' values in their names' order; none of them twice."""
    page = to_text(figures).decode()
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    keys = [(sample.name, *(value for _, value in sorted(sample.labels.items()))) for sample in samples]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    return dict(zip(keys, (sample.value for sample in samples), strict=True))


@given(measurements())
def test_buckets_are_cumulative(m):
    """Each bucket holds all times up to its bound, so none holds less than the one before, and the last holds all."""
    found = buckets(m.times)
    assert [count for _, count in found] == [
        *(sum(n for time, n in m.times.items() if time <= bound) for bound in BOUNDS_MS),
        m.requests,
    ]
    assert [float(bound) * 1000 for bound, _ in found] == [*map(pytest.approx, BOUNDS_MS), float("inf")]


def test_the_limits_are_bounds():
    """A default limit on a time is a bucket's bound, so that the share of requests within it is exact."""
    times = [objective.limit for objective in load(DEFAULT_FILE)[0] if objective.is_time]
    assert times
    assert set(times) <= set(BOUNDS_MS)


def test_the_page_tells_the_run(any_report):
    """Requests, failures, times, writes and objectives are those of the report, and times are in seconds."""
    found = series(figures_of(any_report))
    for endpoint, m in any_report.snapshot.endpoints.items():
        labels = endpoint.method, endpoint.path
        assert found["chater_requests_total", *labels] == m.requests
        assert found["chater_response_time_seconds_count", *labels] == m.requests
        assert found["chater_response_time_seconds_bucket", "+Inf", *labels] == m.requests
        assert found["chater_response_time_seconds_sum", *labels] == pytest.approx(m.total_ms / 1000)
        failed = [found["chater_failures_total", kind, *labels] for kind in KINDS]
        assert sum(failed) == m.failures
    for kind, tally in any_report.writes.items():
        assert found["chater_writes_acknowledged_total", kind] == tally.acknowledged
        assert found["chater_writes_checked_total", kind] == tally.checked
        assert found["chater_writes_confirmed_total", kind] == tally.confirmed
    for result in any_report.verdict.results:
        objective = result.objective
        scale = 1000 if objective.is_time else 1
        key = str(objective.measure), objective.endpoint.method, objective.endpoint.path
        assert found["chater_objective_limit", *key] == objective.limit / scale
        value = None if result.value is None else result.value / scale
        assert found.get(("chater_objective_value", *key)) == value
        met = {"met": 1, "missed": 0}.get(result.state)
        assert found.get(("chater_objective_met", *key)) == met
    assert (found["chater_users",], found["chater_workers",]) == (20, 2)
    assert found["chater_generator_cpu_ratio",] == 0.125


def test_failures_have_a_kind():
    """Each kind is told by its name, and a failure of any other text by none of it."""
    rows = [
        FailureCount(TODAY, FailureKind.LOST_WRITE, "lost write", 3),
        FailureCount(TODAY, None, NASTY, 2),
        FailureCount(TODAY, None, "another", 5),
    ]
    found = series(replace(figures_of(make_report()), failures=rows))
    assert found["chater_failures_total", "lost_write", "GET", "/eater_get_today"] == 3
    assert found["chater_failures_total", "other", "GET", "/eater_get_today"] == 7
    assert found["chater_failures_total", "lost_write", "POST", "/manual_weight"] == 0
    assert len({key[1] for key in found if key[0] == "chater_failures_total"}) == len(FailureKind) + 1
    assert not [key for key in found if NASTY in key]


def test_before_a_run():
    """Before any run the writes are 0 and the objectives have limits alone; without objectives there are none."""
    found = series(NOTHING)
    assert set(found.values()) == {0}
    assert {key[0] for key in found} == {
        "chater_users",
        "chater_workers",
        "chater_in_flight",
        "chater_in_flight_oldest_seconds",
        "chater_unanswered",
        "chater_longest_silence_seconds",
        "chater_generator_cpu_ratio",
        *(f"chater_writes_{name}_total" for name in ("acknowledged", "checked", "confirmed")),
    }
    waiting = series(replace(NOTHING, results=evaluate(OBJECTIVES, NOTHING.snapshot)))
    assert {key[0] for key in waiting.keys() - found.keys()} == {"chater_objective_limit"}
    assert waiting["chater_objective_limit", "p95", WEIGHT.method, WEIGHT.path] == 0.5


def test_queries_of_one_name():
    """Two queries of one name make one series: Prometheus would refuse the page for two."""
    results = [judge_query(Query(NASTY, "up", below), [(0.0, 0.7)]) for below in (0.5, 0.8)]
    found = series(replace(NOTHING, results=results))
    assert found["chater_objective_limit", "average over the run", "", NASTY] == 0.8
    assert found["chater_objective_value", "average over the run", "", NASTY] == 0.7


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool: apt-get install prometheus")
def test_promtool_finds_nothing(any_report):
    """Prometheus' own check of names, types, units and texts has nothing to say."""
    page = to_text(figures_of(any_report))
    check = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, check=False)  # noqa: S607
    assert (check.returncode, check.stdout, check.stderr) == (0, b"", b"")
