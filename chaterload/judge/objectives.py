"""Objectives: a limit on a measure of an endpoint, and what came of it. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any

from chaterload.judge import numbers
from chaterload.judge.measure import ALL, Endpoint, EndpointStats, Snapshot
from chaterload.judge.reach import Flow, why_never_reached
from chaterload.judge.trend import FROM_S, MIN_RELATIVE_CHANGE, Trend


class State(StrEnum):
    """What came of an objective."""

    MET = "met"
    MISSED = "missed"
    NO_DATA = "no_data"
    """Fewer requests than its minimum, though its path was to be exercised."""
    NOT_APPLICABLE = "not_applicable"
    """The tags left its path out."""


class Bound(Enum):
    """On which side of its limit a value has to be: the word for it, and the sign."""

    BELOW = ("below", "<")
    AT_LEAST = ("at least", ">=")

    def __init__(self, word: str, sign: str) -> None:
        self.word = word
        self.sign = sign

    def holds(self, value: float, limit: float) -> bool:
        """The limit itself is not below it, and is at least it."""
        return value >= limit if self is Bound.AT_LEAST else value < limit


@dataclass(frozen=True)
class Unit:
    """What the values of a measure are counted in."""

    name: str
    """In the verdict JSON."""
    text: Callable[[float], str]
    """A value as people read it."""
    expected: str = ""
    """What an objectives file has to hold, after "Expected"."""
    from_file: Callable[[Any], float | None] = field(default=lambda _: None, compare=False)
    """A limit as an objectives file holds it, in this unit; None when it is none."""
    per_base_unit: float = 1
    """How many of this unit are one of Prometheus' base units."""


def _above_zero(largest: float, times: float = 1) -> Callable[[Any], float | None]:
    """Reads numbers above 0 and up to `largest`, and multiplies them."""

    def read(value: Any) -> float | None:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return value * times if is_number and 0 < value <= largest else None

    return read


MILLISECONDS = Unit("ms", numbers.milliseconds, "a number of seconds above 0", _above_zero(1e9, 1000), 1000)
RATIO = Unit("ratio", numbers.percent, "a number above 0 and up to 1", _above_zero(1))
PER_SECOND = Unit("1/s", numbers.rate, "a number of requests per second above 0", _above_zero(1e9))
NUMBER = Unit("number", numbers.plain)
CHANGE = Unit("ratio", numbers.change)
NO_TREND = Unit("ratio", numbers.change, "true", lambda value: MIN_RELATIVE_CHANGE if value is True else None)

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")


@dataclass(frozen=True)
class Measure:
    """A figure that can be judged, known by its name. Whatever differs between measures is said here, once."""

    name: str
    unit: Unit
    read: Callable[[EndpointStats, float], float] | None = field(default=None, compare=False, repr=False)
    """The value of requests over so many seconds, in `unit`; None for what requests do not tell."""
    bound: Bound = Bound.BELOW
    share: float | None = None
    """Of a percentile: the share of requests that it is above."""
    by_platform: bool = False
    """The platform's own figure: it holds whatever the load generator's clock was worth."""

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def named(name: str) -> "Measure":
        """The measure of that name. ValueError, as the end of a sentence, when there is none."""
        if name in NAMED:
            return NAMED[name]
        found = _PERCENTILE.fullmatch(name)
        if not found or not 0 < float(found[1]) < 100:
            raise ValueError(f"is no measure. Expected {EXPECTED}")
        share = float(found[1]) / 100
        return percentile_measure(name, share)


def percentile_measure(name: str, share: float) -> Measure:
    """The time that so large a share of the requests took at most."""
    return Measure(name, MILLISECONDS, lambda measurement, _: measurement.percentile_ms(share), share=share)


def _throughput(measurement: EndpointStats, seconds: float) -> float:
    return measurement.answered / seconds if seconds > 0 else 0.0


FAILURE_RATIO = Measure("failure_ratio", RATIO, lambda measurement, _: measurement.failure_ratio)
THROUGHPUT = Measure("requests_per_second", PER_SECOND, _throughput, Bound.AT_LEAST)
AVERAGE = Measure("average", MILLISECONDS, lambda measurement, _: measurement.average_ms)
MAXIMUM = Measure("maximum", MILLISECONDS, lambda measurement, _: measurement.max_ms)
NO_RISING_TREND = Measure("no_rising_trend", NO_TREND)
NAMED = {
    measure.name: measure
    for measure in (
        percentile_measure("median", 0.5),
        AVERAGE,
        MAXIMUM,
        FAILURE_RATIO,
        THROUGHPUT,
        NO_RISING_TREND,
    )
}
"""What an objectives file can name besides the percentiles."""

EXPECTED = f"p50 to p99.9 (in quotes where it has a dot), {', '.join(NAMED)}"

AVERAGE_OF_QUERY = Measure("average over the run", NUMBER, by_platform=True)
TREND_OF_QUERY = Measure("rise over the run", CHANGE, by_platform=True)


@dataclass(frozen=True)
class Objective:
    """A limit on one measure of one endpoint, in the measure's unit."""

    endpoint: Endpoint
    measure: Measure
    limit: float
    minimum_requests: int = 1

    def __str__(self) -> str:
        return f"{self.endpoint} {self.measure}"

    @property
    def is_time(self) -> bool:
        return self.measure.unit is MILLISECONDS

    @property
    def expectation(self) -> str:
        """`below 5 s`."""
        return f"{self.measure.bound.word} {self.measure.unit.text(self.limit)}"

    def text(self, value: float) -> str:
        """A value of the measure as people read it, apart from the limit where it is another number."""
        text, limit = self.measure.unit.text(value), self.measure.unit.text(self.limit)
        if text != limit or value == self.limit:
            return text
        return f"just {'over' if value > self.limit else 'under'} {text}"


@dataclass(frozen=True)
class Result:
    """An objective and what came of it. `value` is None without data."""

    objective: Objective
    state: State
    value: float | None
    requests: int
    """Of a query: the values that Prometheus gave."""
    failures: int
    obstacle: str = ""
    """What kept users from its endpoint, where that is known."""
    missing: str = ""
    """What it takes for a judgement, where that is not requests."""

    @property
    def margin(self) -> float | None:
        """By what share of its limit it was met (positive) or missed (negative)."""
        if self.value is None or not self.objective.limit:
            return None
        gap = (self.objective.limit - self.value) / self.objective.limit
        return -gap if self.objective.measure.bound is Bound.AT_LEAST else gap

    @property
    def value_text(self) -> str:
        return "no data" if self.value is None else self.objective.text(self.value)

    def __str__(self) -> str:
        """The result as a sentence without a full stop."""
        endpoint, measure = self.objective.endpoint, self.objective.measure
        if self.state is State.NOT_APPLICABLE:
            return f"{endpoint}: the tags left it out"
        if self.obstacle:
            return f"{endpoint} was never reached: {self.obstacle}"
        if self.missing:
            return f"{self.objective} cannot be judged: it takes {self.missing}"
        if self.state is State.NO_DATA:
            return f"{endpoint} cannot be judged: it has {_count(self.requests, measure)}"
        return f"{endpoint}: {measure} is {self.value_text}, expected {self.objective.expectation}"


def _count(number: int, measure: Measure) -> str:
    noun = "value" if measure.by_platform else "request"
    source = " from Prometheus" if measure.by_platform else ""
    return f"{f'only {number}' if number else 'no'} {noun}{'' if number == 1 else 's'}{source}"


def evaluate(
    objectives: Collection[Objective],
    snapshot: Snapshot,
    excluded_endpoints: Collection[Endpoint] = (),
    flows: Collection[Flow] = (),
    trends: Mapping[Endpoint, Trend] | None = None,
) -> list[Result]:
    """Judge a run, or a window of one.

    `excluded_endpoints` are those that no selected task asks, `flows` what each selected task asks in turn, `trends`
    what was found while the users were the same.
    """
    return [_evaluate(objective, snapshot, excluded_endpoints, flows, trends or {}) for objective in objectives]


def _evaluate(
    objective: Objective,
    snapshot: Snapshot,
    excluded_endpoints: Collection[Endpoint],
    flows: Collection[Flow],
    trends: Mapping[Endpoint, Trend],
) -> Result:
    endpoint, measure = objective.endpoint, objective.measure
    measurement = snapshot.total if endpoint == ALL else snapshot.endpoints.get(endpoint, EndpointStats())
    counts = measurement.requests, measurement.failures
    if endpoint in excluded_endpoints and not measurement.requests:
        return Result(objective, State.NOT_APPLICABLE, None, *counts)
    if measure == NO_RISING_TREND:
        return _evaluate_trend(objective, trends.get(endpoint), counts)
    if measurement.requests < max(1, objective.minimum_requests) or measure.read is None:
        return Result(objective, State.NO_DATA, None, *counts, why_never_reached(endpoint, snapshot, flows))
    value = measure.read(measurement, snapshot.seconds)
    met = measure.bound.holds(value, objective.limit)
    return Result(objective, State.MET if met else State.MISSED, value, *counts)


def _evaluate_trend(objective: Objective, found: Trend | None, counts: tuple[int, int]) -> Result:
    if found is None:
        needed = f"a stretch of {FROM_S / 60:.0f} min with the same users"
        return Result(objective, State.NO_DATA, None, *counts, missing=needed)
    state = State.MISSED if found.direction == "rising" else State.MET
    return Result(objective, state, found.growth, *counts)
