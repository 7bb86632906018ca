"""The runs that a folder of --results holds, as their verdict.json files tell them."""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from chaterload.chater.textfiles import read_text
from chaterload.exits import as_text
from chaterload.judge.baseline import FORMAT, MOST
from chaterload.judge.verdict import Outcome

logger = logging.getLogger(__name__)

VERDICT = "verdict.json"

PAGE = "verdict.html"

_Finite = Annotated[float, Field(allow_inf_nan=False, ge=-MOST, le=MOST)]
_Count = Annotated[int, Field(ge=0, le=MOST)]
_Ratio = Annotated[float, Field(allow_inf_nan=False, ge=0, le=1)]
_Text = Annotated[str, AfterValidator(as_text)]
"""Others may have written it: without what a page or a terminal would obey."""


class _Endpoint(BaseModel):
    method: _Text
    path: _Text
    requests: _Count
    p95_ms: _Finite


class _Capacity(BaseModel):
    users: _Count
    requests_per_second: _Finite
    asked_rps: _Finite | None = None

    @property
    def most(self) -> tuple[float, str]:
        """In the unit that the search raised; by rate what was answered, as the run's own page says."""
        return (self.users, "users") if self.asked_rps is None else (self.requests_per_second, "req/s")


class _Analysis(BaseModel):
    capacity: _Capacity | None = None


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is no time of a run") from None


class _Run(BaseModel):
    host: _Text
    start: Annotated[datetime, AfterValidator(_in_utc)]
    users: _Count
    strategy: _Text | None = None
    tags: tuple[_Text, ...] = ()
    exclude_tags: tuple[_Text, ...] = ()
    build: _Text | None = None
    stand_in: bool = False


class _Rate(BaseModel):
    asked_rps: _Finite


class _Tally(BaseModel):
    lost: _Count = 0


class _Document(BaseModel):
    """What the history shows of a verdict JSON; it may hold more."""

    format: int = Field(ge=FORMAT, le=FORMAT)
    verdict: Outcome
    requests: _Count
    failure_ratio: _Ratio
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
        return f"{self.strategy or 'no strategy'} on {self.where}"

    @property
    def where(self) -> str:
        """The host, and the tags that chose the tasks."""
        tags = f", tags {' '.join(self.tags)}" if self.tags else ""
        tags += f", without {' '.join(self.exclude_tags)}" if self.exclude_tags else ""
        return f"{self.host}{tags}"


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
    name: str
    """Its folder, as seen from that of all runs."""
    page: str | None
    """Its report in there; None where only the JSON was copied."""
    kind: Kind
    start: datetime
    outcome: Outcome
    build: str | None
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

    @property
    def load(self) -> str:
        """What loaded the server: the strategy, else its users or its rate."""
        by_rate = self.asked_rps is not None
        if self.kind.strategy:
            return f"{self.kind.strategy}{' by rate' if by_rate else ''}"
        return f"{float(f'{self.asked_rps:.2g}'):g} req/s" if by_rate else f"{self.users} users"

    @property
    def group(self) -> str:
        """What it has in common with the runs that it can be compared with: `load on http://host, tags language`."""
        return f"{self.load} on {self.kind.where}"

    @property
    def link(self) -> str:
        """Its folder in a link of the page of all runs."""
        return quote(os.fsencode(self.name))


def read_runs(parent: Path) -> tuple[list[PastRun], list[str]]:
    """The runs below `parent`, the oldest first, and the folders whose verdict cannot be read.

    They are in its folders, or one level deeper, where the results of other machines were copied as a whole.
    """
    runs, unreadable = list[PastRun](), list[str]()
    for file in sorted(chain(parent.glob(f"*/{VERDICT}"), parent.glob(f"*/*/{VERDICT}"))):
        run = read_run(parent, file)
        if run is None:
            unreadable.append(as_text(file.parent.relative_to(parent)))
        else:
            runs.append(run)
    return sorted(runs, key=lambda run: (run.start, run.name)), unreadable


def read_run(parent: Path, file: Path) -> PastRun | None:
    """The run of a verdict.json below `parent`; None when that is no verdict of this format."""
    document = read_document(file)
    try:
        parsed = _Document.model_validate(document)
    except ValidationError as error:
        logger.debug("%s is no verdict: %s", file, error)
        return None
    run, capacity = parsed.run, parsed.analysis.capacity
    return PastRun(
        file,
        file.parent.relative_to(parent).as_posix(),
        PAGE if (file.parent / PAGE).exists() else None,
        kind_of(run.strategy, run.host, run.tags, run.exclude_tags, run.stand_in),
        run.start,
        parsed.verdict,
        run.build,
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
