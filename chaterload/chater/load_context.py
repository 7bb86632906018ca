"""What the simulated users of one process share."""

import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accounts import Account, make_accounts
from chaterload.chater.cleanup import Ask, Cleanup
from chaterload.chater.dishes import DishIndex
from chaterload.chater.photo import IMAGE_SHAPE, Photo
from chaterload.chater.samples import FailureSamples
from chaterload.chater.settings import Settings
from chaterload.chater.times import DishTimes, Seconds
from chaterload.chater.writes import Writes
from chaterload.exits import Refused

PATIENCE_S = 60.0
"""How long users wait for their run: longer than a master waits for the answers of all workers."""


class Leases(Protocol):
    """Where a simulated user gets its account from."""

    def acquire(self) -> Account | None:
        """An account, or None when none is left."""

    def release(self, account: Account) -> None: ...


class Arrivals(Protocol):
    """Where a simulated user of a run by rate gets its next task from."""

    def take(self, user: Any) -> float:
        """Wait for the next arrival and give the user its task: when it was due, as time.perf_counter() tells it."""

    def leave(self) -> None:
        """The user that calls ends: its task goes no further."""

    def ask(self, rate: float) -> None:
        """So many requests per second from now on."""

    def stop(self) -> None:
        """The load has ended: nothing arrives any more."""

    def figures(self) -> dict[str, Any]:
        """How many there were and how many were late, as what msgpack can carry."""


SHOWN_STRANGERS = 3
"""Of each account, so many dishes that somebody else made are told."""


@dataclass
class LoadContext:
    """What the users of one process share; a new one for each run."""

    settings: Settings
    photo: Photo
    accounts: list[Account]
    """Empty when only tasks run that need no account."""
    leases: Leases
    index: DishIndex
    cleanup: Cleanup
    writes: Writes = field(default_factory=Writes)
    host: str = ""
    """The base URL that was checked."""
    every_task: bool = False
    """Each user runs every task once before it picks at random."""
    arrivals: Arrivals | None = None
    """None in a run by users: each takes its next task when it has thought."""
    unanswered: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    """By method and path, how old the requests were, in ms, that were cut off without an answer."""
    without_account: int = 0
    """Simulated users that found no account of their own (TEST_ACCOUNTS_STRICT)."""

    def __post_init__(self) -> None:
        slowest = self.settings.max_response_seconds
        self.slowest_ms = float("inf") if slowest is None else slowest * 1000
        self.samples = FailureSamples(self.settings.secrets)
        self.sign_in = sign_in_body(self.settings, self.accounts[0].email if self.accounts else None)

    def report(self) -> dict[str, Any]:
        """What was done so far, as what msgpack can carry."""
        return {
            "writes": self.writes.to_dict(),
            "strangers": [
                [email, len(times), times[:SHOWN_STRANGERS]] for email, times in self.index.strangers.items()
            ],
            "unanswered": [[method, path, ages] for (method, path), ages in self.unanswered.items()],
            "without_account": self.without_account,
            "accounts": len(self.accounts),
            "cleanup": dict(self.cleanup.requests),
            "early_cleanup": self.cleanup.early_requests,
            **({"arrivals": self.arrivals.figures()} if self.arrivals else {}),
        }

    def leftovers(self) -> list[list[Any]]:
        """What is left at this moment, in the same form; complete once the clean-up has ended."""
        return [[entry.email, entry.time, str(entry.trace)] for entry in self.index.leftovers()]


class CurrentRun:
    """Hands users what they share. Those that start earlier wait: a worker can be told to spawn before it is ready."""

    def __init__(self) -> None:
        self._shared: AsyncResult = AsyncResult()

    def put(self, shared: LoadContext) -> None:
        """A run starts here."""
        if self._shared.ready():
            self._shared = AsyncResult()
        self._shared.set(shared)

    def clear(self) -> None:
        """The run has ended here. Whoever starts now waits for the next one."""
        if self._shared.ready():
            self._shared = AsyncResult()

    def get(self) -> LoadContext:
        """What users of the run share. RuntimeError when no run has started within PATIENCE_S."""
        try:
            shared: LoadContext = self._shared.get(timeout=PATIENCE_S)
        except gevent.Timeout:
            raise RuntimeError(f"No run has started here within {PATIENCE_S:.0f} s.") from None
        return shared


CURRENT = CurrentRun()
"""Of this process."""

PLACEHOLDER_EMAIL = "loadtest@example.com"
PLACEHOLDER_ID_TOKEN = "load-test-id-token"  # no secret: a real Chater UI refuses it


def sign_in_body(settings: Settings, email: str | None) -> bytes:
    """The JSON of /eater_auth, encoded once."""
    token = settings.auth_token.get_secret_value() if settings.auth_token else PLACEHOLDER_ID_TOKEN
    fields = {
        "provider": settings.auth_provider,
        "idToken": token,
        "email": settings.auth_email or email or PLACEHOLDER_EMAIL,
        "name": settings.auth_name,
        "profilePictureURL": settings.auth_profile_url,
    }
    return json.dumps(fields).encode()


def make_shared(
    settings: Settings, make_leases: Callable[[list[Account]], Leases], ask: Ask, seconds: Seconds, *, accounts: bool
) -> LoadContext:
    """What the users of this process share; without accounts where no task needs one. Refused when it cannot be.

    `ask` sends what is no load; `seconds` is where the times of dishes come from.
    """
    writes, index, times = Writes(), DishIndex(), DishTimes(seconds)

    def dishes() -> AccountDishes:
        return AccountDishes(index, times, writes, settings.verify_seconds, verify=settings.verify_writes)

    found = make_accounts(settings, dishes) if accounts else []
    for account in found:
        account.dishes.email = account.email
    try:
        photo = Photo.load(settings.photo_path, settings.photo_type)
    except ValueError as error:  # it was there when the settings were read
        raise Refused(f"TEST_PHOTO_PATH {str(settings.photo_path)!r} {error}. Expected {IMAGE_SHAPE}.") from None
    cleanup = Cleanup({account.email: account for account in found}, index, ask)
    return LoadContext(settings, photo, found, make_leases(found), index, cleanup, writes)
