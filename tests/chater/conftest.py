"""A server whose every byte a test chooses, in the same process as the client."""

import os
import re
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import gevent
import gevent.socket
import gevent.ssl
import pytest

Script = Callable[[Any], None]
"""Answers, in its way, to a request on a connection whose head was read."""


def say(*parts: bytes, pause: float = 0.0) -> Script:
    """Send one part after the other, with pauses between, and close."""

    def script(connection: Any) -> None:
        for part in parts:
            connection.sendall(part)
            gevent.sleep(pause)

    return script


def reset_after(part: bytes) -> Script:
    """Send `part`, then break the connection off."""

    def script(connection: Any) -> None:
        connection.sendall(part)
        gevent.sleep(0.05)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return script


def endless(start: bytes, part: bytes) -> Script:
    """Send `start`, then `part` again and again until the other side has gone."""

    def script(connection: Any) -> None:
        connection.sendall(start)
        many = part * (1 + (64 << 10) // len(part))
        while True:
            connection.sendall(many)

    return script


def _is_open(file: int) -> bool:
    if file < 0:
        return False
    try:
        os.fstat(file)
    except OSError:
        return False
    return True


class Peer:
    """Answers each request as `script` says; keeps what it was sent."""

    def __init__(self, address: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        self.script: Script = say()
        self.heads: list[bytes] = []
        """Of each request, in the order of their coming."""
        self.connections = 0
        self.reads_bodies = True
        self._context = context
        self._listener = gevent.socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self._listener.bind((address, 0))
        self._listener.listen(64)
        self.port: int = self._listener.getsockname()[1]
        name = f"[{address}]" if ":" in address else address
        self.host = f"{'https' if context else 'http'}://{name}:{self.port}"
        self._accepting = gevent.spawn(self._accept)
        self._serving: list[Any] = []
        self._accepted: list[Any] = []

    def close(self) -> None:
        gevent.killall([self._accepting, *self._serving])
        connections = [self._listener, *self._accepted]
        files = [connection.fileno() for connection in connections]
        for connection in connections:
            connection.close()
        with gevent.Timeout(1, False):  # gevent closes in one of its hub's next turns
            while any(_is_open(file) for file in files):
                gevent.sleep(0)

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            self.connections += 1
            self._accepted.append(connection)
            self._serving.append(gevent.spawn(self._serve, connection))

    def _serve(self, connection: Any) -> None:
        with suppress(OSError), connection:
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
            with connection:
                if self._context:
                    connection.do_handshake()
                while head := self._read(connection):
                    self.heads.append(head)
                    if self.script(connection) is not KEEP:
                        return

    def _read(self, connection: Any) -> bytes:
        """The head of the next request, whose body was read too; empty when there is none."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return b""
            head += byte
        told = re.search(rb"Content-Length: (\d+)", head)
        left = int(told[1]) if told and self.reads_bodies else 0
        while left:
            left -= len(connection.recv(left))
        return head


KEEP: Any = object()
"""What a script returns whose connection stays open."""


@pytest.fixture
def peer() -> Iterator[Peer]:
    """A server on loopback."""
    server = Peer()
    yield server
    server.close()
