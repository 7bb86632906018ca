"""What all of the stand-in's endpoints share, and what each of them is given of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import time

from chaterload.chater.wire import DAY_MS
from chaterload.standin.faults import Faults
from chaterload.standin.options import Options
from chaterload.standin.records import Account, Records
from chaterload.standin.wire import Broken, GaveUp, Refusal, json_answer
from chaterload.standin.writes import WriteApplier


def now_ms() -> int:
    """This moment, in epoch ms."""
    return int(time() * 1000)


@dataclass(frozen=True)
class Chater:
    """The state behind all endpoints."""

    options: Options
    records: Records
    faults: Faults
    writes: WriteApplier

    def ask_backend(self) -> None:
        """Where an endpoint hands over to what is behind the front door. Unanswered or Broken when that fails."""
        on = self.faults.on
        if self.faults.settings.silent_backend or on("backend-dead") or on("kafka-gone"):
            raise GaveUp
        if on("database-restart"):
            raise Broken

    def count_against_limit(self, email: str) -> None:
        """One more photo or recommendation. Refusal when it is beyond the account's daily limit."""
        limit = self.options.daily_limit
        if limit and self.records.accounts[email].use(now_ms() // DAY_MS) > limit:
            error = f"You have reached your daily limit of {limit} requests. Please try again tomorrow."
            raise Refusal(json_answer({"error": error}, 400))


@dataclass(frozen=True)
class Call:
    """A request as an endpoint sees it."""

    chater: Chater
    subject: str | None
    """The token's e-mail; None where it names none, or no token is needed."""
    body: bytes
    media_type: str
    query: Mapping[str, str]

    @property
    def email(self) -> str:
        """The account. Broken when the token names none: few of the server's endpoints look whether it does."""
        if self.subject is None:
            raise Broken
        return self.subject

    @property
    def account(self) -> Account:
        return self.chater.records.accounts[self.email]

    def note(self, kind: str, sent: object) -> None:
        """Remembers that the account's user sent this."""
        self.chater.records.note(self.email, kind, sent)
