"""Objectives on the platform's own figures, as a Prometheus server answers them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from chaterload.exits import Refused, as_text
from chaterload.judge.measure import Endpoint
from chaterload.judge.objectives import AVERAGE_OF_QUERY, TREND_OF_QUERY, Objective, Result, State
from chaterload.judge.trend import MIN_RELATIVE_CHANGE, trend

LARGEST = 1e300
"""Of a value: so many of them add up to a number still."""


@dataclass(frozen=True)
class Query:
    """A PromQL expression with one series as its result, and what is expected of it."""

    name: str
    promql: str
    below: float | None
    """What the average over the run has to be below; None where no rising trend is what is asked."""

    @property
    def objective(self) -> Objective:
        endpoint = Endpoint("", self.name)
        if self.below is None:
            return Objective(endpoint, TREND_OF_QUERY, MIN_RELATIVE_CHANGE)
        return Objective(endpoint, AVERAGE_OF_QUERY, self.below)


Series = Sequence[tuple[float, float]]


def judge_query(query: Query, series: Series | None) -> Result:
    """What came of a query: no data where there is no series, or too short a one for a trend."""
    objective = query.objective
    if not series:
        return Result(objective, State.NO_DATA, None, 0, 0)
    values = [value for _, value in series]
    if query.below is not None:
        average = fmean(values)
        return Result(objective, State.MET if average < query.below else State.MISSED, average, len(values), 0)
    found = trend([at for at, _ in series], values)
    if found is None:
        return Result(objective, State.NO_DATA, None, len(values), 0)
    state = State.MISSED if found.direction == "rising" else State.MET
    return Result(objective, state, found.growth, len(values), 0)


def read_answer(document: Any) -> Series | None:
    """The one series of a range query's answer; None when it holds none. Refused when it is an error, or several."""
    if not isinstance(document, dict) or document.get("status") != "success":
        reason = document.get("error", "no reason given") if isinstance(document, dict) else "no JSON object"
        raise Refused(f"Prometheus refused the query: {as_text(reason)}")
    try:
        result = document["data"]["result"]
        if len(result) > 1:
            raise Refused(f"the query has {len(result)} series. Expected one: aggregate with max() or sum().")
        values = [(float(at), float(value)) for at, value in result[0]["values"]] if result else []
    except (KeyError, TypeError, IndexError, ValueError, OverflowError):
        raise Refused("Prometheus answered in a form that is not known.") from None
    return [(at, value) for at, value in values if abs(value) < LARGEST and abs(at) < LARGEST] or None
