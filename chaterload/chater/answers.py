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
from enum import Enum
from typing import Any, Generic, TypeVar

from google.protobuf.message import DecodeError, Message

LARGEST_MESSAGE = 1 << 20
"""Bytes: a day's list of 8,000 dishes. To decode the worst message of this size takes 50 ms, in which no other user of
the process goes on."""


GAVE_UP_S = 20.0
"""The shortest time that Chater UI gives what is behind it."""


class AnswerTooLarge(Exception):
    """An answer that went on beyond a bound."""


class FailureKind(Enum):
    """Every way an answer can fail: what it is called, what it usually means, what to do about it."""

    CONNECTION_REFUSED = (
        "connection refused",
        "nothing listens at the host and port",
        "check --host or TARGET_HOST, and that Chater UI runs there",
    )
    UNKNOWN_HOST = (
        "unknown host",
        "the host's name does not resolve from here",
        "check --host or TARGET_HOST; the default is a name that resolves only inside the cluster",
    )
    TLS = (
        "certificate not trusted",
        "the TLS handshake failed: nobody known vouches for the server, or its port speaks no TLS",
        "check the certificate, or say http://; TEST_TLS_VERIFY=false is for a test system of your own",
    )
    CONNECTION_BROKEN = (
        "connection broken",
        "the server closed the connection before its answer was whole: a crash, a restart or a full backlog",
        "look at the server's restarts and its proxy's log",
    )
    TIMED_OUT = (
        "timed out",
        "no answer within 90 s",
        "look for a worker that hangs, or fewer workers than concurrent requests",
    )
    UNANSWERED = (
        "unanswered",
        "the run ended before the server had answered, after longer than the endpoint's limit",
        "look for a worker that hangs; the age of the oldest one tells since when",
    )
    OUT_OF_FILES = (
        "out of file descriptors",
        "the load generator may not open more connections",
        "raise `ulimit -n`, or spread the users over more workers",
    )
    TOKEN_MISSING = (
        "token missing",
        "the server saw no Authorization header",
        "set TEST_USER_TOKEN; a proxy in front may strip the header",
    )
    TOKEN_INVALID = (
        "token invalid",
        "the token was signed with another secret or was cut",
        "get a token from this very system for TEST_USER_TOKEN, or its secret for TEST_JWT_SECRET",
    )
    TOKEN_EXPIRED = (
        "token expired",
        "the token's time is over",
        "get a longer one, or a file that is rotated: TEST_USER_TOKEN_FILE",
    )
    SIGN_IN_REFUSED = (
        "sign-in refused",
        "/eater_auth does not accept the ID token, the provider or a field",
        "set TEST_AUTH_TOKEN to a real ID token, or leave it out with --exclude-tags auth",
    )
    DAILY_LIMIT = (
        "daily limit reached",
        "the account used up its photos or recommendations of the day",
        "spread the users over more accounts, or lift the limit for the test account",
    )
    PHOTO_REFUSED = (
        "photo refused",
        "the server found no food in the photo, or does not know its type or time",
        "try another TEST_PHOTO_PATH or TEST_PHOTO_TYPE",
    )
    AI_TIMED_OUT = (
        "AI timed out",
        "the model behind the photo did not answer within 60 s (408)",
        "look at the AI service and its queue",
    )
    UNAVAILABLE = (
        "backend unavailable",
        "the front door works and what is behind it does not answer (503)",
        "look at the food backend, Kafka and Redis",
    )
    SERVER_ERROR = (
        "server error",
        "the server failed on a request that is well-formed (5xx)",
        "look at the server's log for the exception",
    )
    BACKEND_SILENT = (
        "silent backend",
        "the server waited for what is behind it until it gave up: an empty 500, or `Failed`, after 20 s or more",
        "look at the food backend, Kafka and Redis; no exception takes that long",
    )
    REQUEST_REFUSED = (
        "request refused",
        "the server finds the request wrong (4xx)",
        "check the host's path and service; compare proto/ and the settings with the server's version",
    )
    REDIRECTED = (
        "redirected",
        "the server sent us elsewhere; we never follow with a token",
        "give the final address as the host",
    )
    UNEXPECTED_STATUS = (
        "unexpected status",
        "the status is none that Chater UI sends",
        "check that the host is Chater UI and not something in front of it",
    )
    FAILED_WITH_200 = (
        "Failed with 200",
        "the server says that all is well and its text says Failed",
        "look at the food backend: it gave the front door nothing",
    )
    UNDECODABLE = (
        "undecodable body",
        "the body is not the message that belongs to this path",
        "compare proto/ with the server's version; look for a cut connection",
    )
    TOO_LARGE = (
        "answer too large",
        "the answer went on beyond 64 KiB of head or 64 MiB of body, and was cut off",
        "look at what answers in Chater UI's place: no answer of its own is that large",
    )
    NOT_SUCCESS = (
        "success: false",
        "the server understood and did not do it",
        "look at the server's log for this account",
    )
    WRONG_CONTENT_TYPE = (
        "wrong content type",
        "the answer does not come from the endpoint that was asked",
        "look for a proxy's or a login page in front of the server",
    )
    EMPTY = (
        "empty answer",
        "the server said 200 and nothing else: it does not know the dish, or what is behind it stayed silent for 30 s",
        "look at the food backend, Kafka and Redis",
    )
    TOO_SLOW = (
        "slower than TEST_MAX_RESPONSE_SECONDS",
        "the answer was good and came too late",
        "find the slow part, or fewer users",
    )
    LOST_WRITE = (
        "late or lost write",
        "a write was acknowledged and did not show within TEST_VERIFY_SECONDS",
        "look for what loses it: two photos in one millisecond, two weights in one second, a dropped message",
    )
    GHOST_WRITE = (
        "ghost write",
        "a dish that was deleted, and acknowledged as deleted, is still listed",
        "look at the backend's delete and at its cache",
    )

    def __init__(self, title: str, meaning: str, action: str) -> None:
        self.title = title
        self.meaning = meaning
        self.action = action


TOKEN_REJECTED = frozenset({FailureKind.TOKEN_EXPIRED, FailureKind.TOKEN_INVALID})
"""After these a token's source may have a newer one."""

STORED_NOTHING = frozenset(
    {
        FailureKind.REQUEST_REFUSED,
        FailureKind.PHOTO_REFUSED,
        FailureKind.DAILY_LIMIT,
        FailureKind.TOKEN_MISSING,
        FailureKind.TOKEN_INVALID,
        FailureKind.TOKEN_EXPIRED,
        FailureKind.CONNECTION_REFUSED,
        FailureKind.UNKNOWN_HOST,
        FailureKind.OUT_OF_FILES,
    }
)
"""After these the server stored nothing: it refused (4xx), or was not reached. A 408 tells nothing: the AI is late."""

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
    known = {408: FailureKind.AI_TIMED_OUT, 503: FailureKind.UNAVAILABLE}
    by_class = {3: FailureKind.REDIRECTED, 4: FailureKind.REQUEST_REFUSED, 5: FailureKind.SERVER_ERROR}
    return known.get(status) or by_class.get(status // 100, FailureKind.UNEXPECTED_STATUS)


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
