"""HTTP/1.1 on gevent's sockets, for what this project asks itself: half of FastHttpUser's cost, and bounded.

No redirect is followed, no cookie kept, no proxy and no ~/.netrc used.
"""

import re
from functools import lru_cache
from select import POLLIN
from ssl import SSLContext, SSLEOFError, SSLZeroReturnError
from typing import Any
from urllib.parse import urlsplit

import gevent
from gevent import monkey, socket, ssl
from geventhttpclient.connectionpool import SSLConnectionPool, init_ssl_context
from geventhttpclient.response import HTTPParseError

from chaterload import __version__
from chaterload.chater.answers import LARGEST_MESSAGE, AnswerTooLarge
from chaterload.chater.coding import ACCEPTED
from chaterload.chater.reader import Answer, NothingCame, read_answer
from chaterload.chater.wire import head_line

WIRE_ERRORS = (OSError, HTTPParseError, AnswerTooLarge)
"""What keeps an answer from coming whole."""
ADDRESS_S = 5.0
"""For how long an address of a name is tried while there is another."""

_LARGE = 16 << 10
"""Bytes of a body that is not copied behind its head."""
_ALWAYS = b"User-Agent: chater-load-test/" + __version__.encode() + b"\r\nAccept-Encoding: " + ACCEPTED + b"\r\n"
_GONE = (BrokenPipeError, ConnectionResetError, ConnectionAbortedError, SSLEOFError, SSLZeroReturnError)
_poll = monkey.get_original("select", "poll")

_TARGET = re.compile(r"/[\x21-\x7e]*")


def _context(verify: bool) -> SSLContext:
    """As FastHttpUser's."""
    make = ssl.create_default_context if verify else ssl._create_unverified_context
    context: SSLContext = init_ssl_context(make, SSLConnectionPool.default_options["ca_certs"], check_hostname=verify)
    return context


class Origin:
    """A scheme, a host and a port, and how to get there."""

    def __init__(self, url: str, *, tls_verify: bool = True) -> None:
        """`url` may have a path, which goes before each request's. ValueError when it is no base URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not a base URL of http or https: {url!r}")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self._context = _context(tls_verify) if parts.scheme == "https" else None
        self._prefix = parts.path.rstrip("/")
        self._always = head_line("Host", parts.netloc.rpartition("@")[2]) + _ALWAYS
        self.start = lru_cache(256)(self._start)

    def _start(self, method: str, path: str) -> bytes:
        """The first lines of a request's head."""
        target = self._prefix + path
        if not method.isalpha() or not _TARGET.fullmatch(target):
            raise ValueError(f"not a method and a path: {method!r} {target!r}")
        return f"{method} {target} HTTP/1.1\r\n".encode() + self._always

    @property
    def encrypted(self) -> bool:
        return self._context is not None

    def connect(self) -> Any:
        """A connection to the first of its addresses that takes one. OSError, the first, when none does."""
        found = gevent.get_hub().resolver.getaddrinfo(self.host, self.port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        first: OSError | None = None
        for number, (family, _, protocol, _, address) in enumerate(found, 1):
            try:
                return self._connect(family, protocol, address, None if number == len(found) else ADDRESS_S)
            except OSError as error:
                first = first or error
        raise first or OSError("no address")

    def _connect(self, family: int, protocol: int, address: Any, seconds: float | None) -> Any:
        connection = socket.socket(family, socket.SOCK_STREAM, protocol)
        try:
            connection.settimeout(seconds)
            connection.connect(address)
            if self._context is not None:
                # a small second send, such as that behind a handshake, must not wait for the first to be acknowledged
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection = self._context.wrap_socket(
                    connection, server_hostname=self.host, do_handshake_on_connect=False
                )
                connection.do_handshake()
            connection.settimeout(None)
        except BaseException:
            connection.close()
            raise
        return connection


@lru_cache(16)
def origin(url: str, *, tls_verify: bool = True) -> Origin:
    """The origin of `url`; one for all users of a process."""
    return Origin(url, tls_verify=tls_verify)


class Connection:
    """A user's way to a host: one connection, kept between two requests where the server keeps it."""

    __slots__ = ("_idle", "_origin")

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._idle: Any = None

    def request(
        self, method: str, path: str, fields: bytes = b"", body: bytes = b"", kept: int = LARGEST_MESSAGE
    ) -> Answer:
        """Send one request, whose `fields` `head_line` has made, and read its answer. Waits for as long as that takes.

        What keeps an answer from coming is an OSError, HTTPParseError or AnswerTooLarge. A GET is sent once more when a
        connection that was kept turns out to be closed.
        """
        head = self._origin.start(method, path) + fields
        head += b"Content-Length: %d\r\n\r\n" % len(body) if body or method != "GET" else b"\r\n"
        reused = self._take_idle()
        if reused is not None:
            try:
                return self._exchange(reused, head, body, kept)
            except NothingCame:
                if method != "GET":
                    raise
        return self._exchange(self._origin.connect(), head, body, kept)

    def close(self) -> None:
        """Close the connection that is kept, if there is one."""
        if self._idle is not None:
            self._idle.close()
            self._idle = None

    def _take_idle(self) -> Any:
        """The connection that was kept, unless the server has closed it or says something that nobody asked for."""
        connection, self._idle = self._idle, None
        if connection is not None:
            poll = _poll()
            poll.register(connection.fileno(), POLLIN)
            if poll.poll(0):
                connection.close()
                return None
        return connection

    def _exchange(self, connection: Any, head: bytes, body: bytes, kept: int) -> Answer:
        keep = False
        try:
            sent = self._send(connection, head, body)
            answer, keep = read_answer(connection, kept)
            keep = keep and sent
        finally:
            if keep:
                self._idle = connection
            else:
                connection.close()
        return answer

    def _send(self, connection: Any, head: bytes, body: bytes) -> bool:
        """False when the connection broke meanwhile: what came before that may be an answer, such as a 413."""
        try:
            if len(body) < _LARGE:
                head += body
                sent = connection.send(head)
                if sent < len(head):
                    connection.sendall(memoryview(head)[sent:])
            elif self._origin.encrypted:
                connection.sendall(head)
                connection.sendall(body)
            else:
                sent = connection.sendmsg((head, body))
                if sent < len(head):
                    connection.sendall(head[sent:])
                connection.sendall(memoryview(body)[max(0, sent - len(head)) :])
        except _GONE:
            return False
        return True


def fetch(
    url: str, *, seconds: float, fields: bytes = b"", tls_verify: bool = True, kept: int = LARGEST_MESSAGE
) -> Answer:
    """GET `url` once. TimeoutError when the whole of it takes longer than `seconds`; else as Connection.request."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = Connection(origin(f"{parts.scheme}://{parts.netloc}", tls_verify=tls_verify))
    limit = gevent.Timeout(seconds)
    try:
        with limit:
            return connection.request("GET", path, fields, kept=kept)
    except gevent.Timeout as over:
        if over is not limit:
            raise
        raise TimeoutError(f"no whole answer within {seconds:g} s") from None
    finally:
        connection.close()
