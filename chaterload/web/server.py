"""The web UI's HTTP server: gevent's, with a bound on its connections and on how long each may keep it waiting."""

import errno
import logging
import ssl
import time
from typing import Any

import gevent
from gevent import pywsgi
from gevent import ssl as gevent_ssl
from locust.web import WebUI

from chaterload.internals import serve_with

logger = logging.getLogger("locust.web")

MOST_CONNECTIONS = 64
"""At once. A browser has six, Prometheus one. Of slow readers each may hold Locust's report, which is 1.5 MB."""

REQUEST_S = 10.0
"""How long the next request may take to arrive, a TLS handshake included, or its body."""

ANSWER_S = 30.0
"""How long a client may take to read an answer."""

LOCAL_ADDRESS = "chaterload.local_address"
"""The key of a request's environment for the address of this machine that it came to."""

BODY_IS_READ = "chaterload.body_is_read"
"""The key for a function to call once the body has been read, from when on it is us who are slow."""

_BAD_REQUEST = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def bound_connections(web_ui: WebUI) -> None:
    """Let the web UI be served within these bounds; before it is started."""
    # so that the handshake happens under the deadline of the first request, and not before it
    has_tls = web_ui.tls_cert and web_ui.tls_key
    tls = {"ssl_context": _tls_context(web_ui), "do_handshake_on_connect": False} if has_tls else {}
    serve_with(web_ui, lambda: Server((web_ui.host, web_ui.port), web_ui.app, log=None, error_log=logger, **tls))


def _tls_context(web_ui: WebUI) -> ssl.SSLContext:
    context: ssl.SSLContext = gevent_ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert web_ui.tls_cert
    context.load_cert_chain(web_ui.tls_cert, web_ui.tls_key)
    return context


class _Connection:
    """A connection, and since when its client keeps us waiting."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.is_ended = False
        self.wait(REQUEST_S)

    def wait(self, seconds: float) -> None:
        """From now on it is the client's turn, for so many seconds."""
        self.since, self._deadline = time.monotonic(), time.monotonic() + seconds

    def work(self) -> None:
        """From now on it is our turn."""
        self.since = self._deadline = float("inf")

    @property
    def is_overdue(self) -> bool:
        return not self.is_ended and time.monotonic() > self._deadline

    def close(self) -> None:
        """End it under the greenlet that serves it, which finds it ended."""
        self.is_ended = True
        try:
            self._sock.shutdown(2)
        except OSError:  # the client was faster
            logger.debug("A connection had ended already.")


class _Handler(pywsgi.WSGIHandler):  # type: ignore[misc]  # gevent is not typed
    """Serves one connection, and tells its server whose turn it is."""

    # what comes of a connection that was ended under it
    ignored_socket_errors = (*pywsgi.WSGIHandler.ignored_socket_errors, errno.EBADF, errno.ENOTCONN)

    @property
    def _connection(self) -> _Connection:
        connection: _Connection = self.server.connections[self.socket]
        return connection

    def read_requestline(self) -> str:
        self._connection.wait(REQUEST_S)
        line: str = super().read_requestline()
        return line

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        self._connection.wait(REQUEST_S)
        return {
            **environ,
            LOCAL_ADDRESS: str(self.socket.getsockname()[0]),
            BODY_IS_READ: self._connection.work,
        }

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        self._connection.wait(ANSWER_S)
        return super().start_response(status, headers, exc_info)

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes] | None:
        if isinstance(ex, OSError):
            return None  # it is gone, or was ended
        self.log_error("Invalid request: %s", str(ex)[:200])
        return "400", _BAD_REQUEST


class Server(pywsgi.WSGIServer):  # type: ignore[misc]  # gevent is not typed
    """Ends connections whose client is too slow and, when there are too many, the one that has been waited for longest.

    So whoever sends a request is served, however many connections somebody else leaves idle.
    """

    handler_class = _Handler

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.connections: dict[Any, _Connection] = {}
        super().__init__(*args, **kwargs)

    def handle(self, sock: Any, address: Any) -> None:
        self.connections[sock] = _Connection(sock)
        living = [connection for connection in self.connections.values() if not connection.is_ended]
        if len(living) > MOST_CONNECTIONS:
            min(living, key=lambda connection: connection.since).close()
        try:
            super().handle(sock, address)
        finally:
            del self.connections[sock]

    def serve_forever(self, stop_timeout: float | None = None) -> None:
        watch = gevent.spawn(self._end_the_overdue)
        try:
            super().serve_forever(stop_timeout)
        finally:
            watch.kill()

    def _end_the_overdue(self) -> None:
        while True:
            gevent.sleep(1)
            for connection in list(self.connections.values()):
                if connection.is_overdue:
                    connection.close()
