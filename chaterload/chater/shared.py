"""What the simulated users of one process share."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult

from chaterload.chater.accounts import Account, make_accounts
from chaterload.chater.dishes import AccountDishes, Dish, DishTimes, State
from chaterload.chater.photo import IMAGE_SHAPE, Photo
from chaterload.chater.settings import Settings
from chaterload.chater.writes import Writes
from chaterload.exits import Refused

PATIENCE_S = 60.0
"""How long users wait for their run: longer than a master waits for the answers of all workers."""


class Leases(Protocol):
    """Where a simulated user gets its account from."""

    def acquire(self) -> Account | None:
        """An account, or None when none is left."""

    def release(self, account: Account) -> None: ...


@dataclass(frozen=True, order=True)
class Leftover:
    """A dish of the run that could not be removed, or that may still come."""

    email: str
    time: int
    """Epoch milliseconds: what names it to /delete_food."""
    certain: bool
    """Whether it is known to be there; else its upload or its delete was left without a clear end."""


def _leftover(email: str, dish: Dish) -> Leftover:
    return Leftover(email, dish.time, dish.state in (State.THERE, State.LOST) or dish.reappeared)


@dataclass
class Shared:
    """What the users of one process share; a new one for each run."""

    settings: Settings
    photo: Photo
    accounts: list[Account]
    """Empty when only tasks run that need no account."""
    leases: Leases
    writes: Writes = field(default_factory=Writes)
    host: str = ""
    """The base URL that was checked."""
    announce: Callable[[str, int], None] = lambda email, time: None
    """Called before a dish of that time (epoch ms) is sent to that account: a process that is killed tells no more."""
    every_task: bool = False
    """Each user runs every task once before it picks at random."""
    without_account: int = 0
    """Simulated users that found no account of their own (TEST_ACCOUNTS_STRICT)."""
    hurried: bool = False
    """Users leave what they made: somebody does not want to wait."""

    def __post_init__(self) -> None:
        slowest = self.settings.max_response_seconds
        self.slowest_ms = float("inf") if slowest is None else slowest * 1000
        self.sign_in = sign_in_body(self.settings, self.accounts[0].email if self.accounts else None)

    def leftovers(self) -> list[Leftover]:
        """What is left on the accounts at this moment; complete once every user has stopped."""
        return sorted(_leftover(account.email, dish) for account in self.accounts for dish in account.dishes.left())

    def report(self) -> dict[str, Any]:
        """All of it for a master, as what msgpack can carry."""
        return {
            "writes": self.writes.to_dict(),
            "leftovers": [[entry.email, entry.time, entry.certain] for entry in self.leftovers()],
            "without_account": self.without_account,
            "accounts": len(self.accounts),
        }


class CurrentRun:
    """Hands users what they share. Those that start earlier wait: a worker can be told to spawn before it is ready."""

    def __init__(self) -> None:
        self._shared: AsyncResult = AsyncResult()

    def put(self, shared: Shared) -> None:
        """A run starts here."""
        if self._shared.ready():
            self._shared = AsyncResult()
        self._shared.set(shared)

    def clear(self) -> None:
        """The run has ended here. Whoever starts now waits for the next one."""
        if self._shared.ready():
            self._shared = AsyncResult()

    def get(self) -> Shared:
        """What users of the run share. RuntimeError when no run has started within PATIENCE_S."""
        try:
            shared: Shared = self._shared.get(timeout=PATIENCE_S)
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
    settings: Settings, make_leases: Callable[[list[Account]], Leases], *, accounts: bool, slot: int, slots: int
) -> Shared:
    """What the users of this process share; without accounts where no task needs one. Refused when it cannot be.

    `slot` of `slots` is this process's share of the milliseconds that name dishes.
    """
    writes = Writes()

    def dishes() -> AccountDishes:
        return AccountDishes(DishTimes(slot, slots), writes, confirm=settings.verify_writes)

    found = make_accounts(settings, dishes) if accounts else []
    try:
        photo = Photo.load(settings.photo_path, settings.photo_type)
    except ValueError as error:  # it was there when the settings were read
        raise Refused(f"TEST_PHOTO_PATH {str(settings.photo_path)!r} {error}. Expected {IMAGE_SHAPE}.") from None
    return Shared(settings, photo, found, make_leases(found), writes)
