"""The verdict as GitHub's Markdown, for a job's summary or a comment on a change."""

import html
import re
from collections.abc import Iterable, Sequence

from chaterload.judge import numbers
from chaterload.judge.diagnosis import Finding
from chaterload.judge.verdict import Outcome
from chaterload.report.console import LABEL, writes_texts
from chaterload.report.model import Report
from chaterload.report.reading import analysis_lines, event_lines, rate_lines, unanswered_lines
from chaterload.report.rows import CHANGE_COLUMNS, COLUMNS, NUMERIC, Row, change_cells, to_rows

SIGNS = {Outcome.PASS: "✅", Outcome.FAIL: "❌", Outcome.INVALID: "⚠️"}

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~>@:/.-])")
"""What Markdown may take for its own: marks, and what would make links and mentions."""


def to_markdown(report: Report) -> str:
    """A heading with the verdict, its reasons, and what every report has: tables, writes, diagnosis."""
    verdict, total = report.verdict, report.snapshot.total
    build = f", build {report.run.build}" if report.run.build else ""
    share, rate = numbers.percent(total.failure_ratio), numbers.rate(report.snapshot.requests_per_second)
    blocks = [
        f"## {SIGNS[verdict.outcome]} {verdict.outcome.upper()}: load test of {_text(report.run.host + build)}",
        _items(verdict.reasons) or "The run is complete and every objective is met.",
        _items(f"{path} could not be written" for path in report.unwritten),
        f"{report.run.users} users, {numbers.plain(report.run.seconds)} s, {total.requests} requests at {rate} "
        f"({report.tier}), {share} failed ({report.grade}). Exit code {int(report.exit_code)}.",
        _table(list(COLUMNS.values()), [key in NUMERIC for key in COLUMNS], map(_cells, to_rows(verdict.results))),
        _items(map(_labelled, [*unanswered_lines(report.unanswered), *rate_lines(report.rate), *event_lines(report)])),
        "**Writes**",
        _items(writes_texts(report).values()),
        *_changes(report),
        _items(line for line in analysis_lines(report.analysis) if line),
        _findings(report.findings),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _text(text: str) -> str:
    """As it is, on one line: neither Markdown nor HTML."""
    return _SPECIAL.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def _labelled(line: str) -> str:
    """A line of figures, whose label is followed by a colon here and by a column on the terminal."""
    label, text = line[:LABEL].strip(), line[LABEL:]
    return f"{label}: {text}" if label else text


def _items(texts: Iterable[str]) -> str:
    return "\n".join(f"- {_text(text)}" for text in texts)


def _cells(row: Row) -> list[str]:
    return [row.marked if key == "state" else getattr(row, key) for key in COLUMNS]


def _table(titles: Sequence[str], to_the_right: Sequence[bool], rows: Iterable[Sequence[str]]) -> str:
    """Empty without rows."""
    body = [f"| {' | '.join(map(_text, row))} |" for row in rows]
    head = [f"| {' | '.join(titles)} |", f"|{'|'.join('---:' if right else '---' for right in to_the_right)}|"]
    return "\n".join([*head, *body]) if body else ""


def _changes(report: Report) -> list[str]:
    if not report.comparisons:
        return []
    numeric = [title not in (CHANGE_COLUMNS[0], CHANGE_COLUMNS[-1]) for title in CHANGE_COLUMNS]
    return ["**Against the baseline**", _table(CHANGE_COLUMNS, numeric, map(change_cells, report.comparisons))]


def _findings(findings: Sequence[Finding]) -> str:
    return _items(f"{finding.headline}. {finding.advice}" for finding in findings)
