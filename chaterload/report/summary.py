"""A run in the words of somebody who has one minute: the verdict in a sentence, and what else matters most."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chaterload.chater import routes
from chaterload.judge import numbers
from chaterload.judge.capacity import Capacity
from chaterload.judge.measure import ALL, Endpoint
from chaterload.judge.objectives import FAILURE_RATIO, THROUGHPUT, Result, State
from chaterload.judge.verdict import Outcome
from chaterload.report.model import Report

MOST_FINDINGS = 3

_WORDS: dict[routes.Route[Any], str] = {
    routes.PHOTO: "the photo upload",
    routes.TODAY: "today's list",
    routes.MODIFY: "changing a dish",
    routes.WEIGHT: "weight entry",
    routes.RECOMMENDATION: "the recommendation",
    routes.DELETE: "deleting a dish",
    routes.CUSTOM_DATE: "the list of a past day",
    routes.LANGUAGE: "setting the language",
    routes.ALCOHOL_LATEST: "today's drinks",
    routes.ALCOHOL_RANGE: "drinks of several days",
    routes.FEEDBACK: "sending feedback",
    routes.SIGN_IN: "signing in",
    routes.HEALTH_LEVEL: "the health level of a dish",
    routes.PHOTO_FILE: "the photo of a dish",
}
WORDS = {Endpoint(route.method, route.path): words for route, words in _WORDS.items()}
"""What an endpoint is to somebody who uses the application."""


def in_words(endpoint: Endpoint) -> str:
    """What users would call it; its own name where nobody has said."""
    return "the whole mix" if endpoint == ALL else WORDS.get(endpoint, str(endpoint))


@dataclass(frozen=True)
class Note:
    """One of the most important things to know."""

    headline: str
    advice: str = ""


def sentence(report: Report) -> str:
    """The verdict for somebody who reads nothing else, without the word PASS, FAIL or INVALID."""
    outcome, reasons = report.verdict.outcome, report.verdict.reasons
    if outcome is Outcome.PASS:
        return "; ".join(part for part in (_all_met(report), _writes(report)) if part)
    told = _first_reason(report)
    if outcome is Outcome.INVALID:
        told = f"nothing is proven, {told}"
    more = f"and {len(reasons) - 1} more reason{'s' if len(reasons) > 2 else ''}" if len(reasons) > 1 else ""
    return "; ".join(part for part in (told, more, _writes(report)) if part)


def first_reasons(reasons: Sequence[str], most: int, where: str = "") -> list[str]:
    """At most so many; the last of them says how many more there are, and `where`."""
    if len(reasons) <= most:
        return list(reasons)
    return [*reasons[: most - 1], f"and {len(reasons) - most + 1} more reasons{where}"]


def capacity_headline(capacity: Capacity) -> str:
    """How much it takes: `75 users, 80.1 req/s`."""
    if capacity.asked_rps:
        return numbers.rate(capacity.requests_per_second)
    if not capacity.users:
        return "not even the first step met every objective"
    return f"{capacity.users} users, {numbers.rate(capacity.requests_per_second)}"


def breaks_first(capacity: Capacity) -> str:
    """What keeps it from taking more."""
    broken = f"{', '.join(capacity.broken)} break{'s' if len(capacity.broken) == 1 else ''} first"
    if capacity.first_broken_rps:
        return f"{broken}, at {numbers.rate(capacity.first_broken_rps)}."
    if not capacity.first_broken_users:
        return f"Nothing broke; the search was ended by {capacity.limit}."
    return f"{broken}, at {capacity.first_broken_users} users."


def what_was_tested(report: Report) -> str:
    """Where, what, by what load, how long and when."""
    run = report.run
    build = f", build {run.build}" if run.build else ""
    when = f"{duration(run.seconds)}, {run.start:%Y-%m-%d %H:%M} UTC"
    return f"Load test of {run.host}{build}: {load_in_words(report)}, {when}"


def load_in_words(report: Report) -> str:
    """By what load it was tested."""
    run = report.run
    users = f"up to {run.users} user{'s' if run.users != 1 else ''}"
    if report.rate:
        users = f"{numbers.rate(report.rate.asked_rps)} asked"
    return f"strategy {run.strategy}, {users}" if run.strategy else users


def most_important(report: Report) -> list[Note]:
    """Up to MOST_FINDINGS: what the diagnosis says, what became worse, what happened at one time."""
    start = report.run.start.timestamp()
    longest = sorted(report.events, key=lambda event: -event.seconds)
    notes = [
        *(Note(finding.headline, finding.advice) for finding in report.findings),
        *(Note(str(comparison)) for comparison in report.comparisons if comparison.worse),
        *(Note(event.sentence(start)) for event in longest),
    ]
    return notes[:MOST_FINDINGS]


def duration(seconds: float) -> str:
    """30 s, 12 min, 2 h."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{numbers.plain(seconds / 3600)} h"


def _all_met(report: Report) -> str:
    met = [result for result in report.verdict.results if result.state is State.MET]
    text = f"all {len(met)} objectives are met" if len(met) > 1 else "the objective is met"
    close = min((r for r in met if r.margin is not None and r.objective.is_time), key=_margin, default=None)
    if close is None:
        return text
    objective = close.objective
    return f"{text}, the closest by {in_words(objective.endpoint)}: {objective.measure} {_of_limit(close)}"


def _margin(result: Result) -> float:
    return result.margin or 0.0


def _of_limit(result: Result) -> str:
    return f"{result.value_text} of {result.objective.measure.unit.text(result.objective.limit)} allowed"


def _first_reason(report: Report) -> str:
    """The weightiest one, with endpoints in plain words."""
    first = report.verdict.reasons[0]
    missed = next((r for r in report.verdict.results if r.state is State.MISSED and str(r) == first), None)
    if missed:
        return _missed(missed)
    for endpoint in sorted(WORDS, key=lambda endpoint: -len(str(endpoint))):
        first = first.replace(str(endpoint), WORDS[endpoint])
    return first


def _missed(result: Result) -> str:
    objective = result.objective
    what = in_words(objective.endpoint)
    if objective.is_time:
        return f"{what} is too slow, {objective.measure} {_of_limit(result)}"
    if objective.measure == FAILURE_RATIO:
        return f"{what} fails too often, {_of_limit(result)}"
    if objective.measure == THROUGHPUT:
        return f"{what} has too little throughput, {result.value_text} of {numbers.rate(objective.limit)} expected"
    return str(result)


def _writes(report: Report) -> str:
    """That no data was lost, where that was looked at; what was lost is a reason already."""
    tallies: Sequence[tuple[int, int]] = [(tally.checked, tally.confirmed) for _, tally in report.writes.items()]
    checked, confirmed = (sum(column) for column in zip(*tallies, strict=True))
    return f"no data lost in {checked:,} checked writes" if checked and checked == confirmed else ""
