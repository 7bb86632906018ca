"""The tables of a run's end on a terminal and in a log."""

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from chaterload.judge import numbers
from chaterload.judge.comparison import Comparison
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Result, State
from chaterload.report.layout import Cells, Column, fitted
from chaterload.report.model import sorted_endpoints
from chaterload.report.rows import CHANGE_COLUMNS, COLUMNS, NUMERIC, Row, change_cells, to_rows

STATE_STYLE = {State.MET: "green", State.MISSED: "bold red", State.NO_DATA: "yellow", State.NOT_APPLICABLE: "dim"}

# which columns go first where there is little room, the highest of all before the others
_OBJECTIVE_RANKS = {"requests": 2, "margin": 1}
_CHANGE_RANKS = {"p95 before": 1, "Failures before": 2, "Failures now": 2}
_ENDPOINT_COLUMNS = (
    Column("Endpoint", numeric=False),
    Column("Requests"),
    Column("Failed"),
    Column("Failure ratio", 4),
    Column("Median", 1),
    Column("p95"),
    Column("p99", 2),
    Column("Maximum", 3),
    Column("req/s", 5),
)


def state_text(row: Row, words: str) -> Text:
    """The state of an objective in these words, in its colour."""
    return Text(words, STATE_STYLE[row.state])


def objectives_table(results: Iterable[Result], width: int) -> Table:
    """A row for each objective."""
    columns = [Column(title, _OBJECTIVE_RANKS.get(key, 0), key in NUMERIC) for key, title in COLUMNS.items()]
    rows = [
        (row.objective, row.short_limit, row.measured, row.requests, state_text(row, row.short_word), row.margin)
        for row in to_rows(results)
    ]
    return fitted(columns, rows, width)


def endpoints_table(snapshot: Snapshot, width: int) -> Table:
    """A row for each endpoint, and one for all requests."""
    measured = [*sorted_endpoints(snapshot), (ALL, snapshot.total)]
    rows = [_endpoint_cells(endpoint, m, snapshot.seconds) for endpoint, m in measured]
    return fitted(_ENDPOINT_COLUMNS, rows, width)


def _endpoint_cells(endpoint: Endpoint, measured: EndpointStats, seconds: float) -> Cells:
    times = [*(measured.percentile_ms(share) for share in (0.5, 0.95, 0.99)), measured.max_ms]
    per_second = measured.answered / seconds if seconds > 0 else 0.0
    return (
        str(endpoint),
        f"{measured.requests:,}",
        Text(f"{measured.failures:,}", "red" if measured.failures else ""),
        numbers.percent(measured.failure_ratio),
        *(numbers.milliseconds(ms) if measured.requests else "-" for ms in times),
        numbers.rate(per_second).removesuffix(" req/s"),
    )


def comparisons_table(comparisons: Iterable[Comparison], width: int) -> Table:
    """A row for each comparison with the baseline."""
    columns = [Column(title, _CHANGE_RANKS.get(title, 0), title not in ("Endpoint", "")) for title in CHANGE_COLUMNS]
    rows: list[Cells] = []
    for comparison in comparisons:
        *cells, word = change_cells(comparison)
        rows.append((*cells, Text(word, "bold red" if comparison.worse else "dim")))
    return fitted(columns, rows, width, "Against the baseline")
