"""The verdict JSON as a reader finds it: each object of it, declared once. `make docs` writes its schema.

What `to_json` takes over as it is, is declared where it is made. Raise FORMAT when a reader of the old form would
misread the new one: when a field goes, or gets another meaning, type or unit. A new field misleads nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from chaterload.chater.dishes import Trace
from chaterload.chater.samples import FailureSample
from chaterload.chater.writes import Writes
from chaterload.judge.baseline import FORMAT
from chaterload.judge.capacity import Capacity
from chaterload.judge.curve import Curve
from chaterload.judge.dependence import Factors
from chaterload.judge.diagnosis import Finding
from chaterload.judge.lateness import RateFigures
from chaterload.judge.objectives import State
from chaterload.judge.recovery import Recovery
from chaterload.judge.serverside import ServerSide
from chaterload.judge.verdict import Grade, Outcome


@dataclass(frozen=True)
class RateRow(RateFigures):
    """What a run by rate was asked for, and what came of it."""

    late_ratio: float


@dataclass(frozen=True)
class EndpointName:
    """What an endpoint is asked by."""

    method: str
    path: str


@dataclass(frozen=True)
class ObjectiveRow(EndpointName):
    """An objective and what was measured for it; the value is null where there was none."""

    measure: str
    unit: Literal["ms", "ratio", "1/s", "number"]
    limit: float
    value: float | None
    requests: int
    failures: int
    state: State


@dataclass(frozen=True)
class EndpointRow(EndpointName):
    """The requests of one endpoint; `times` says how many took how many ms: `98 99x12`."""

    requests: int
    failures: int
    median_ms: float
    p95_ms: float
    p95_interval_ms: tuple[float, float]
    p99_ms: float
    average_ms: float
    maximum_ms: float
    times: str
    dependence: Factors


@dataclass(frozen=True)
class FailuresRow(EndpointName):
    """How often an endpoint failed in one way."""

    kind: str
    count: int


@dataclass(frozen=True)
class UnansweredRow(EndpointName):
    """Requests that were cut off without an answer, and how many of them count as failures."""

    count: int
    oldest_ms: float
    failed: int


@dataclass(frozen=True)
class LeftoverRow:
    """A dish that may still be on an account; `time` is in epoch milliseconds."""

    email: str
    time: int
    trace: Trace
    certain: bool


@dataclass(frozen=True)
class EventRow:
    """What went wrong at one time; `end` is in seconds since the start of the run."""

    start: datetime
    end: float
    seconds: float
    silent_s: float
    open: int
    failures: Mapping[str, int]
    endpoints: int
    sentence: str


@dataclass(frozen=True)
class Together(Factors):
    """How much wider sums of all requests scatter than those of independent ones, and on how much that rests."""

    freedom: float = 1.0


@dataclass(frozen=True)
class WindDown:
    """What was answered after the load had ended."""

    seconds: float
    requests: int
    failures: int


@dataclass(frozen=True)
class ComparisonRow:
    """An endpoint, or all requests, in the baseline and now; `growth` is that of the p95."""

    endpoint: str
    requests_before: int
    requests_now: int
    median_before_ms: float
    median_now_ms: float
    p95_before_ms: float
    p95_now_ms: float
    failure_ratio_before: float
    failure_ratio_now: float
    slower: bool
    slower_tail: bool
    fails_more: bool
    too_few: bool
    growth: float
    worse: bool


@dataclass(frozen=True)
class LoadRow:
    """What the load did, from the fewest to the most users."""

    users: tuple[int, int]
    slowed_most: ComparisonRow | None
    broke_first: tuple[str, int] | None


@dataclass(frozen=True)
class TrendRow:
    """A trend over time; `slope` is per second."""

    slope: float
    p: float
    median: float
    first: float
    last: float
    change: float
    direction: Literal["rising", "falling", "steady"]


@dataclass(frozen=True)
class DriftRow:
    """Trends while the users stayed the same, by what they are of."""

    users: int
    seconds: float
    trends: Mapping[str, TrendRow]


@dataclass(frozen=True)
class AnalysisRow:
    """What the shape of the run says; null where the run was too simple to say it."""

    curve: Curve | None
    capacity: Capacity | None
    load: LoadRow | None
    recovery: Recovery | None
    drift: DriftRow | None
    server: ServerSide


@dataclass(frozen=True)
class RunRow:
    """What was run, where, when and with what."""

    host: str
    start: datetime
    end: datetime
    seconds: float
    users: int
    workers: int
    strategy: str | None
    tags: Sequence[str]
    exclude_tags: Sequence[str]
    versions: Mapping[str, str]
    settings: Mapping[str, str]
    accounts: int
    build: str | None
    stand_in: bool


@dataclass(frozen=True)
class Document:
    """The whole. Times are in ms unless the name says otherwise."""

    format: Literal[1]
    verdict: Outcome
    exit_code: int
    reasons: Sequence[str]
    requests: int
    failures: int
    failure_ratio: float
    grade: Grade
    throughput_rps: float
    tier: str
    rate: RateRow | None
    objectives: Sequence[ObjectiveRow]
    endpoints: Sequence[EndpointRow]
    failure_kinds: Sequence[FailuresRow]
    failure_samples: Sequence[FailureSample]
    diagnosis: Sequence[Finding]
    writes: Writes
    leftovers: Sequence[LeftoverRow]
    cleanup_requests: Mapping[str, int]
    longest_silence_s: float
    events: Sequence[EventRow]
    unanswered: Sequence[UnansweredRow]
    dependence: Together
    wind_down: WindDown | None
    baseline: Sequence[ComparisonRow]
    analysis: AnalysisRow
    run: RunRow


class _AsWritten(GenerateJsonSchema):
    """Every field is written, those with a default too; and a field's name is title enough."""

    def field_is_required(self, *_: Any, **__: Any) -> bool:
        return True

    def field_title_should_be_set(self, *_: Any) -> bool:
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def schema() -> dict[str, Any]:
    """The JSON Schema of the verdict JSON."""
    made = TypeAdapter(Document).json_schema(mode="serialization", schema_generator=_AsWritten)
    return {"$schema": _AsWritten.schema_dialect, **made, "title": f"Verdict of a run, format {FORMAT}"}
