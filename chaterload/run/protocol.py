"""What master and workers tell each other besides Locust's own messages: a dataclass a message, validated on arrival.

A worker says Hello once it knows these messages. The master asks each worker whether host and token work from there
(CheckRequest, CheckAnswer), and tells it when a run starts (StartRun). Users get their accounts by LeaseRequest and
Leased. A run ends with FinishRequest and Finished, the workers' last counts in between, as part of Locust's statistics.
"""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, ClassVar, TypeVar

from locust.runners import MasterRunner, WorkerRunner
from pydantic import AfterValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from chaterload.exits import as_text
from chaterload.load.rates import HIGHEST

logger = logging.getLogger(__name__)

ASK_AGAIN_S = 1.0
"""A worker that has only just connected does not know our messages yet, and drops them."""

CHECK_TIMEOUT_S = 45.0
"""Longer than three preflight requests that time out."""

LEASE_TIMEOUT_S = 30.0
FINISH_MARGIN_S = 5.0
MASTER_SILENT_S = 10.0
"""A master beats once a second; after this long without a beat it is taken for dead."""

FROZEN_S = 3.0
"""After this long without running, Locust's master has given this worker up (3 heartbeats)."""

MOST_ACCOUNTS = 1_000_000
"""More than a file of accounts may hold."""

LAST_DAY = 100_000
"""UTC days since 1970: the year 2243."""

Text = Annotated[str, AfterValidator(as_text)]
"""What is printed."""

_STRICT = ConfigDict(strict=True, extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Hello:
    """A worker is ready for the messages below."""

    kind: ClassVar[str] = "chater_hello"


@dataclass(frozen=True, config=_STRICT)
class CheckRequest:
    """Do host and token work from there? `question` is the same when it is only asked again."""

    kind: ClassVar[str] = "chater_check"
    question: str
    run_id: str
    host: str | None
    """None where the worker's own settings say."""
    tags: list[str] | None
    exclude_tags: list[str] | None
    stand_in: bool
    run_time: int | None
    times_key: Annotated[str, Field(pattern=r"^[0-9a-f]{1,16}$")]
    """Makes the mark of the run's dishes; see chaterload.chater.times."""


@dataclass(frozen=True, config=_STRICT)
class CheckAnswer:
    """What a worker found. `fingerprint` tells its settings from those of others, without telling them."""

    kind: ClassVar[str] = "chater_checked"
    question: str
    process: Text
    """Where it runs, for people: host and process id."""
    problems: list[Text]
    version: Text
    fingerprint: str
    accounts: Annotated[int, Field(ge=0, le=MOST_ACCOUNTS)]
    strict: bool


@dataclass(frozen=True, config=_STRICT)
class StartRun:
    """The run that was checked starts: users of it may go on."""

    kind: ClassVar[str] = "chater_start"
    run_id: str
    every_task: bool
    """Each user runs every task once before it picks at random."""
    arrivals: str | None = None
    """How tasks arrive, in a run by rate; its rate comes as RateShare. None in a run by users."""
    seed: int | None = None
    most_users: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, config=_STRICT)
class RateShare:
    """A worker's share of the rate, in requests per second."""

    kind: ClassVar[str] = "chater_rate"
    rate: Annotated[float, Field(ge=0, le=HIGHEST, allow_inf_nan=False)]


@dataclass(frozen=True, config=_STRICT)
class LeaseRequest:
    """An account for one more user. `request` is a number of the worker's own."""

    kind: ClassVar[str] = "chater_lease"
    request: int


@dataclass(frozen=True, config=_STRICT)
class Leased:
    """The account's number, None when there is none left."""

    kind: ClassVar[str] = "chater_leased"
    request: int
    number: int | None
    shared: bool


@dataclass(frozen=True, config=_STRICT)
class LeaseRelease:
    """A user no longer needs its account."""

    kind: ClassVar[str] = "chater_release"
    number: Annotated[int, Field(ge=0, lt=MOST_ACCOUNTS)]


@dataclass(frozen=True, config=_STRICT)
class AccountShared:
    """An account has another user elsewhere from now on."""

    kind: ClassVar[str] = "chater_shared"
    number: int


@dataclass(frozen=True, config=_STRICT)
class DishBegun:
    """A worker is about to make a dish: if it is killed, the master lists it."""

    kind: ClassVar[str] = "chater_dish"
    email: Text
    time: int


@dataclass(frozen=True, config=_STRICT)
class SecondRequest:
    """A second of a day for the times of dishes. `request` is a number of the worker's own."""

    kind: ClassVar[str] = "chater_second"
    request: int
    day: Annotated[int, Field(ge=0, le=LAST_DAY)]
    """UTC days since 1970."""


@dataclass(frozen=True, config=_STRICT)
class SecondTaken:
    """The second, which no other worker gets; None when the day has none left."""

    kind: ClassVar[str] = "chater_second_taken"
    request: int
    second: int | None


@dataclass(frozen=True, config=_STRICT)
class FinishRequest:
    """End the users and send their last counts."""

    kind: ClassVar[str] = "chater_finish"
    question: str


@dataclass(frozen=True, config=_STRICT)
class CleanupRequest:
    """Remove what the users left."""

    kind: ClassVar[str] = "chater_clean_up"
    question: str


@dataclass(frozen=True, config=_STRICT)
class Cleaned:
    """What could be removed was, and what was left was sent before this."""

    kind: ClassVar[str] = "chater_cleaned"
    question: str


@dataclass(frozen=True, config=_STRICT)
class CleanupProgress:
    """A worker still removes dishes: so many are left."""

    kind: ClassVar[str] = "chater_cleanup"
    left: Annotated[int, Field(ge=0)]


@dataclass(frozen=True, config=_STRICT)
class LimitCleanup:
    """From now on, or from its start, the clean-up has so many seconds."""

    kind: ClassVar[str] = "chater_limit_cleanup"
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=_STRICT)
class Finished:
    """The users have ended, and their counts were sent before this."""

    kind: ClassVar[str] = "chater_finished"
    question: str


@dataclass(frozen=True, config=_STRICT)
class AbortUsers:
    """End the users and the clean-up at once."""

    kind: ClassVar[str] = "chater_abort"


Message = (
    Hello
    | CheckRequest
    | CheckAnswer
    | StartRun
    | RateShare
    | LeaseRequest
    | Leased
    | LeaseRelease
    | AccountShared
    | DishBegun
    | SecondRequest
    | SecondTaken
    | FinishRequest
    | CleanupRequest
    | Cleaned
    | CleanupProgress
    | LimitCleanup
    | Finished
    | AbortUsers
)
M = TypeVar("M", bound=Message)


class Channel:
    """Sends and receives these messages over Locust's own connection."""

    def __init__(self, runner: MasterRunner | WorkerRunner) -> None:
        self._runner = runner

    def send(self, message: Message, to: str | None = None) -> None:
        """To one worker, to all of them, or from a worker to its master."""
        self._runner.send_message(message.kind, asdict(message), client_id=to)

    def listen(self, kind: type[M], handle: Callable[[str, M], object], *, concurrent: bool = False) -> None:
        """Have `handle(sender, message)` called for each message of this kind. What cannot be read is dropped."""

        def receive(msg: Any, **_: Any) -> None:
            try:
                message = kind(**(msg.data or {}))
            except (ValidationError, TypeError) as error:
                logger.error(
                    "A %s message of %s cannot be read and is ignored (%s).",
                    kind.kind,
                    msg.node_id,
                    type(error).__name__,
                )
                return
            handle(msg.node_id, message)

        self._runner.register_message(kind.kind, receive, concurrent=concurrent)
