"""What every report shows in tables: the texts of an objective's row, and of a comparison's."""

from collections.abc import Iterable
from dataclasses import dataclass

from chaterload.judge import numbers
from chaterload.judge.comparison import Comparison
from chaterload.judge.objectives import Result, State

MARKS = {State.MET: "✓", State.MISSED: "✗", State.NO_DATA: "…", State.NOT_APPLICABLE: "-"}


@dataclass(frozen=True)
class Row:
    """A row of a table of objectives."""

    objective: str
    limit: str
    """`below 5 s`."""
    short_limit: str
    """`< 5 s`, where there is little room."""
    measured: str
    requests: str
    state: State
    margin: str
    """By how much it was met or missed, in percent of the limit."""

    @property
    def word(self) -> str:
        return self.state.replace("_", " ")

    @property
    def short_word(self) -> str:
        """The same, where there is little room."""
        return "n/a" if self.state is State.NOT_APPLICABLE else self.word

    @property
    def marked(self) -> str:
        """The state with a mark that differs without colour too."""
        return f"{MARKS[self.state]} {self.word}"


COLUMNS = {
    "objective": "Objective",
    "limit": "Limit",
    "measured": "Measured",
    "requests": "Requests",
    "state": "State",
    "margin": "Margin",
}
"""The columns of such a table: the field of a Row, and its title."""

NUMERIC = ("measured", "requests", "margin")
"""Those that stand to the right."""


def to_row(result: Result) -> Row:
    """The texts of one result."""
    objective = result.objective
    bound, limit = objective.measure.bound, objective.measure.unit.text(objective.limit)
    return Row(
        objective=str(objective),
        limit=f"{bound.word} {limit}",
        short_limit=f"{bound.sign} {limit}",
        measured="-" if result.value is None else objective.text(result.value),
        requests=_requests(result),
        state=result.state,
        margin="" if result.margin is None else numbers.change(result.margin),
    )


def to_rows(results: Iterable[Result]) -> list[Row]:
    """A row for each result."""
    return [to_row(result) for result in results]


def _requests(result: Result) -> str:
    """How many there are, and how many it takes as long as they are too few."""
    if result.state is State.NO_DATA and not result.missing:
        return f"{result.requests} of {result.objective.minimum_requests}"
    return str(result.requests)


CHANGE_COLUMNS = ("Endpoint", "p95 before", "p95 now", "Change", "Failures before", "Failures now", "")
"""The titles of a table of changes against a baseline; all but the first and the last are numbers."""


def change_cells(comparison: Comparison) -> tuple[str, ...]:
    """A row of that table."""
    return (
        str(comparison.endpoint),
        numbers.milliseconds(comparison.p95_before_ms),
        numbers.milliseconds(comparison.p95_now_ms),
        numbers.change(comparison.growth),
        numbers.percent(comparison.failure_ratio_before),
        numbers.percent(comparison.failure_ratio_now),
        comparison.word,
    )
