"""The end of a run as text: readable in 100 columns, on a terminal and in a log."""

import io
import os
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaterload.chater.dishes import Trace
from chaterload.chater.writes import KINDS, Tally
from chaterload.judge import numbers
from chaterload.judge.comparison import Comparison
from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Outcome
from chaterload.report.annotations import annotations
from chaterload.report.model import Report
from chaterload.report.reading import analysis_lines, event_lines, rate_lines, unanswered_lines
from chaterload.report.rows import CHANGE_COLUMNS, COLUMNS, NUMERIC, change_cells, to_rows
from chaterload.report.summary import sentence

WIDTH = 100
MOST_LEFTOVERS = 20
"""Listed on the console; the JSON has them all."""

STATE_STYLE = {State.MET: "green", State.MISSED: "bold red", State.NO_DATA: "yellow", State.NOT_APPLICABLE: "dim"}
OUTCOME_STYLE = {Outcome.PASS: "bold green", Outcome.FAIL: "bold red", Outcome.INVALID: "bold yellow"}


def to_text(report: Report) -> str:
    """What a log shows of it."""
    file = io.StringIO()
    show(report, Console(file=file, force_terminal=False, color_system=None, highlight=False, markup=False))
    return file.getvalue()


def on(stream: TextIO | None) -> Console:
    """A console that writes to a stream; None is a closed one."""
    return Console(file=stream, quiet=stream is None, highlight=False, markup=False)


def conclude(report: Report, console: Console, results: Path | None = None) -> None:
    """The same, and before it, in a job of GitHub's, its annotations."""
    for line in annotations(report, os.environ):
        console.print(line, soft_wrap=True)
    show(report, console, results)


def show(report: Report, console: Console, results: Path | None = None) -> None:
    """Print the verdict and what led to it; it is the first line and the last. `results` is the folder of --results."""
    if not console.is_terminal:
        console.width = WIDTH
    outcome = report.verdict.outcome
    console.print()
    console.print(Text.assemble((f"{outcome.upper()}: ", OUTCOME_STYLE[outcome]), sentence(report)))
    console.print()
    console.print(_objectives(report.verdict.results))
    figures = [_failures_line(report), *unanswered_lines(report.unanswered), *event_lines(report)]
    rate = [_throughput_line(report), *rate_lines(report.rate)]
    for line in (*figures, *rate, *_writes_lines(report)):
        console.print(Text(line))
    if report.comparisons:
        console.print(_comparisons(report.comparisons))
    for line in analysis_lines(report.analysis):
        console.print(Text(line))
    _show_findings(report, console)
    _show_leftovers(report, console)
    if results:
        console.print(Text(f"\nResults in {results}"), soft_wrap=True)
    console.print(Text(f"\nNext: {_next_step(report, results)}"), soft_wrap=True)
    console.print()
    for reason in report.verdict.reasons:
        console.print(Text(f"  - {reason}"))
    for path in report.unwritten:
        console.print(Text(f"  - {path} could not be written"))
    last = f"Verdict: {outcome.upper()} (exit code {int(report.exit_code)})"
    console.print(Text(last, style=OUTCOME_STYLE[outcome]))


def _next_step(report: Report, results: Path | None) -> str:
    """What to do now that the run has ended."""
    if results is None:
        return "--results DIR keeps a page with charts of each run, and their history"
    look = f"open {results / 'verdict.html'}"
    if report.run.stand_in:
        return f"{look}; to load your own server, set TARGET_HOST and TEST_USER_TOKEN, without --stand-in (README)"
    return f"{look}, and {results.parent / 'index.html'} for all runs"


def _objectives(results: Iterable[Result]) -> Table:
    table = Table(title="Objectives", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for key, title in COLUMNS.items():
        table.add_column(title, justify="right" if key in NUMERIC else "left")
    for row in to_rows(results):
        state = Text(row.word, style=STATE_STYLE[row.state])
        table.add_row(row.objective, row.short_limit, row.measured, row.requests, state, row.margin)
    return table


def _failures_line(report: Report) -> str:
    total = report.snapshot.total
    share = numbers.percent(total.failure_ratio)
    return f"\nFailures    {total.failures} of {total.requests} requests ({share}): {report.grade}"


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


def _comparisons(comparisons: Iterable[Comparison]) -> Padding:
    table = Table(
        title="Against the baseline", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    for title in CHANGE_COLUMNS:
        table.add_column(title, justify="left" if title in ("Endpoint", "") else "right")
    for comparison in comparisons:
        *cells, word = change_cells(comparison)
        table.add_row(*cells, Text(word, style="bold red" if comparison.worse else "dim"))
    return Padding(table, (1, 0, 0, 0))


def _show_findings(report: Report, console: Console) -> None:
    if report.findings:
        console.print(Text("\nDiagnosis", style="bold"))
    for finding in report.findings:
        console.print(Text(finding.headline))
        console.print(Padding(Text(finding.advice), (0, 0, 0, 4)))


def _show_leftovers(report: Report, console: Console) -> None:
    if not report.leftovers:
        return
    console.print(Text("\nLeft behind", style="bold"))
    counts = Counter(entry.trace for entry in report.leftovers)
    told = ", ".join(f"{counts[trace]} {trace}" for trace in Trace if counts[trace])
    console.print(Text(f"{len(report.leftovers)} of the run's dishes are left or may be: {told}"), soft_wrap=True)
    for entry in report.leftovers[:MOST_LEFTOVERS]:
        when = datetime.fromtimestamp(entry.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        console.print(Text(f"    {entry.email} time {entry.time} ({when} UTC): {entry.trace}"))
    if len(report.leftovers) > MOST_LEFTOVERS:
        console.print(f"    and {len(report.leftovers) - MOST_LEFTOVERS} more: --verdict-json lists them all")
    console.print("Later, python -m chaterload.clean FILE removes what such a JSON lists.")
