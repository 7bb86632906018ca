"""JUnit as CI systems read it."""

from junitparser import Error, Failure, JUnitXml, Skipped

from chaterload.report.junit import to_junit

from .conftest import NASTY, SAME, WORSE, make_report


def cases(report):
    """Test case name -> what its result is, by suite."""
    document = JUnitXml.fromstring(to_junit(report).encode())
    return {suite.name: {case.name: [type(r) for r in case.result] for case in suite} for suite in document}


def test_a_pass():
    """Each objective is a test case that passed, and so is the run."""
    found = cases(make_report())
    assert list(found) == ["objectives", "run"]
    assert list(found["objectives"]) == [
        "POST /manual_weight p95",
        "GET /eater_get_today p95",
        "all requests failure_ratio",
        "all requests requests_per_second",
    ]
    assert not any(result for suite in found.values() for result in suite.values())


def test_a_missed_objective():
    """A missed objective and a regression are failures that say why; the others passed."""
    report = make_report(weight_ms=900, baseline=[WORSE, SAME])
    found = cases(report)
    assert found["objectives"]["POST /manual_weight p95"] == [Failure]
    assert found["run"] == {
        "the run proves something": [],
        "POST /manual_weight": [Failure],
        "GET /eater_get_today": [],
    }
    assert "p95 is 900 ms, expected below 500 ms" in to_junit(report)


def test_an_invalid_run():
    """A run that proves nothing is an error; reasons are text, whatever they hold."""
    report = make_report(invalid=[NASTY])
    assert cases(report)["run"]["the run proves something"] == [Error]
    document = JUnitXml.fromstring(to_junit(report).encode())
    assert NASTY in [result.message for suite in document for case in suite for result in case.result]


def test_what_was_not_judged():
    """What the tags left out is skipped, and what has no data is an error."""
    found = cases(make_report(left_out=[WORSE.endpoint]))["objectives"]
    assert found["POST /manual_weight p95"] == [Skipped]
    assert found["GET /eater_get_today p95"] == [Error]


def test_times_and_totals():
    """The suites say when the run began, how long it took and how many of its cases failed."""
    document = JUnitXml.fromstring(to_junit(make_report(weight_ms=900)).encode())
    objectives, run = list(document)
    assert (objectives.tests, objectives.failures, objectives.errors, objectives.skipped) == (4, 1, 0, 0)
    assert objectives.time == run.time == 30
    assert objectives.timestamp == "2026-03-01T12:00:00+00:00"
