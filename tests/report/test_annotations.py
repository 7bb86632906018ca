"""A GitHub job shows the reasons of a verdict, and nothing in them is a command."""

import io

import pytest

from chaterload.judge.verdict import Evidence
from chaterload.report.annotations import MOST, annotations, refusal_annotations
from chaterload.report.console import conclude, on

from .conftest import NASTY, make_report

GITHUB = {"GITHUB_ACTIONS": "true"}


def test_elsewhere_there_are_none():
    """Only GitHub reads them."""
    assert annotations(make_report(weight_ms=900), {}) == []
    assert annotations(make_report(weight_ms=900), {"GITHUB_ACTIONS": "false"}) == []


@pytest.mark.parametrize(
    ("report", "level", "text"),
    [
        (make_report(), "notice", "all 4 objectives are met"),
        (make_report(weight_ms=900), "error", "POST /manual_weight: p95 is 900 ms, expected below 500 ms"),
        (make_report(invalid=["3 users found no account"]), "warning", "3 users found no account"),
    ],
)
def test_a_line_for_each_reason(report, level, text):
    """An error of a run that failed, a warning of one that proves nothing, a notice of one that passed."""
    (line,) = annotations(report, GITHUB)
    title = f"{report.verdict.outcome.upper()}%3A load test of http%3A//127.0.0.1%3A5000"
    assert line.startswith(f"::{level} title={title}::{text}")


def test_nothing_is_a_command():
    """A reason stays on its line, and what is a sign to GitHub is written as such."""
    reason = "100 % wrong\r\n::set-env name=x::y"
    (line,) = annotations(make_report(invalid=[reason], host="a,b:c\n"), GITHUB)
    assert line == "::warning title=INVALID%3A load test of a%2Cb%3Ac%0A::100 %25 wrong%0D%0A::set-env name=x::y"


@pytest.mark.parametrize("where", ["true", "false"])
def test_the_end_of_a_run_has_them(monkeypatch, where):
    """They come before the verdict, each on a line of its own however long it is, and only in a job of GitHub's."""
    monkeypatch.setenv("GITHUB_ACTIONS", where)
    file = io.StringIO()
    report = make_report(invalid=["x" * 300])
    conclude(report, on(file))
    (first, *others) = file.getvalue().splitlines()
    assert (first == annotations(report, GITHUB)[0]) == (where == "true")
    assert others[-1] == "Verdict: INVALID (exit code 4)"


def test_no_more_than_are_shown():
    """Of many reasons the last line tells how many more there are."""
    report = make_report(evidence=Evidence(unproven=[f"{NASTY} {number}" for number in range(25)]))
    lines = annotations(report, GITHUB)
    assert len(lines) == MOST
    assert lines[-1].endswith("::and 16 more reasons: the log has them all")


def test_a_run_that_never_started():
    """Each problem of a start that was refused is an error, on GitHub alone, and stays on its line."""
    problems = ["--strategy 'lod' is unknown.\n::set-env name=x::y", "TEST_USER_TOKEN is missing"]
    assert refusal_annotations(problems, GITHUB) == [
        "::error title=The load test does not start::--strategy 'lod' is unknown.%0A::set-env name=x::y",
        "::error title=The load test does not start::TEST_USER_TOKEN is missing",
    ]
    assert refusal_annotations(problems, {}) == []
