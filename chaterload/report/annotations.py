"""The verdict as annotations of a GitHub job: its page shows them above the log."""

from collections.abc import Mapping

from chaterload.judge.verdict import Outcome
from chaterload.report.model import Report
from chaterload.report.summary import sentence

IN_GITHUB = "GITHUB_ACTIONS"
"""The variable that is "true" in each job of GitHub Actions."""

MOST = 10
"""GitHub shows so many of a step."""

_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def annotations(report: Report, environ: Mapping[str, str]) -> list[str]:
    """A line for each reason: errors of a run that failed, warnings of one that proves nothing. None elsewhere."""
    if environ.get(IN_GITHUB) != "true":
        return []
    outcome = report.verdict.outcome
    level = {Outcome.PASS: "notice", Outcome.FAIL: "error", Outcome.INVALID: "warning"}[outcome]
    title = _escaped(f"{outcome.upper()}: load test of {report.run.host}", _OF_PROPERTIES)
    told = report.verdict.reasons or (sentence(report),)
    if len(told) > MOST:
        told = (*told[: MOST - 1], f"and {len(told) - MOST + 1} more reasons: the verdict has them all")
    return [f"::{level} title={title}::{_escaped(text, _ESCAPES)}" for text in told]


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
