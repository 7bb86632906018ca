"""JUnit as CI systems read it."""

import xml.etree.ElementTree as ET

import pytest

from chaterload.judge.verdict import Evidence
from chaterload.report.junit import to_junit

from .conftest import FEW, LOSSES, NASTY, SAME, WORSE, make_report

PROBLEMS = ("failure", "error", "skipped")


def parsed(report):
    return ET.fromstring(to_junit(report))  # noqa: S314  # our own


def cases(report):
    """What came of each test case, by suite and name: "" where it passed."""
    return {
        suite.get("name"): {
            case.get("name"): next((child.tag for child in case if child.tag in PROBLEMS), "")
            for case in suite.iter("testcase")
        }
        for suite in parsed(report)
    }


def messages(report):
    return [problem.get("message") for tag in PROBLEMS for problem in parsed(report).iter(tag)]


FOUND_WRITES = {"dishes": "failure", "modifies": "", "weights": "skipped", "deletes": "failure"}


def test_a_pass():
    """Each objective is a test case that passed, and so is each part of the run."""
    found = cases(make_report())
    assert found == {
        "objectives": dict.fromkeys(
            (
                "POST /manual_weight p95",
                "GET /eater_get_today p95",
                "all requests failure_ratio",
                "all requests requests_per_second",
            ),
            "",
        ),
        "writes": {"dishes": "", "modifies": "", "weights": "skipped", "deletes": ""},
        "run": dict.fromkeys(
            (
                "it ran to its end",
                "the server was never silent",
                "nothing else is proven wrong",
                "the load generator worked",
                "all that was asked for could be judged",
                "verdict",
            ),
            "",
        ),
    }


def test_lost_writes():
    """Each kind of write is a case: lost ones fail it, with the verdict's own sentence; none looked for skips it."""
    report = make_report(writes=LOSSES)
    assert cases(report)["writes"] == FOUND_WRITES
    assert cases(report)["run"]["verdict"] == "failure"
    assert set(report.writes.missing()) <= set(messages(report))


def test_a_missed_objective():
    """A missed objective and a regression are failures that say why; what could not be compared is skipped."""
    report = make_report(weight_ms=900, baseline=[WORSE, SAME, FEW])
    found = cases(report)
    assert found["objectives"]["POST /manual_weight p95"] == "failure"
    assert found["baseline"] == {
        "POST /manual_weight": "failure",
        "GET /eater_get_today": "",
        str(FEW.endpoint): "skipped",
    }
    assert "too few (7 of 10)" in messages(report)
    assert found["run"]["nothing else is proven wrong"] == ""
    assert "POST /manual_weight: p95 is 900 ms, expected below 500 ms" in messages(report)


@pytest.mark.parametrize(
    ("evidence", "case", "tag"),
    [
        (Evidence(stopped_early=[NASTY]), "it ran to its end", "failure"),
        (Evidence(silences=[NASTY]), "the server was never silent", "failure"),
        (Evidence(worse=[NASTY]), "nothing else is proven wrong", "failure"),
        (Evidence(generator_broken=[NASTY]), "the load generator worked", "error"),
        (Evidence(unproven=[NASTY]), "all that was asked for could be judged", "error"),
    ],
)
def test_the_run_itself(evidence, case, tag):
    """Each kind of evidence has its case; reasons are text, whatever they hold."""
    report = make_report(evidence=evidence)
    run = cases(report)["run"]
    assert {name: found for name, found in run.items() if found} == {case: tag, "verdict": tag}
    assert NASTY in messages(report)


def test_what_a_broken_generator_measured():
    """With a broken generator a missed objective is an error, for it is not proven."""
    report = make_report(weight_ms=900, baseline=[WORSE], evidence=Evidence(generator_broken=["lost"]))
    found = cases(report)
    assert found["objectives"]["POST /manual_weight p95"] == found["baseline"]["POST /manual_weight"] == "error"


def test_what_was_not_judged():
    """What the tags left out is skipped, and what has no data is an error."""
    found = cases(make_report(excluded_endpoints=[WORSE.endpoint]))["objectives"]
    assert found["POST /manual_weight p95"] == "skipped"
    assert found["GET /eater_get_today p95"] == "error"


def test_times_and_totals():
    """The suites say when the run began, how long it took and how many of its cases failed."""
    document = parsed(make_report(weight_ms=900))
    objectives = document[0]
    counts = [objectives.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "1", "0", "0"]
    assert document.get("failures") == "2"
    assert {suite.get("time") for suite in document} == {"30.000"}
    assert objectives.get("timestamp") == "2026-03-01T12:00:00+00:00"


def test_what_was_measured_stands_with_what_passed_too():
    """A case says what was measured, and one on a response time has it as its own time."""
    weight, _, failures, _ = parsed(make_report())[0]
    assert weight.findtext("system-out") == "POST /manual_weight: p95 is 400 ms, expected below 500 ms"
    assert weight.get("time") == "0.400"
    assert failures.findtext("system-out") == "all requests: failure_ratio is 0 %, expected below 1 %"


def test_properties():
    """The run's circumstances and figures are its suite's properties."""
    properties = {p.get("name"): p.get("value") for p in parsed(make_report()).iter("property")}
    assert properties["host"] == "http://127.0.0.1:5000"
    assert (properties["users"], properties["tags"], properties["versions.locust"]) == ("20", "full_flow", "2.47")
    assert (properties["verdict"], properties["exit_code"], properties["requests"]) == ("pass", "0", "240")


def test_what_no_document_can_hold():
    """A character that XML does not know is replaced."""
    assert "before \N{REPLACEMENT CHARACTER} after" in messages(
        make_report(evidence=Evidence(unproven=["before \0 after"]))
    )
