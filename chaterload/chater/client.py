"""What Locust's fast client leaves to us: answers that are none, told as a kind of failure and never as a crash."""

import zlib
from typing import Any, TypeVar

import brotli
from locust.contrib.fasthttp import FastHttpSession, FastResponse

from chaterload.chater.answers import Expected, Kind, judge, judge_connection

T = TypeVar("T")

UNREADABLE = b"\xff"
"""Neither a message nor JSON: stands for a body that its Content-Encoding does not fit."""


class _Answer(FastResponse):
    """Locust's, which lets what brotli says about a wrong body, and unknown encodings, end the user's task."""

    def _content(self) -> bytes:
        try:
            content: bytes = super()._content()  # type: ignore[no-untyped-call]
        except (zlib.error, brotli.error, ValueError):
            self.release()
            return UNREADABLE
        return content


def mend(session: FastHttpSession) -> FastHttpSession:
    """`session`, with answers that can be judged whatever they hold."""
    agent = session.client
    agent.response_type = _Answer  # type: ignore[misc]  # the class's own would be every session's
    agent.valid_response_codes = range(1000)  # type: ignore[misc,assignment]  # for others it decodes the body as text
    return session


def judge_response(response: Any, expected: Expected[T]) -> T | Kind:
    """`judge` for an answer of Locust's, or for what kept it from coming whole."""
    error = response.request_meta["exception"]
    if error is not None:  # no answer, or one that broke off
        return judge_connection(error)
    told = response.headers.get("content-type")
    if isinstance(told, list):  # said twice
        told = told[0]
    return judge(response.status_code, told, response.content or b"", expected)
