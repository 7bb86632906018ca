"""The verdict as annotations of a GitHub job: its page shows them above the log."""

from collections.abc import Mapping, Sequence

from chaterload.judge.verdict import Outcome
from chaterload.report.model import Report
from chaterload.report.summary import first_reasons, sentence

IN_GITHUB = "GITHUB_ACTIONS"
"""The variable that is "true" in each job of GitHub Actions."""

MOST = 10
"""GitHub shows so many of a step."""

_ESCAPES = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_OF_PROPERTIES = {**_ESCAPES, ":": "%3A", ",": "%2C"}


def annotations(report: Report, environ: Mapping[str, str]) -> list[str]:
    """A line for each reason: errors of a run that failed, warnings of one that proves nothing. None elsewhere."""
    outcome = report.verdict.outcome
    level = {Outcome.PASS: "notice", Outcome.FAIL: "error", Outcome.INVALID: "warning"}[outcome]
    title = f"{outcome.upper()}: load test of {report.run.host}"
    return _annotate(level, title, report.verdict.reasons or (sentence(report),), environ)


def refusal_annotations(problems: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """An error for each reason why a run never started. None elsewhere."""
    return _annotate("error", "The load test does not start", problems, environ)


def _annotate(level: str, title: str, texts: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    if environ.get(IN_GITHUB) != "true":
        return []
    told = first_reasons(texts, MOST, ": the log has them all")
    return [f"::{level} title={_escaped(title, _OF_PROPERTIES)}::{_escaped(text, _ESCAPES)}" for text in told]


def _escaped(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in text)
