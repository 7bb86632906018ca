"""The end of a run as text: in as many columns as a terminal has, and in 80 in a log."""

import io
import os
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.text import Text

from chaterload.chater.dishes import Trace
from chaterload.chater.writes import KINDS, Tally
from chaterload.judge import numbers
from chaterload.judge.diagnosis import FailureCount
from chaterload.judge.measure import Snapshot
from chaterload.judge.verdict import Outcome
from chaterload.report.annotations import annotations
from chaterload.report.layout import fit_window, wrapped
from chaterload.report.model import Report
from chaterload.report.reading import analysis_lines, event_lines, rate_lines, unanswered_lines
from chaterload.report.summary import sentence, what_was_tested
from chaterload.report.tables import comparisons_table, endpoints_table, objectives_table

WIDTH = 80
"""Where there is no terminal to ask."""

LABEL = 12
"""Columns that the word takes which begins a line of figures."""

MOST_FIRST = 5
"""Reasons that are told at the beginning; at the end, all are."""

MOST_LEFTOVERS = 20
"""Listed on the console; the JSON has them all."""

MOST_FAILURES = 20
"""The same of failures, where no diagnosis tells them."""

OUTCOME_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INVALID: "bold yellow"}


def to_text(report: Report) -> str:
    """The same as a file, without what to do next: only the run's end knows which other files there are."""
    file = io.StringIO()
    show(report, Console(file=file, force_terminal=False, color_system=None, highlight=False, markup=False))
    return file.getvalue()


def on(stream: TextIO | None) -> Console:
    """A console that writes to a stream, as wide as its window where it has one; None is a closed stream."""
    console = Console(file=stream, quiet=stream is None, highlight=False, markup=False)
    fit_window(console)
    return console


def conclude(report: Report, console: Console, results: Path | None = None) -> None:
    """The same, and before it, in a job of GitHub's, its annotations."""
    for line in annotations(report, os.environ):
        console.print(line, soft_wrap=True)
    show(report, console, results, step=_next_step(report, results))


def show(report: Report, console: Console, results: Path | None = None, *, step: str = "") -> None:
    """Print the verdict and what led to it; it is the first line and the last.

    `results` is the folder of --results, and `step` is what to do next.
    """
    _limit_width(console)
    outcome, reasons = report.verdict.outcome, report.verdict.reasons
    console.print()
    first = Text("\n".join(wrapped(f"{outcome.upper()}: {sentence(report)}", console.width)))
    first.stylize(OUTCOME_STYLE[outcome], 0, len(outcome) + 1)
    console.print(first)
    for reason in reasons[1 : MOST_FIRST + 1]:  # the sentence tells the first one
        _print(console, f"  - {reason}", 4)
    if len(reasons) > MOST_FIRST + 1:
        _print(console, f"  - and {len(reasons) - MOST_FIRST - 1} more, told at the end", 4)
    _print(console, what_was_tested(report))
    console.print()
    console.print(objectives_table(report.verdict.results, console.width))
    _show_endpoints(report.snapshot, console)
    console.print()
    figures = [_failures_line(report), *unanswered_lines(report.unanswered), *event_lines(report)]
    rate = [_throughput_line(report), *rate_lines(report.rate)]
    for line in (*figures, *rate, *_writes_lines(report)):
        _print(console, line, LABEL)
    if report.comparisons:
        console.print()
        console.print(comparisons_table(report.comparisons, console.width))
    for line in analysis_lines(report.analysis):
        _print(console, line, 4)
    _show_findings(report, console)
    _show_leftovers(report, console)
    if results:
        console.print(Text(f"\nResults in {results}"), soft_wrap=True)
    if step:
        lines = wrapped(f"Next: {step}", console.width, 6, cut_long=False)  # a path is to be copied
        console.print(Text("\n" + "\n".join(lines)), soft_wrap=True)
    console.print()
    for told in (*reasons, *(f"{path} could not be written" for path in report.unwritten)):
        _print(console, f"  - {told}", 4)
    last = f"Verdict: {outcome.upper()} (exit code {int(report.exit_code)})"
    console.print(Text(last, style=OUTCOME_STYLE[outcome]))


def show_figures(snapshot: Snapshot, failures: Sequence[FailureCount], console: Console) -> None:
    """Print what was measured in a run that nobody judges."""
    _limit_width(console)
    _show_endpoints(snapshot, console)
    if failures:
        console.print(Text("\nFailures", style="bold"))
        _show_failures(failures, console)
    console.print()


def _show_endpoints(snapshot: Snapshot, console: Console) -> None:
    if snapshot.endpoints:
        console.print()
        console.print(endpoints_table(snapshot, console.width))


def _limit_width(console: Console) -> None:
    if not console.is_terminal:
        console.width = WIDTH


def _print(console: Console, text: str, indent: int = 0) -> None:
    """Print a text whose lines begin, but for the first one, with so many spaces."""
    console.print(Text("\n".join(wrapped(text, console.width, indent))))


def _next_step(report: Report, results: Path | None) -> str:
    """What to do now that the run has ended."""
    if results is None:
        return "--results DIR keeps a page with charts of each run, and their history"
    page = results / "verdict.html"
    if str(page) in report.unwritten:
        return f"see in the log why {page} could not be written"
    look = f"open {page}"
    if report.run.stand_in:
        return f"{look}; to load your own server, set TARGET_HOST and TEST_USER_TOKEN, without --stand-in (README)"
    return f"{look}, and {results.parent / 'index.html'} for all runs"


def _failures_line(report: Report) -> str:
    total = report.snapshot.total
    share = numbers.percent(total.failure_ratio)
    return f"Failures    {total.failures:,} of {total.requests:,} requests ({share}): {report.grade}"


def _throughput_line(report: Report) -> str:
    return f"Throughput  {numbers.rate(report.snapshot.requests_per_second)}: {report.tier}"


def _writes_lines(report: Report) -> list[str]:
    texts = writes_texts(report).values()
    return [f"{'Writes' if number == 0 else '':<12}{text}" for number, text in enumerate(texts)]


def writes_texts(report: Report) -> dict[str, str]:
    """A line for each kind of write."""
    return {kind: writes_text(kind, tally) for kind, tally in report.writes.items()}


def writes_text(kind: str, tally: Tally) -> str:
    """What became of the acknowledged writes: `dishes 45 acknowledged / 43 confirmed, 2 lost`."""
    late, unchecked = tally.late + tally.overdue, tally.acknowledged - tally.checked
    parts = {
        f"{tally.lost} lost": tally.lost,
        f"{tally.unshown} {KINDS[kind].not_shown}": tally.unshown,
        f"{late} late (the latest after {tally.latest()})": late,
        f"{tally.undecidable} not checked: {KINDS[kind].undecidable}": tally.undecidable,
        f"{unchecked - tally.undecidable} not checked": unchecked - tally.undecidable,
    }
    confirmed = f" / {tally.confirmed} confirmed" if tally.checked else ""
    return ", ".join([f"{kind} {tally.acknowledged} acknowledged{confirmed}", *(part for part in parts if parts[part])])


def _show_findings(report: Report, console: Console) -> None:
    if report.findings:
        console.print(Text("\nDiagnosis", style="bold"))
    for finding in report.findings:
        _print(console, finding.headline)
        _print(console, f"    {finding.advice}", 4)
    _show_failures([row for row in report.failures if row.kind is None], console)  # no finding tells their text


def _show_failures(rows: Sequence[FailureCount], console: Console) -> None:
    for row in rows[:MOST_FAILURES]:
        _print(console, f"  {row.count:,} x {row.title} at {row.endpoint}", 4)
    if len(rows) > MOST_FAILURES:
        console.print(f"  and {len(rows) - MOST_FAILURES} more")


def _show_leftovers(report: Report, console: Console) -> None:
    if not report.leftovers:
        return
    console.print(Text("\nLeft behind", style="bold"))
    counts = Counter(entry.trace for entry in report.leftovers)
    told = ", ".join(f"{counts[trace]} {trace}" for trace in Trace if counts[trace])
    _print(console, f"{len(report.leftovers)} of the run's dishes are left or may be: {told}")
    for entry in report.leftovers[:MOST_LEFTOVERS]:
        when = datetime.fromtimestamp(entry.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        _print(console, f"    {entry.email} time {entry.time} ({when} UTC): {entry.trace}", 8)
    if len(report.leftovers) > MOST_LEFTOVERS:
        console.print(f"    and {len(report.leftovers) - MOST_LEFTOVERS} more: --verdict-json lists them all")
    _print(console, "Later, python -m chaterload.clean FILE removes what such a JSON lists.")
