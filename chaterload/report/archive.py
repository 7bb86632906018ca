"""The runs that a folder of --results holds, as their verdict.json files tell them."""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from chaterload.chater.textfiles import read_text
from chaterload.judge.baseline import FORMAT
from chaterload.judge.verdict import Outcome

logger = logging.getLogger(__name__)

VERDICT = "verdict.json"

_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Endpoint(BaseModel):
    method: str
    path: str
    requests: int
    p95_ms: _Finite


class _Capacity(BaseModel):
    users: int
    requests_per_second: _Finite
    asked_rps: _Finite | None = None

    @property
    def most(self) -> tuple[float, str]:
        return (self.users, "users") if self.asked_rps is None else (self.asked_rps, "req/s")


class _Analysis(BaseModel):
    capacity: _Capacity | None = None


class _Run(BaseModel):
    host: str
    start: datetime
    seconds: _Finite
    users: int
    strategy: str | None = None
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    build: str | None = None
    stand_in: bool = False


class _Rate(BaseModel):
    asked_rps: _Finite


class _Tally(BaseModel):
    lost: int = 0


class _Document(BaseModel):
    """What the history shows of a verdict JSON; it may hold more."""

    format: int = Field(ge=FORMAT, le=FORMAT)
    verdict: Outcome
    requests: int
    failure_ratio: _Finite
    throughput_rps: _Finite
    endpoints: tuple[_Endpoint, ...]
    writes: dict[str, _Tally] = Field(default_factory=dict)
    analysis: _Analysis = Field(default_factory=_Analysis)
    rate: _Rate | None = None
    run: _Run


@dataclass(frozen=True)
class Kind:
    """What has to be the same for two runs to be compared: what was asked of whom."""

    strategy: str | None
    host: str
    tags: tuple[str, ...]
    exclude_tags: tuple[str, ...]

    def __str__(self) -> str:
        tags = f", tags {' '.join(self.tags)}" if self.tags else ""
        tags += f", without {' '.join(self.exclude_tags)}" if self.exclude_tags else ""
        return f"{self.strategy or 'no strategy'} on {self.host}{tags}"


STAND_IN = "the stand-in"
"""As a host: its port is another one in each run."""


def kind_of(
    strategy: str | None, host: str, tags: Iterable[str], exclude_tags: Iterable[str], stand_in: bool = False
) -> Kind:
    """The order of tags does not matter."""
    return Kind(strategy, STAND_IN if stand_in else host, tuple(sorted(tags)), tuple(sorted(exclude_tags)))


@dataclass(frozen=True)
class PastRun:
    """A run as the history shows it."""

    file: Path
    """Its verdict.json."""
    kind: Kind
    start: datetime
    outcome: Outcome
    build: str | None
    seconds: float
    users: int
    requests: int
    requests_per_second: float
    failure_ratio: float
    p95_ms: Mapping[str, float]
    """By endpoint, of those that were asked."""
    lost: int
    """Acknowledged writes."""
    capacity: tuple[float, str] | None
    """How many, of users or requests per second."""
    asked_rps: float | None
    """Of a run by rate, the mean."""

    @property
    def label(self) -> str:
        """What a chart calls it."""
        return self.build or f"{self.start:%m-%d %H:%M}"


def read_runs(parent: Path) -> tuple[list[PastRun], list[str]]:
    """The runs in the folders of `parent`, the oldest first, and the folders whose verdict cannot be read."""
    runs, unreadable = list[PastRun](), list[str]()
    for file in sorted(parent.glob(f"*/{VERDICT}")):
        run = read_run(file)
        if run is None:
            unreadable.append(file.parent.name)
        else:
            runs.append(run)
    return sorted(runs, key=lambda run: (run.start, str(run.file))), unreadable


def read_run(file: Path) -> PastRun | None:
    """None when it is no verdict of this format."""
    document = read_document(file)
    try:
        parsed = _Document.model_validate(document)
    except ValidationError as error:
        logger.debug("%s is no verdict: %s", file, error)
        return None
    run, capacity = parsed.run, parsed.analysis.capacity
    if run.start.tzinfo is None:
        return None
    return PastRun(
        file,
        kind_of(run.strategy, run.host, run.tags, run.exclude_tags, run.stand_in),
        run.start,
        parsed.verdict,
        run.build,
        run.seconds,
        run.users,
        parsed.requests,
        parsed.throughput_rps,
        parsed.failure_ratio,
        {f"{row.method} {row.path}".strip(): row.p95_ms for row in parsed.endpoints if row.requests},
        sum(tally.lost for tally in parsed.writes.values()),
        capacity.most if capacity else None,
        parsed.rate.asked_rps if parsed.rate else None,
    )


def read_document(file: Path) -> Any:
    """The parsed JSON of a file, None when it cannot be read."""
    try:
        return json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        logger.debug("%s cannot be read: %s", file, error)
        return None


def last_good(runs: Sequence[PastRun], kind: Kind) -> PastRun | None:
    """The newest of the runs of one kind that passed."""
    return next((run for run in reversed(runs) if run.kind == kind and run.outcome is Outcome.PASS), None)
