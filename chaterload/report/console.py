"""The end of a run as text: readable in 100 columns, on a terminal and in a log."""

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from chaterload.chater.writes import Tally
from chaterload.judge import numbers
from chaterload.judge.comparison import Comparison
from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Outcome
from chaterload.report.model import Report
from chaterload.report.reading import analysis_lines
from chaterload.report.rows import COLUMNS, NUMERIC, to_rows

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


def show(report: Report, console: Console | None = None, results: Path | None = None) -> None:
    """Print the verdict and what led to it; the verdict is the last line. `results` is the folder of --results."""
    console = console or Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print()
    console.print(_objectives(report.verdict.results))
    for line in (_failures_line(report), _throughput_line(report), *_writes_lines(report)):
        console.print(line)
    if report.comparisons:
        console.print(_comparisons(report.comparisons))
    for line in analysis_lines(report.analysis):
        console.print(Text(line))
    _show_findings(report, console)
    _show_leftovers(report, console)
    if results:
        console.print(Text(f"\nResults in {results}"), soft_wrap=True)
    console.print()
    outcome = report.verdict.outcome
    for reason in report.verdict.reasons:
        console.print(Text(f"  - {reason}"))
    for path in report.unwritten:
        console.print(Text(f"  - {path} could not be written"))
    summary = f"Verdict: {outcome.upper()} (exit code {int(report.exit_code)})"
    console.print(Text(summary, style=OUTCOME_STYLE[outcome]))


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
    return [
        f"{'Writes' if i == 0 else '':<12}{writes_text(kind, t)}" for i, (kind, t) in enumerate(report.writes.items())
    ]


def writes_text(kind: str, tally: Tally) -> str:
    """Acknowledged and seen, in words: `dishes 45 acknowledged / 43 seen, 2 lost`."""
    text = f"{kind} {tally.acknowledged} acknowledged / {tally.seen} seen"
    missing = tally.looked - tally.seen
    if missing:
        text += f", {missing} {'came back' if kind == 'deletes' else 'lost'}"
    if tally.looked < tally.acknowledged:
        text += f", {tally.acknowledged - tally.looked} not looked for"
    if tally.late:
        text += f", {tally.late} late (up to {numbers.milliseconds(tally.latest_ms)})"
    return text


def _comparisons(comparisons: Iterable[Comparison]) -> Padding:
    table = Table(
        title="Against the baseline", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0)
    )
    table.add_column("Endpoint")
    for name in ("p95 before", "p95 now", "Change", "Failures before", "now"):
        table.add_column(name, justify="right")
    table.add_column("")
    for comparison in comparisons:
        table.add_row(
            str(comparison.endpoint),
            numbers.milliseconds(comparison.p95_before_ms),
            numbers.milliseconds(comparison.p95_now_ms),
            numbers.change(comparison.growth),
            numbers.percent(comparison.failure_ratio_before),
            numbers.percent(comparison.failure_ratio_now),
            Text(comparison.word, style="bold red" if comparison.worse else "dim"),
        )
    return Padding(table, (1, 0, 0, 0))


def _show_findings(report: Report, console: Console) -> None:
    if report.findings:
        console.print(Text("\nDiagnosis", style="bold"))
    for finding in report.findings:
        where = f" at {', '.join(finding.where)}" if finding.where else ""
        console.print(Text(f"{finding.count} x {finding.title}{where}"))
        console.print(Padding(Text(f"Usually {finding.meaning}. What to do: {finding.action}."), (0, 0, 0, 4)))


def _show_leftovers(report: Report, console: Console) -> None:
    if not report.leftovers:
        return
    console.print(Text("\nLeft behind", style="bold"))
    count = len(report.leftovers)
    console.print(f"{count} {'dish' if count == 1 else 'dishes'} could not be removed:")
    for entry in report.leftovers[:MOST_LEFTOVERS]:
        when = datetime.fromtimestamp(entry.time / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        doubt = "" if entry.certain else " (may not exist)"
        console.print(Text(f"    {entry.email} time {entry.time} ({when} UTC){doubt}"))
    if len(report.leftovers) > MOST_LEFTOVERS:
        console.print(f"    and {len(report.leftovers) - MOST_LEFTOVERS} more: --verdict-json lists them all")
