"""Requests that are no load: none of them is in the statistics."""

from typing import TypeVar

import gevent

from chaterload.chater.accounts import Account
from chaterload.chater.answers import judge, judge_connection
from chaterload.chater.connection import WIRE_ERRORS, Connection, origin
from chaterload.chater.deadline import DeadlineExceeded
from chaterload.chater.kinds import FailureKind
from chaterload.chater.routes import Route

T = TypeVar("T")


class Courier:
    """Asks one host, for any account; any number of greenlets may do so at once."""

    def __init__(self, host: str, *, tls_verify: bool) -> None:
        self._origin = origin(host, tls_verify=tls_verify)

    def ask(self, account: Account | None, route: Route[T], body: bytes | None, seconds: float) -> T | FailureKind:
        """The decoded answer, or the kind of failure; one that takes longer than `seconds` has timed out."""
        connection = Connection(self._origin)
        fields = account.fields(route.content_type) if account else route.fields
        try:
            with gevent.Timeout(seconds, DeadlineExceeded(seconds)):
                answer = connection.request(route.method, route.path, fields, body or b"", route.expected.largest)
        except (*WIRE_ERRORS, DeadlineExceeded) as error:
            return judge_connection(error)
        finally:
            connection.close()
        return judge(answer.status_code, answer.content_type, answer.content, route.expected)
