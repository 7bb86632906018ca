"""ProtobufUser: sends one message, reads one answer, judges it, and removes what it made when it stops."""

import time
from collections.abc import Callable
from contextlib import suppress
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
from chaterload.chater.accounts import Account, now_ms
from chaterload.chater.answers import Kind, judge, judge_connection
from chaterload.chater.connection import WIRE_ERRORS, Connection, origin
from chaterload.chater.deadline import DeadlineExceeded, RequestDeadline
from chaterload.chater.dishes import Dish, State, tells_today
from chaterload.chater.reader import Answer
from chaterload.chater.routes import DELETE, TODAY, Route
from chaterload.chater.shared import CURRENT, Shared
from chaterload.chater.writes import Claim, Today
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.today_food_pb2 import TodayFood


def _failure(kind: Kind) -> CatchResponseError:
    """An exception of a class of its own, whose name is what --otel tells of it."""
    named: type[CatchResponseError] = type(kind.title, (CatchResponseError,), {"__repr__": Exception.__str__})
    return named(f"{kind.title}: {kind.action}")


# One exception for each kind: Locust's failures table has a row for each text that it sees.
FAILURES = {kind: _failure(kind) for kind in Kind}

_TOKEN_REJECTED = (Kind.TOKEN_EXPIRED, Kind.TOKEN_INVALID)

T = TypeVar("T")


class _TidyingOver(BaseException):
    """Cuts a request off without counting it: it is our patience that ended, not the server's time."""


class ProtobufUser(FastHttpUser):
    """Speaks Chater UI's protocol. A subclass adds the tasks."""

    abstract = True
    insecure = False
    deadline = RequestDeadline(90.0)
    """For connecting, the 60 s that Chater UI gives a photo, and some to transfer it."""

    shared: Shared
    """Of this user's run; there from its start on."""
    account: Account
    _tidying = False

    def __init__(self, environment: Environment) -> None:
        internals.start_without_client(self, environment)
        assert self.host
        self._connection = Connection(origin(self.host, tls_verify=not self.insecure))

    @cached_property
    def client(self) -> FastHttpSession:  # type: ignore[override]  # FastHttpUser's is an attribute
        """FastHttpUser's own, for the tasks of others; made when it is first used."""
        return internals.make_client(self)

    def on_start(self) -> None:
        """Take an account; without one there is nothing that this user could do."""
        self.shared = CURRENT.get()
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
        """Remove what this user made, however it was stopped."""
        if not hasattr(self, "account"):
            return
        try:
            self._tidy()
        finally:
            self._connection.close()
            self.account.dishes.leave(self)
            self.shared.leases.release(self.account)

    def send(
        self,
        route: Route[T],
        message: Message | bytes | None = None,
        check: Callable[[T], Kind | None] | None = None,
        **query: str,
    ) -> T | None:
        """Send `message` by `route` and return the decoded answer; None when it failed, or `check` says that it did."""
        if internals.is_stopping(self) and not self._tidying:
            raise StopUser  # the last request is answered; what it made is removed in on_stop
        body = message.SerializeToString() if isinstance(message, Message) else message
        fields = self.account.fields(route.content_type) if route.needs_token else route.fields
        path = f"{route.path}?{urlencode(query)}" if query else route.path
        answer: Answer | None = None
        result: T | Kind
        start_time, began = time.time(), time.perf_counter()
        try:
            with self.deadline.of(route.method, route.path):
                answer = self._connection.request(route.method, path, fields, body or b"", route.expected.largest)
        except (*WIRE_ERRORS, DeadlineExceeded) as error:
            result = judge_connection(error)
        took_ms = (time.perf_counter() - began) * 1000
        if answer is not None:
            result = judge(answer.status_code, answer.content_type, answer.content, route.expected)
            if check is not None and not isinstance(result, Kind):
                result = check(result) or result
        kind = result if isinstance(result, Kind) else Kind.TOO_SLOW if took_ms > self.shared.slowest_ms else None
        self.environment.events.request.fire(
            request_type=route.method,
            name=route.path,
            response_time=took_ms,
            response_length=answer.length if answer else 0,
            response=answer,
            exception=FAILURES[kind] if kind else None,
            context=self.context(),
            start_time=start_time,
            url=f"{self.host}{route.path}",
        )
        if kind in _TOKEN_REJECTED:
            self.account.renew()
        return None if isinstance(result, Kind) else result

    def look(self, *claims: Claim) -> Today | None:
        """Ask for today's list and judge by it, besides the deletes, what is claimed.

        What is not there yet is looked for once more, TEST_VERIFY_SECONDS after it was acknowledged. Returns the
        last list, or None when there was none.
        """
        if not self.shared.settings.verify_writes:
            claims = ()
        today = self._list_today(claims, last=False)
        waiting = [claim for claim in claims if not claim.settled]
        if today is None or not waiting:
            return today
        ripe = max(claim.since for claim in waiting) + self.shared.settings.verify_seconds
        gevent.sleep(max(0.0, ripe - time.monotonic()))
        return self._list_today(waiting, last=True)

    def _list_today(self, claims: tuple[Claim, ...] | list[Claim], *, last: bool) -> Today | None:
        today: Today | None = None

        def check(food: TodayFood) -> Kind | None:
            nonlocal today
            listed = {dish.time: dish.estimated_avg_calories for dish in food.dishes_today}
            today = Today(listed, food.person_weight)
            settings = self.shared.settings
            ghosts = (
                self.account.dishes.observe(listed, asked, now_ms(), settings.verify_seconds)
                if settings.verify_writes
                else 0
            )
            lost = [claim for claim in claims if claim.judge(today, asked, last=last)]
            return Kind.LOST_WRITE if lost else Kind.GHOST_WRITE if ghosts else None

        asked = time.monotonic()
        self.send(TODAY, check=check)
        return today

    def start_dish(self) -> Dish:
        """A dish to be, with a time of its own that names it; this user removes it."""
        dish = self.account.dishes.start(now_ms(), self)
        self.shared.announce(self.account.email, dish.time)
        return dish

    def delete(self, dish: Dish) -> bool:
        """Delete a dish of ours."""
        answer = self.send(DELETE, DeleteFoodRequest(time=dish.time))
        if answer is not None:
            self.account.dishes.removed(dish, time.monotonic())
        return answer is not None

    def _tidy(self) -> None:
        """Remove this user's dishes, within TEST_CLEANUP_SECONDS. What is left stays open, and is listed."""
        self._tidying = True
        dishes = self.account.dishes
        with suppress(_TidyingOver), gevent.Timeout(self.shared.settings.cleanup_seconds, _TidyingOver):
            while not self.shared.hurried and (dishes.open(self) or dishes.unconfirmed(self)):
                for dish in dishes.open(self):
                    if dish.state is State.THERE:
                        self.delete(dish)
                if not (dishes.open(self) or dishes.unconfirmed(self)):
                    return
                self._remove_listed()
                gevent.sleep(0.5)  # the server's own poll takes as long

    def _remove_listed(self) -> None:
        """Look which of the dishes that may be there are there, and delete those."""
        asked = time.monotonic()
        today = self.look()
        if today is None:
            return
        for dish in self.account.dishes.open(self):
            if dish.time in today.calories or not tells_today(dish.time, now_ms()):
                self.delete(dish)
            elif dish.since is not None and asked >= dish.since + self.shared.settings.verify_seconds:
                self.account.dishes.never_came(dish)
