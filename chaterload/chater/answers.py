"""Whether an answer is good, and what it is when it is not. Pure: no Locust, no gevent.

A 200 may be a failure (`Failed`), an empty body may be a success (a message of defaults), and each failure is
one of a fixed list of kinds, so that Locust's failures table has at most a row for each kind and path.
"""

import errno
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

from chaterload.chater.kinds import FailureKind

LARGEST_MESSAGE = 1 << 20
"""Bytes: a day's list of 8,000 dishes. To decode the worst message of this size takes 50 ms, in which no other user of
the process goes on."""


GAVE_UP_S = 20.0
"""The shortest time that Chater UI gives what is behind it."""


class AnswerTooLarge(Exception):
    """An answer that went on beyond a bound."""


_BY_STATUS = {kind.status: kind for kind in FailureKind if kind.status}
_NOBODY_THERE = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL)

T = TypeVar("T")
M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Expected(Generic[T]):
    """A good answer: its media type, what its body says, and what a 400 in its place means."""

    content_type: str
    decode: Callable[[bytes], T | FailureKind]
    refusal: FailureKind = FailureKind.REQUEST_REFUSED
    largest: int = LARGEST_MESSAGE
    """Bytes of a body that are kept and decoded; a longer one is undecodable."""


def message_of(message_type: type[M]) -> Callable[[bytes], M | FailureKind]:
    """Decodes a message; one whose field `success` is false is a failure."""

    def decode(body: bytes) -> M | FailureKind:
        try:
            message = message_type.FromString(body)
        except DecodeError:
            return FailureKind.UNDECODABLE
        return FailureKind.NOT_SUCCESS if getattr(message, "success", True) is False else message

    return decode


def not_empty(decode: Callable[[bytes], T | FailureKind]) -> Callable[[bytes], T | FailureKind]:
    """Decodes as `decode`, for an endpoint whose empty body is no message of defaults."""
    return lambda body: decode(body) if body else FailureKind.EMPTY


def json_object(*required: str, **values: str) -> Callable[[bytes], dict[str, Any] | FailureKind]:
    """Decodes a JSON object that must have the `required` fields, and of `values` these very ones."""

    def decode(body: bytes) -> dict[str, Any] | FailureKind:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):  # the latter from brackets nested too deep
            return FailureKind.UNDECODABLE
        if not isinstance(document, dict) or not all(field in document for field in required):
            return FailureKind.UNDECODABLE
        is_success = all(document.get(field) == value for field, value in values.items())
        return document if is_success else FailureKind.NOT_SUCCESS

    return decode


def judge(
    status: int, content_type: str | None, body: bytes | None, expected: Expected[T], seconds: float = 0.0
) -> T | FailureKind:
    """The decoded answer when it is good, else the kind of failure. `body` is None where it cannot be had."""
    if status == 500 and body in (b"", b"Failed") and seconds >= GAVE_UP_S:
        return FailureKind.BACKEND_SILENT
    if status != 200:
        return _judge_status(status, body or b"", expected.refusal)
    if content_type is None or content_type.partition(";")[0].strip().lower() != expected.content_type:
        if (body or b"").strip() == b"Failed":
            return FailureKind.FAILED_WITH_200
        return FailureKind.WRONG_CONTENT_TYPE
    return FailureKind.UNDECODABLE if body is None else expected.decode(body)


def _judge_status(status: int, body: bytes, refusal: FailureKind) -> FailureKind:
    if status == 401:
        return FailureKind.SIGN_IN_REFUSED if refusal is FailureKind.SIGN_IN_REFUSED else _token_problem(body)
    if status == 400:
        return FailureKind.DAILY_LIMIT if b"daily limit" in body else refusal
    if status == 408 and refusal is not FailureKind.PHOTO_REFUSED:
        return FailureKind.REQUEST_REFUSED  # no AI is behind it; a proxy waited for the request
    by_class = {3: FailureKind.REDIRECTED, 4: FailureKind.REQUEST_REFUSED, 5: FailureKind.SERVER_ERROR}
    return _BY_STATUS.get(status) or by_class.get(status // 100, FailureKind.UNEXPECTED_STATUS)


def _token_problem(body: bytes) -> FailureKind:
    if b"missing" in body:
        return FailureKind.TOKEN_MISSING
    return FailureKind.TOKEN_EXPIRED if b"expired" in body else FailureKind.TOKEN_INVALID


def judge_connection(error: BaseException | None) -> FailureKind:
    """The kind of failure behind an exception that left us without a whole answer."""
    if isinstance(error, AnswerTooLarge):
        return FailureKind.TOO_LARGE
    if isinstance(error, TimeoutError) or type(error).__name__ in ("Timeout", "DeadlineExceeded"):  # gevent's
        return FailureKind.TIMED_OUT
    if isinstance(error, socket.gaierror):
        return FailureKind.UNKNOWN_HOST
    if isinstance(error, ssl.SSLError) and not isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return FailureKind.TLS
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return FailureKind.OUT_OF_FILES
    if isinstance(error, ConnectionRefusedError) or (isinstance(error, OSError) and error.errno in _NOBODY_THERE):
        return FailureKind.CONNECTION_REFUSED
    return FailureKind.CONNECTION_BROKEN
