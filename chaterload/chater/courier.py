"""Requests that are no load: none of them is in the statistics."""

from typing import TypeVar

import gevent
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from chaterload.chater.accounts import Account
from chaterload.chater.answers import Kind
from chaterload.chater.client import judge_response, mend
from chaterload.chater.routes import Route

T = TypeVar("T")


class Courier:
    """Asks one host, for any account; any number of greenlets may do so at once."""

    def __init__(self, host: str, *, tls_verify: bool) -> None:
        self._host = host
        self._tls_verify = tls_verify

    def ask(self, account: Account | None, route: Route[T], body: bytes | None, seconds: float) -> T | Kind:
        """The decoded answer, or the kind of failure; one that takes longer than `seconds` has timed out."""
        session = FastHttpSession(
            self._host,
            EventHook(),
            None,
            insecure=not self._tls_verify,
            network_timeout=seconds,
            connection_timeout=seconds,
        )
        headers = account.headers(route.content_type) if account else route.headers
        with gevent.Timeout(seconds, False):  # the other limits begin anew with every byte
            response = mend(session).request(
                route.method,
                route.path,
                data=body,  # type: ignore[arg-type]  # it takes bytes
                headers=headers,
                catch_response=True,
                allow_redirects=False,
            )
            return judge_response(response, route.expected)
        return Kind.TIMED_OUT
