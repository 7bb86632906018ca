"""Targets that misbehave, one connection at a time, on a raw socket."""

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chaterload.chater.wire import GRPC
from tests.e2e.conftest import PATIENCE_S, Locust, locust, server, small_photo

__all__ = ["locust", "server", "small_photo"]

STRANGER = {"TEST_USER_TOKEN": "", "TEST_JWT_SECRET": "a secret that no target here checks"}

Script = Callable[[socket.socket], None]
"""Answers, in its way, to one request that was read whole."""


def head(length: int | None, content_type: str = GRPC, status: str = "200 OK", *headers: str) -> bytes:
    """The head of an answer that says it has `length` bytes, or nothing about it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}", "Connection: close", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def say(answer: bytes) -> Script:
    """Send `answer` and close."""
    return lambda connection: connection.sendall(answer)


def whole(body: bytes, content_type: str = GRPC, status: str = "200 OK", *headers: str) -> Script:
    """A well-formed answer."""
    return say(head(len(body), content_type, status, *headers) + body)


def reset_after(part: bytes) -> Script:
    """Send `part`, then break the connection off."""

    def script(connection: socket.socket) -> None:
        connection.sendall(part)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def until_gone(connection: socket.socket) -> None:
    """Wait until the other side has gone."""
    connection.settimeout(PATIENCE_S)
    with contextlib.suppress(OSError):
        connection.recv(1)


GOOD = whole(b"")


class Target:
    """Good to GET /alcohol_latest, so that a run may start, and to each other path as `scripts` say."""

    def __init__(self, scripts: dict[str, Script] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.scripts = scripts or {}
        self.requests: Counter[str] = Counter()
        """How many were read whole, by path."""
        self._tls = tls
        self._open: set[socket.socket] = set()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.host = f"{'https' if tls else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def env(self) -> dict[str, str]:
        """The environment that runs against it."""
        return {**STRANGER, "TARGET_HOST": self.host}

    def close(self) -> None:
        self._socket.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._open.add(connection)
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection:
                asked = self._read(connection)
                if asked is not None:
                    path = asked.partition("?")[0]
                    self.requests[path] += 1
                    self.scripts.get(path, GOOD)(connection)
        self._open.discard(connection)

    @staticmethod
    def _read(connection: socket.socket) -> str | None:
        """The path of a request, once the whole of it has come."""
        with connection.makefile("rb") as stream:
            first = stream.readline().decode("latin-1").split()
            length = 0
            for line in iter(stream.readline, b"\r\n"):
                if not line:
                    return None
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            stream.read(length)
        return first[1] if len(first) == 3 else None


@pytest.fixture
def target() -> Iterator[Callable[..., Target]]:
    """Makes targets that end with the test."""
    made: list[Target] = []

    def make(scripts: dict[str, Script] | None = None, tls: ssl.SSLContext | None = None) -> Target:
        made.append(Target(scripts, tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


def verdict(run: Locust, seconds: float = 120.0) -> Any:
    """What the run's JSON file says, once it has ended by itself without a traceback."""
    output = run.finish(seconds)
    assert "Verdict:" in output, output
    return json.loads((run.folder / "v.json").read_text())


def kinds(document: Any) -> dict[str, dict[str, int]]:
    """How often each kind of failure occurred, by path."""
    found: dict[str, dict[str, int]] = {}
    for row in document["failure_kinds"]:
        found.setdefault(row["path"], {})[row["kind"]] = row["count"]
    return found


def counted(document: Any) -> dict[str, int]:
    """The requests that were counted, by path."""
    return {row["path"]: row["requests"] for row in document["endpoints"]}
