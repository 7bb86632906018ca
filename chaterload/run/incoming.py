"""What a master takes from its workers: from whom, and in which form. Locust itself takes anything from anybody.

Endpoints' names, errors and logs are printed and written into CSV files: they are text, and no formulas.
"""

import logging
from collections.abc import Callable, Container, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from chaterload.chater.dishes import Trace
from chaterload.chater.writes import Writes
from chaterload.exits import as_text
from chaterload.internals import NotAdmitted
from chaterload.run.protocol import CheckAnswer, Hello

logger = logging.getLogger(__name__)

LONGEST_NAME, LONGEST_LOG, MOST_LINES = 2000, 10_000, 1000
"""Characters of a text of one line and of several, and entries of a log."""


def _as_name(told: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    text = as_text(told, LONGEST_NAME)
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _as_lines(told: str) -> str:
    return "\n".join(as_text(line) for line in told[:LONGEST_LOG].split("\n"))


Whole = Annotated[int, Field(strict=True, ge=0, le=2**53)]
Number = Whole | Annotated[float, Field(strict=True, ge=0, le=1e15, allow_inf_nan=False)]
Ago = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
"""Seconds."""
Name = Annotated[str, Field(strict=True), AfterValidator(_as_name)]
Text = Annotated[str, Field(strict=True), AfterValidator(as_text)]
Lines = Annotated[str, Field(strict=True), AfterValidator(_as_lines)]
State = Literal["ready", "spawning", "running", "cleanup", "stopping", "stopped", "missing"]


class _Part(BaseModel):
    """A part of a message, which holds nothing else."""

    model_config = ConfigDict(extra="forbid")


class _Entry(_Part):
    """A row of Locust's statistics."""

    name: Name
    method: Name
    last_request_timestamp: Number | None
    start_time: Number
    num_requests: Whole
    num_none_requests: Whole
    num_failures: Whole
    total_response_time: Number
    max_response_time: Number
    min_response_time: Number | None
    total_content_length: Number
    response_times: dict[Number, Whole]
    num_reqs_per_sec: dict[Whole, Whole]
    num_fail_per_sec: dict[Whole, Whole]


class _Error(_Part):
    """A row of Locust's failures table."""

    method: Name
    name: Name
    error: Name
    occurrences: Whole
    first_seen: Number | None = None
    last_seen: Number | None = None


def _as_writes(told: dict[str, dict[str, Number | None]]) -> dict[str, dict[str, Number | None]]:
    try:
        Writes.from_dict(told)
    except (KeyError, TypeError):
        raise ValueError("no counts of writes") from None
    return told


class _Sample(_Part):
    """chaterload.chater.samples.FailureSample."""

    method: Name
    path: Name
    kind: Text
    at: Number
    took_ms: Number
    account: Text
    step: Text
    status: Whole | None
    came: Text


_Gap = tuple[Ago, Ago, Whole, list[tuple[Name, Name, Ago, Ago]]]


class _Gaps(_Part):
    """chaterload.chater.answer_gaps.AnswerGaps, as told."""

    began: Ago
    ended: Ago
    new: list[_Gap]
    current: _Gap | None


class _Arrivals(_Part):
    """chaterload.judge.lateness.Arrivals."""

    arrivals: Whole
    late: Whole
    late_by_server: Whole
    latest_ms: Number
    waiting: Whole
    idle: Whole
    late_by_pool: Whole


class NodeReport(_Part):
    """What a process did: chaterload.run.node.Node.report, and the leftovers."""

    saturated_s: Number
    in_flight: tuple[Whole, Number]
    writes: Annotated[dict[str, dict[str, Number | None]], AfterValidator(_as_writes)] = Field(default_factory=dict)
    strangers: list[tuple[Text, Whole, list[Whole]]] = []
    unanswered: list[tuple[Name, Name, list[Number]]] = []
    open: list[tuple[Name, Name, list[Number]]] = []
    arrivals: _Arrivals | None = None
    without_account: Whole = 0
    accounts: Whole = 0
    cleanup: dict[Name, Whole] = {}
    early_cleanup: Whole = 0
    closed: list[Whole] = []
    gaps: _Gaps | None = None
    samples: Annotated[list[_Sample], Field(max_length=MOST_LINES)] = []
    leftovers: list[tuple[Text, Whole, Trace]] = []


class _Stats(BaseModel):
    """What a worker counted since its last report; other people's listeners may add to it."""

    model_config = ConfigDict(extra="allow")
    stats: list[_Entry]
    stats_total: _Entry
    errors: dict[Text, _Error]
    user_classes_count: dict[Name, Whole]
    user_count: Whole
    chater: NodeReport | None = None


class _Heartbeat(_Part):
    state: State
    current_cpu_usage: Number
    current_memory_usage: Whole = 0


class _Spawned(_Part):
    user_classes_count: dict[Name, Whole]
    user_count: Whole


class _Crash(_Part):
    msg: Name
    traceback: Lines


class _Logs(_Part):
    worker_id: str
    logs: list[Lines]


FORMS: Mapping[str, type[BaseModel]] = {
    "stats": _Stats,
    "heartbeat": _Heartbeat,
    "spawning_complete": _Spawned,
    "exception": _Crash,
    "logs": _Logs,
}
"""Of Locust's messages that carry anything."""

FROM_ANYBODY = {"client_ready", "client_stopped", "heartbeat", "spawning", "spawning_complete", "quit", "logs"} | {
    "locustfile",
    Hello.kind,
    CheckAnswer.kind,
}
"""What a worker may send before it has answered the check. None of it is counted."""


class Incoming:
    """Decides about each message of a worker, before Locust sees it."""

    def __init__(self, checked: Callable[[], Container[str]], lose: Callable[[str, str], object]) -> None:
        """`checked` gives the workers that have answered the check; `lose` hears of one whose figures are lost."""
        self._checked = checked
        self._lose = lose

    def admit(self, worker: str, kind: str, data: Any) -> Any:
        """The data of a message, its texts as they can be shown. NotAdmitted when neither Locust nor we may have it."""
        if kind not in FROM_ANYBODY and worker not in self._checked():
            logger.debug("A %s message of %s, which takes no part in the run, is ignored.", kind, worker)
            raise NotAdmitted
        try:
            return _checked(worker, kind, data)
        except ValueError as error:  # pydantic's own is one
            logger.error("A %s message of %s %s, and is ignored.", kind, worker, _reason(error))
            if kind == "stats":
                self._lose(worker, "sent figures that cannot be read")
            raise NotAdmitted from None


def _checked(worker: str, kind: str, data: Any) -> Any:
    """The data of a message as it may be used. ValueError when it is not what such a message holds."""
    if kind == "client_ready":
        if data != -1 and not (isinstance(data, str) and data):
            raise ValueError("names no version of Locust")
        return data if data == -1 else as_text(data, 30)
    if kind == "locustfile":
        if not isinstance(data, dict) or not isinstance(data.get("version"), str):
            raise ValueError("names no version of Locust")
        return data
    form = FORMS.get(kind)
    if form is None:
        return data  # nothing in it is used, or our own messages' classes say what may be
    read = form.model_validate(data)
    if isinstance(read, _Logs):
        if read.worker_id != worker:
            raise ValueError("is about another worker")
        read.logs = read.logs[-MOST_LINES:]
    return read.model_dump(exclude_unset=True)


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    where = ".".join(as_text(part, 40) for part in error.errors()[0]["loc"])
    return f"holds what does not belong there ({where or 'all of it'})"
