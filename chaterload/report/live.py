"""The live view of a headless run on a terminal: what it shows of one moment, in as many columns and rows as fit."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from chaterload.judge import numbers
from chaterload.judge.diagnosis import RecentFailure
from chaterload.judge.lateness import Arrivals
from chaterload.judge.objectives import Result, State
from chaterload.judge.verdict import Grade, grade
from chaterload.load.strategies import Search, Strategy
from chaterload.report.console import STATE_STYLE
from chaterload.report.rows import Row, to_rows

MOST_FAILURES = 3
"""Rows of the last failures."""

NOTEWORTHY_S = 1.0
"""From when on it is worth a word how long the oldest request has waited."""

ROOMY = 80
"""Columns from which there is room for how many requests each objective has."""

_URGENCY = (State.MISSED, State.NO_DATA, State.MET, State.NOT_APPLICABLE)
_GRADE_STYLE = {Grade.ACCEPTABLE: "", Grade.INVESTIGATE: "yellow", Grade.CRITICAL: "bold red"}


@dataclass(frozen=True)
class LiveView:
    """A run as it is now."""

    host: str
    seconds: float
    """Since the start."""
    length_s: float | None
    """How long it will take; at most, for a search. None until Ctrl-C."""
    users: int
    target_users: int
    workers: int
    """0 when one process does it all."""
    requests: int
    failures: int
    requests_per_second: float
    """Over the last seconds."""
    in_flight: int
    """Requests that wait for an answer."""
    oldest_s: float
    """For how long the oldest of them has waited."""
    results: Sequence[Result]
    recent: Sequence[RecentFailure] = ()
    """The failures that were seen last, the latest first."""
    strategy: Strategy | None = None
    search: Search | None = None
    ending: bool = False
    asked_rps: float | None = None
    """Requests per second that are asked for; None in a run by users."""
    arrivals: Arrivals | None = None


def build(moment: LiveView, width: int, height: int) -> Group:
    """The view, at most `width` columns wide and `height` rows high; objectives that do not fit are counted."""
    head: list[RenderableType] = [_title(moment), _progress(moment, width), _figures(moment), Text()]
    if phase := _phase(moment):
        head.insert(2, _line(phase))
    if moment.arrivals:
        head.insert(-1, _line(_arrivals(moment.arrivals)))
    tail = _last_failures(moment.recent)
    room = max(1, height - len(head) - len(tail) - 2)  # the table's own header, and the cursor's row
    return Group(*head, _objectives(moment.results, room, width), *tail)


def _line(text: str, style: str = "") -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _title(moment: LiveView) -> Text:
    workers = f", {moment.workers} workers" if moment.workers else ""
    return Text.assemble(("Chater load test", "bold"), f"  {moment.host}{workers}", no_wrap=True, overflow="ellipsis")


def clock(seconds: float) -> str:
    """A length of time as people read it: 0:42, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _progress(moment: LiveView, width: int) -> RenderableType:
    now, length = clock(moment.seconds), moment.length_s
    if moment.ending:
        return _line(f"{now}, ending", "bold yellow")
    if length is None:
        return _line(f"{now}, until Ctrl-C")
    if moment.search:
        return _line(f"{now}, at most {clock(length)}")
    row = Table.grid(padding=(0, 2, 0, 0))
    row.add_column(width=width // 2)
    row.add_column(no_wrap=True)
    row.add_row(
        ProgressBar(length, min(moment.seconds, length), complete_style="cyan", finished_style="cyan"),
        f"{now} of {clock(length)}",
    )
    return row


def _phase(moment: LiveView) -> str | None:
    """Where a strategy is; None in a plain run and after the last stage."""
    if moment.search:
        return _search_line(moment.search, "users" if moment.asked_rps is None else "req/s")
    if moment.strategy is None:
        return None
    end, count = 0.0, len(moment.strategy.stages)
    for number, stage in enumerate(moment.strategy.stages, 1):
        end += stage.seconds
        if moment.seconds < end:
            left = clock(end - moment.seconds)
            goal = f"{stage.users} users" if stage.rate is None else numbers.rate(stage.rate)
            return f"{moment.strategy.name}: stage {number} of {count}, {goal}, {left} left"
    return None


def _search_line(search: Search, unit: str) -> str:
    text = f"capacity: {'found' if search.users is None else f'trying {search.users} {unit}'}"
    if search.highest_passing:
        text += f", {search.highest_passing} meet every objective"
    return text if search.lowest_failing is None else f"{text}, {search.lowest_failing} miss one"


def _load(moment: LiveView) -> str:
    reached = numbers.rate(moment.requests_per_second)
    if moment.asked_rps is None:
        return f"{moment.users} of {moment.target_users} users   {reached}"
    return f"asked {numbers.rate(moment.asked_rps)}   reached {reached}   {moment.users} users"


def _arrivals(arrivals: Arrivals) -> str:
    late = f"{numbers.plain(arrivals.late)} late ({numbers.percent(arrivals.late_ratio)})"
    return (
        f"{numbers.plain(arrivals.arrivals)} arrivals   {late}   {arrivals.waiting} wait   {arrivals.idle} users idle"
    )


def _figures(moment: LiveView) -> Text:
    ratio = moment.failures / moment.requests if moment.requests else 0.0
    graded = grade(ratio)
    word = numbers.percent(ratio) if graded is Grade.ACCEPTABLE else f"{numbers.percent(ratio)}, {graded}"
    waiting = f"in flight {moment.in_flight}"
    if moment.oldest_s >= NOTEWORTHY_S:
        waiting += f", oldest {numbers.milliseconds(moment.oldest_s * 1000)}"
    return Text.assemble(
        f"{_load(moment)}   {waiting}   ",
        (
            f"{moment.failures} of {moment.requests} requests failed ({word})",
            _GRADE_STYLE[graded],
        ),
        no_wrap=True,
        overflow="ellipsis",
    )


def _objectives(results: Sequence[Result], room: int, width: int) -> Table:
    """A row for each; where they do not fit, the ones that matter most and how many more there are."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("Objective")
    table.add_column("Limit", no_wrap=True)
    table.add_column("Measured", justify="right", no_wrap=True)
    if width >= ROOMY:
        table.add_column("Requests", justify="right", no_wrap=True)
    table.add_column("State", no_wrap=True)
    shown = results
    if len(results) > room:
        shown = sorted(results, key=lambda result: _URGENCY.index(result.state))[: room - 1]
    for row in to_rows(shown):
        table.add_row(*_cells(row, width))
    if len(shown) < len(results):
        table.add_row(_line(f"and {len(results) - len(shown)} more"))
    return table


def _cells(row: Row, width: int) -> list[RenderableType]:
    requests = [row.requests] if width >= ROOMY else []
    state = Text(row.marked, style=STATE_STYLE[row.state])
    return [_line(row.objective), row.short_limit, row.measured, *requests, state]


def _last_failures(recent: Sequence[RecentFailure]) -> list[RenderableType]:
    if not recent:
        return []
    rows = [
        f"  {r.failures.count} x {r.failures.title} at {r.failures.endpoint}, {_ago(r.age_s)}"
        for r in recent[:MOST_FAILURES]
    ]
    return [Text(), _line("Last failures", "bold"), *(_line(row) for row in rows)]


def _ago(seconds: float) -> str:
    return "just now" if seconds < 1 else f"{clock(seconds)} ago"
