"""ProtobufUser: sends one message, reads one answer and judges it."""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TypeVar
from urllib.parse import urlencode

import gevent
from google.protobuf.message import Message
from locust import FastHttpUser
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.exception import CatchResponseError, StopUser

from chaterload import internals
from chaterload.chater.accounts import Account
from chaterload.chater.answer_gaps import AnswerGaps
from chaterload.chater.answers import judge, judge_connection
from chaterload.chater.connection import WIRE_ERRORS, Connection, origin
from chaterload.chater.deadline import DeadlineExceeded, OpenRequest, RequestDeadline
from chaterload.chater.kinds import FailureKind, Trait
from chaterload.chater.load_context import CURRENT, LoadContext
from chaterload.chater.reader import Answer
from chaterload.chater.routes import Route


def _failure(kind: FailureKind) -> CatchResponseError:
    """An exception of a class of its own, whose name is what --otel tells of it."""
    named: type[CatchResponseError] = type(kind.title, (CatchResponseError,), {"__repr__": Exception.__str__})
    return named(f"{kind.title}: {kind.action}")


# One exception for each kind: Locust's failures table has a row for each text that it sees.
EXCEPTION_OF = {kind: _failure(kind) for kind in FailureKind}

NO_HOST_YET = "http://not-tried-yet.invalid"
"""Locust makes no user without a host; the one that was tried out is known when the user starts."""

T = TypeVar("T")


class ProtobufUser(FastHttpUser):
    """Speaks Chater UI's protocol. A subclass adds the tasks."""

    abstract = True
    insecure = False
    deadline = RequestDeadline(90.0)
    """For connecting, the 60 s that Chater UI gives a photo, and some to transfer it."""

    gaps = AnswerGaps(deadline.open_requests)
    """Of all users of the process, as what is open is."""

    shared: LoadContext
    """Of this user's run; there from its start on."""
    account: Account
    failure: FailureKind | None = None
    """Of the last request; None when it was good."""
    due: float | None = None
    """When the task that has just begun should have begun, of a run by rate: its first request counts from there."""

    def __init__(self, environment: Environment) -> None:
        self.host = self.host or NO_HOST_YET
        internals.start_without_client(self, environment)

    @cached_property
    def client(self) -> FastHttpSession:  # type: ignore[override]  # FastHttpUser's is an attribute
        """FastHttpUser's own, for the tasks of others; made when it is first used."""
        return internals.make_client(self)

    def on_start(self) -> None:
        """Take an account, without which there is nothing that this user could do; by rate, wait for an arrival."""
        self.shared = CURRENT.get()
        self.host = self.shared.host  # what was tried out, whatever way it was named
        self._connection = Connection(origin(self.host, tls_verify=not self.insecure))
        if self.shared.every_task:
            internals.schedule_each_task(self)
        if self.shared.accounts:
            self._take_account()
        if self.shared.arrivals and self.tasks:
            self._run_by_arrivals()

    def _take_account(self) -> None:
        account = self.shared.leases.acquire()
        if account is None:
            self.shared.without_account += 1
            raise StopUser
        self.account = account

    def _run_by_arrivals(self) -> None:
        """From now on the next task begins when there is an arrival, and not when this user has thought."""
        vars(self)["wait_time"] = self._await_arrival
        wait: Callable[[], None] = super().wait
        wait()

    def _await_arrival(self) -> float:
        """Locust takes it for a pause, which it ends whenever it wants to."""
        assert self.shared.arrivals is not None
        self.due = self.shared.arrivals.take(self)
        return 0.0

    def wait(self) -> None:
        """Think, within a task: as ever, also where tasks begin by arrivals."""
        think: Callable[[], None] = super().wait
        by_arrivals = vars(self).pop("wait_time", None)
        try:
            think()
        finally:
            if by_arrivals:
                vars(self)["wait_time"] = by_arrivals

    def stop(self, force: bool = False) -> bool:
        """As Locust's, except that a pause which ends at this very moment is not followed by a killed request."""
        if force or not internals.is_waiting(self):
            return bool(super().stop(force))
        gevent.get_hub().loop.run_callback(internals.end_pause, self)
        return True

    def on_stop(self) -> None:
        """Give the account back, however this user was stopped."""
        if hasattr(self, "_connection"):
            self._connection.close()
        if hasattr(self, "account"):
            self.shared.leases.release(self.account)
        if hasattr(self, "shared") and self.shared.arrivals:
            self.shared.arrivals.leave()

    def send(
        self,
        route: Route[T],
        message: Message | bytes | None = None,
        check: Callable[[T], FailureKind | None] | None = None,
        **query: str,
    ) -> T | None:
        """Send `message` by `route` and return the decoded answer; None when it failed, or `check` says that it did."""
        if internals.is_stopping(self):
            raise StopUser  # the last request is answered
        body = message.SerializeToString() if isinstance(message, Message) else message
        fields = self.account.fields(route.content_type) if route.needs_token else route.fields
        path = f"{route.path}?{urlencode(query)}" if query else route.path
        answer: Answer | None = None
        result: T | FailureKind
        problem: BaseException | None = None
        began, self.due = self.due or time.perf_counter(), None
        start_time = time.time() - (time.perf_counter() - began)
        try:
            with self.deadline.of(route.method, route.path):
                answer = self._connection.request(route.method, path, fields, body or b"", route.expected.largest)
        except (*WIRE_ERRORS, DeadlineExceeded) as error:
            result, problem = judge_connection(error), error
        except gevent.GreenletExit:
            self._note_unanswered(route, fields, (time.perf_counter() - began) * 1000)
            raise
        took_ms = (time.perf_counter() - began) * 1000
        if answer is None:
            self.gaps.broke_off(_as_open(route, took_ms))
        else:
            self.gaps.answered(_as_open(route, took_ms))
            result = judge(answer.status_code, answer.content_type, answer.content, route.expected, took_ms / 1000)
            if check is not None and not isinstance(result, FailureKind):
                result = check(result) or result
        self.failure = result if isinstance(result, FailureKind) else None
        kind = self.failure or (FailureKind.TOO_SLOW if took_ms > self.shared.slowest_ms else None)
        self.environment.events.request.fire(
            request_type=route.method,
            name=route.path,
            response_time=took_ms,
            response_length=answer.length if answer else 0,
            response=answer,
            exception=EXCEPTION_OF[kind] if kind else None,
            context=self.context(),
            start_time=start_time,
            url=f"{self.host}{route.path}",
        )
        if kind:
            self._keep_sample(kind, route, fields, took_ms, answer, problem)
        if kind and Trait.TOKEN_REJECTED in kind.traits:
            self.account.renew()
        return None if isinstance(result, FailureKind) else result

    def _note_unanswered(self, route: Route[T], fields: bytes, waited_ms: float) -> None:
        """The run does not wait any longer; a listener of `request` hears nothing of it."""
        self.shared.unanswered[route.method, route.path].append(waited_ms)
        self._keep_sample(FailureKind.UNANSWERED, route, fields, waited_ms)
        self.gaps.broke_off(_as_open(route, waited_ms))

    def _keep_sample(
        self,
        kind: FailureKind,
        route: Route[T],
        fields: bytes,
        took_ms: float,
        answer: Answer | None = None,
        problem: BaseException | None = None,
    ) -> None:
        """Keep what came, with nothing of the token that `fields` sent."""
        email = self.account.email if route.needs_token else ""
        sent_as = email, fields.partition(b"Bearer ")[2].decode("latin-1").strip()
        self.shared.samples.add(kind, route.method, route.path, sent_as, took_ms, answer, problem)


def _as_open(route: Route[T], waited_ms: float) -> OpenRequest:
    """A request as it was until now, when it had waited so long."""
    return OpenRequest(route.method, route.path, time.monotonic() - waited_ms / 1000)
