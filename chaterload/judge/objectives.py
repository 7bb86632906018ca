"""Objectives: what fast enough means, and whether it was. Pure but for reading the file."""

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from chaterload.exits import Refused
from chaterload.judge.measure import ALL, Endpoint, Measurement, Snapshot

DEFAULT_FILE = Path(__file__).with_name("objectives.toml")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
FAILURE_RATIO = "failure_ratio"
THROUGHPUT = "requests_per_second"
AVERAGE_OF_QUERY = "average over the run"
TREND_OF_QUERY = "rise over the run"
QUERY = "query"
"""The key of the tables that chaterload.judge.queries reads."""

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_PLAIN = ("median", "average", "maximum", FAILURE_RATIO, THROUGHPUT)
LONGEST_SHOWN = 80
"""Characters of a wrong value."""
_MEASURES = "p50 to p99.9 (in quotes where it has a dot), " + ", ".join(_PLAIN)


class State(StrEnum):
    """What came of an objective."""

    MET = "met"
    MISSED = "missed"
    NO_DATA = "no_data"
    """Fewer requests than its minimum, though its path was to be exercised."""
    NOT_APPLICABLE = "not_applicable"
    """The tags left its path out."""


@dataclass(frozen=True)
class Objective:
    """A limit on one measure of one endpoint. Times are in ms, the failure ratio is from 0 to 1."""

    endpoint: Endpoint
    measure: str
    limit: float
    minimum_requests: int = 1

    @property
    def is_time(self) -> bool:
        return self.measure not in (FAILURE_RATIO, THROUGHPUT, AVERAGE_OF_QUERY, TREND_OF_QUERY)

    @property
    def is_lower_bound(self) -> bool:
        return self.measure == THROUGHPUT

    def value(self, measurement: Measurement, seconds: float) -> float:
        """What was measured, in the unit of the limit."""
        match self.measure:
            case "median":
                return measurement.percentile_ms(0.5)
            case "average":
                return measurement.average_ms
            case "maximum":
                return measurement.max_ms
            case "failure_ratio":
                return measurement.failure_ratio
            case "requests_per_second":
                return measurement.requests / seconds if seconds > 0 else 0.0
            case percentile:
                return measurement.percentile_ms(float(percentile[1:]) / 100)

    def is_met(self, value: float) -> bool:
        """Below the limit, or at least the limit where it is a lower bound."""
        return value >= self.limit if self.is_lower_bound else value < self.limit


@dataclass(frozen=True)
class Result:
    """An objective and what came of it. `value` is None without data."""

    objective: Objective
    state: State
    value: float | None
    requests: int
    failures: int

    @property
    def margin(self) -> float | None:
        """By what share of its limit it was met (positive) or missed (negative)."""
        if self.value is None or not self.objective.limit:
            return None
        gap = (self.objective.limit - self.value) / self.objective.limit
        return -gap if self.objective.is_lower_bound else gap


def evaluate(
    objectives: Collection[Objective], snapshot: Snapshot, left_out: Collection[Endpoint] = ()
) -> list[Result]:
    """Judge a run, or a window of one. `left_out` holds the endpoints that no selected task asks."""
    return [_evaluate(objective, snapshot, left_out) for objective in objectives]


def _evaluate(objective: Objective, snapshot: Snapshot, left_out: Collection[Endpoint]) -> Result:
    endpoint = objective.endpoint
    measurement = snapshot.total if endpoint == ALL else snapshot.endpoints.get(endpoint, Measurement())
    counts = measurement.requests, measurement.failures
    if measurement.requests < max(1, objective.minimum_requests):
        idle = endpoint in left_out and not measurement.requests
        return Result(objective, State.NOT_APPLICABLE if idle else State.NO_DATA, None, *counts)
    value = objective.value(measurement, snapshot.seconds)
    return Result(objective, State.MET if objective.is_met(value) else State.MISSED, value, *counts)


def load_objectives(path: Path = DEFAULT_FILE) -> list[Objective]:
    """The objectives of a TOML file. Refused, with every mistake and the key it stands at, when any is wrong."""
    return parse_objectives(read_document(path), str(path))


def read_document(path: Path) -> dict[str, Any]:
    """A TOML file. Refused when it is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Refused(f"--objectives {str(path)!r} cannot be read ({error.strerror}). Expected a TOML file.") from None
    except (ValueError, RecursionError) as error:  # no TOML, no text, a number too long, brackets too deep
        raise Refused(f"--objectives {str(path)!r} is not TOML: {error}.") from None


def parse_objectives(document: dict[str, Any], source: str) -> list[Objective]:
    """The objectives of a parsed document; `source` is what to call it. Refused, as load_objectives."""
    problems: list[str] = []
    minimum = _minimum(document.get("minimum_requests", 1), "minimum_requests", problems)
    objectives: list[Objective] = []
    for name, table in document.items():
        if name in ("minimum_requests", QUERY):
            continue
        endpoint = _endpoint(name)
        if endpoint is None or not isinstance(table, dict):
            problems.append(f'{name!r} is no table of an endpoint. Expected ["METHOD /path"] or ["{ALL}"].')
            continue
        objectives += _read_table(name, endpoint, table, minimum, problems)
    if not objectives and not problems and not document.get(QUERY):
        problems.append("holds no objective. Expected at least one, or --no-objectives.")
    if problems:
        raise Refused(*(f"--objectives {source!r}: {problem}" for problem in problems))
    return objectives


def _endpoint(name: str) -> Endpoint | None:
    if name == str(ALL):
        return ALL
    method, _, path = name.partition(" ")
    return Endpoint(method, path) if method in METHODS and path.startswith("/") and path.isprintable() else None


def _read_table(
    name: str, endpoint: Endpoint, table: dict[str, Any], minimum: int, problems: list[str]
) -> list[Objective]:
    table = dict(table)
    where = f'["{name}"]'
    least = _minimum(table.pop("minimum_requests", minimum), f"{where} minimum_requests", problems)
    if not table:
        problems.append(f"{where} holds no measure. Expected {_MEASURES}.")
    found = []
    for measure, limit in table.items():
        problem = _measure_problem(measure) or _limit_problem(measure, limit)
        if problem:
            problems.append(f"{where} {measure} {problem}.")
        else:
            scale = 1 if measure in (FAILURE_RATIO, THROUGHPUT) else 1000
            found.append(Objective(endpoint, measure, limit * scale, least))
    return found


def _minimum(value: Any, where: str, problems: list[str]) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    problems.append(f"{where} is {shown(value)}. Expected a whole number of requests, 1 or more.")
    return 1


def _measure_problem(measure: str) -> str | None:
    percentile = _PERCENTILE.fullmatch(measure)
    if measure in _PLAIN or (percentile and 0 < float(percentile[1]) < 100):
        return None
    return f"is no measure. Expected {_MEASURES}"


def _limit_problem(measure: str, limit: Any) -> str | None:
    if isinstance(limit, dict):
        return f'is a table. Expected a number; write "{measure}.9" in quotes for a percentile with a dot'
    number = isinstance(limit, (int, float)) and not isinstance(limit, bool)
    if measure == FAILURE_RATIO:
        return None if number and 0 < limit <= 1 else f"is {shown(limit)}. Expected a number above 0 and up to 1"
    unit = "requests per second" if measure == THROUGHPUT else "seconds"
    return None if number and 0 < limit < 1e9 else f"is {shown(limit)}. Expected a number of {unit} above 0"


def shown(value: Any) -> str:
    """A value as it stands in a sentence, however long or deep it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "something that is too long to show"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."
