"""The live view of a headless run on a terminal: what it shows of one moment, in as many columns and rows as fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

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
from chaterload.report.layout import Column, fitted, flow, heights, wrapped
from chaterload.report.rows import MARKS, to_rows
from chaterload.report.tables import state_text

MOST_FAILURES = 3
"""Rows of the last failures."""

NOTEWORTHY_S = 1.0
"""From when on it is worth a word how long the oldest request has waited."""

_COLUMNS = (
    Column("Objective", numeric=False),
    Column("Limit", numeric=False),
    Column("Measured"),
    Column("Requests", 1),
    Column("State", numeric=False),
)

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
    head: list[RenderableType] = [*_title(moment, width), _progress(moment, width)]
    if phase := _phase(moment):
        head += _lines(phase, width)
    head += flow([*_load(moment), *_waiting(moment), _failures(moment)], width)
    if moment.arrivals:
        head += flow(_arrivals(moment.arrivals), width)
    tail = _last_failures(moment.recent, width)
    room = max(1, height - len(head) - len(tail) - 3)  # an empty row, the table's own header, and the cursor's row
    return Group(*head, Text(), _objectives(moment.results, room, width), *tail)


def _lines(text: str, width: int, indent: int = 0) -> list[RenderableType]:
    return [Text(line) for line in wrapped(text, width, indent)]


def _title(moment: LiveView, width: int) -> list[Text]:
    workers = f", {moment.workers} workers" if moment.workers else ""
    return flow([("Chater load test", "bold"), (f"{moment.host}{workers}", "")], width, "  ")


def clock(seconds: float) -> str:
    """A length of time as people read it: 0:42, 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


def _progress(moment: LiveView, width: int) -> RenderableType:
    now, length = clock(moment.seconds), moment.length_s
    if moment.ending:
        return Text(f"{now}, ending", "bold yellow")
    if length is None:
        return Text(f"{now}, until Ctrl-C")
    if moment.search:
        return Text(f"{now}, at most {clock(length)}")
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


def _load(moment: LiveView) -> list[tuple[str, str]]:
    reached = numbers.rate(moment.requests_per_second)
    if moment.asked_rps is None:
        parts = [f"{moment.users} of {moment.target_users} users", reached]
    else:
        parts = [f"asked {numbers.rate(moment.asked_rps)}", f"reached {reached}", f"{moment.users} users"]
    if not moment.requests:
        del parts[1]  # there is no rate yet
    return [(part, "") for part in parts]


def _waiting(moment: LiveView) -> list[tuple[str, str]]:
    oldest = f", oldest {numbers.milliseconds(moment.oldest_s * 1000)}" if moment.oldest_s >= NOTEWORTHY_S else ""
    return [(f"in flight {moment.in_flight}{oldest}", "")]


def _arrivals(arrivals: Arrivals) -> list[tuple[str, str]]:
    late = f"{numbers.plain(arrivals.late)} late ({numbers.percent(arrivals.late_ratio)})"
    parts = (
        f"{numbers.plain(arrivals.arrivals)} arrivals",
        late,
        f"{arrivals.waiting} wait",
        f"{arrivals.idle} users idle",
    )
    return [(part, "") for part in parts]


def _failures(moment: LiveView) -> tuple[str, str]:
    if not moment.requests:
        return "no answer counted yet", ""
    ratio = moment.failures / moment.requests
    graded = grade(ratio)
    word = numbers.percent(ratio) if graded is Grade.ACCEPTABLE else f"{numbers.percent(ratio)}, {graded}"
    return f"{moment.failures} of {moment.requests} requests failed ({word})", _GRADE_STYLE[graded]


def _objectives(results: Sequence[Result], room: int, width: int) -> Table:
    """A row for each; where they do not fit, the ones that matter most and how many more there are."""
    rows = [
        (
            row.objective,
            row.short_limit,
            row.measured,
            row.requests,
            state_text(row, f"{MARKS[row.state]} {row.short_word}"),
        )
        for row in to_rows(results)
    ]
    taken = heights(_COLUMNS, rows, width)
    if sum(taken) <= room:
        return fitted(_COLUMNS, rows, width)
    order = sorted(range(len(rows)), key=lambda number: _URGENCY.index(results[number].state))
    shown = [number for number, end in zip(order, accumulate(taken[n] for n in order), strict=True) if end < room]
    more = f"and {len(rows) - len(shown)} more"
    return fitted(_COLUMNS, [*(rows[number] for number in shown), (more, "", "", "", "")], width)


def _last_failures(recent: Sequence[RecentFailure], width: int) -> list[RenderableType]:
    if not recent:
        return []
    lines: list[RenderableType] = [Text(), Text("Last failures", "bold")]
    for row in recent[:MOST_FAILURES]:
        failures = row.failures
        lines += _lines(f"  {failures.count} x {failures.title} at {failures.endpoint}, {_ago(row.age_s)}", width, 4)
    return lines


def _ago(seconds: float) -> str:
    return "just now" if seconds < 1 else f"{clock(seconds)} ago"
