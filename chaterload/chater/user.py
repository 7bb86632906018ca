"""ProtobufUser: sends one message, reads one answer and judges it."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

import gevent
from google.protobuf.message import Message
from locust import FastHttpUser
from locust.env import Environment
from locust.exception import CatchResponseError, StopUser

from chaterload import internals
from chaterload.chater.accounts import Account
from chaterload.chater.answers import TOKEN_REJECTED, Kind
from chaterload.chater.client import judge_response, mend
from chaterload.chater.patience import Patience
from chaterload.chater.routes import Route
from chaterload.chater.shared import CURRENT, Shared


def _failure(kind: Kind) -> CatchResponseError:
    """An exception of a class of its own, whose name is what --otel tells of it."""
    named: type[CatchResponseError] = type(kind.title, (CatchResponseError,), {"__repr__": Exception.__str__})
    return named(f"{kind.title}: {kind.action}")


# One exception for each kind: Locust's failures table has a row for each text that it sees.
FAILURES = {kind: _failure(kind) for kind in Kind}

NO_HOST_YET = "http://not-tried-yet.invalid"
"""Locust makes no user without a host; the one that was tried out is known when the user starts."""

T = TypeVar("T")


class ProtobufUser(FastHttpUser):
    """Speaks Chater UI's protocol. A subclass adds the tasks."""

    abstract = True
    insecure = False
    patience = Patience(90.0)
    """For the whole of an answer: connection, the 60 s that Chater UI gives a photo, and some to transfer it."""
    connection_timeout = network_timeout = None  # type: ignore[assignment]  # sockets take it: patience is the one limit
    concurrency = 1  # one greenlet, one connection; also what bounds geventhttpclient's own repeats of a GET

    shared: Shared
    """Of this user's run; there from its start on."""
    account: Account
    failure: Kind | None = None
    """Of the last request; None when it was good."""

    def __init__(self, environment: Environment) -> None:
        self.host = self.host or NO_HOST_YET
        super().__init__(environment)
        mend(self.client).client.cookiejar = None  # Chater UI sets none, and keeping them costs 5 % of a request

    def on_start(self) -> None:
        """Take an account; without one there is nothing that this user could do."""
        self.shared = CURRENT.get()
        self.client.base_url = self.shared.host  # what was tried out, whatever way it was named
        if self.shared.every_task:
            internals.schedule_each_task(self)
        if not self.shared.accounts:
            return
        account = self.shared.leases.acquire()
        if account is None:
            self.shared.without_account += 1
            raise StopUser
        self.account = account

    def stop(self, force: bool = False) -> bool:
        """As Locust's, except that a pause which ends at this very moment is not followed by a killed request."""
        if force or not internals.is_waiting(self):
            return bool(super().stop(force))
        gevent.get_hub().loop.run_callback(internals.end_pause, self)
        return True

    def on_stop(self) -> None:
        """Give the account back, however this user was stopped."""
        if hasattr(self, "account"):
            self.shared.leases.release(self.account)

    def send(
        self,
        route: Route[T],
        message: Message | bytes | None = None,
        check: Callable[[T], Kind | None] | None = None,
        **query: str,
    ) -> T | None:
        """Send `message` by `route` and return the decoded answer; None when it failed, or `check` says that it did."""
        if internals.is_stopping(self):
            raise StopUser  # the last request is answered
        body = message.SerializeToString() if isinstance(message, Message) else message
        headers = self.account.headers(route.content_type) if route.needs_token else route.headers
        with (
            self.patience,
            self.client.request(
                route.method,
                f"{route.path}?{urlencode(query)}" if query else route.path,
                name=route.path,
                data=body,  # type: ignore[arg-type]  # it takes bytes
                headers=headers,
                catch_response=True,
                allow_redirects=False,
            ) as response,
        ):
            result = judge_response(response, route.expected)
            if check is not None and not isinstance(result, Kind):
                result = check(result) or result
            self.failure = result if isinstance(result, Kind) else None
            if not isinstance(result, Kind):
                if response.request_meta["response_time"] > self.shared.slowest_ms:
                    response.failure(FAILURES[Kind.TOO_SLOW])
                return result
            response.failure(FAILURES[result])
        if result in TOKEN_REJECTED:
            self.account.renew()
        return None
