"""Attacks on the web UI's connections: idle ones, slow ones, and bodies without end."""

import contextlib
import http.client
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaterload.web import server
from tests.support.waiting import wait_for
from tests.web.conftest import OWN, Make, Site, serving

FAST_S = 0.5
MOST = 8
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /login HTTP/1.1\r\nHost: localhost:8089\r\nOrigin: http://localhost:8089\r\n"


@pytest.fixture
def site(make: Make, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A web UI with few connections and little patience."""
    monkeypatch.setattr(server, "MOST_CONNECTIONS", MOST)
    monkeypatch.setattr(server, "REQUEST_S", FAST_S)
    monkeypatch.setattr(server, "ANSWER_S", FAST_S)
    with serving(make()) as served:
        yield served


def status(site: Site, path: str = "/stats/requests", **headers: str) -> int:
    """What a well-behaved client gets."""
    connection = site.connect()
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"Host": "localhost", **headers})
        return connection.getresponse().status


def connect(site: Site) -> socket.socket:
    return socket.create_connection(("127.0.0.1", site.port), timeout=20)


def is_ended(sock: socket.socket) -> bool:
    """Whether the server ends the connection, waiting for it; an answer may come before."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def drip(sock: socket.socket, text: bytes) -> None:
    """Send a byte at a time, each well before anything could call the connection idle, until it is ended."""
    with contextlib.suppress(OSError):
        for number in range(1000):
            sock.sendall(text[number : number + 1] or b"a")
            time.sleep(FAST_S / 10)
    assert is_ended(sock)


SLOW = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "headers without end": HEAD,
    "a body that does not come": POST + b"Content-Length: 1000\r\n\r\nuser",
    "a chunk that does not come": POST + b"Transfer-Encoding: chunked\r\n\r\n10\r\nabc",
}


@pytest.mark.parametrize("sent", SLOW.values(), ids=SLOW)
def test_a_client_that_falls_silent(site: Site, sent: bytes) -> None:
    """A connection on which the rest of a request does not come is ended, and others are served meanwhile."""
    with connect(site) as sock:
        sock.sendall(sent)
        assert status(site) == 200
        assert is_ended(sock)
    wait_for(lambda: not site.web_ui.server.connections, "no connection")


@pytest.mark.parametrize(
    "start", [b"", HEAD + b"X: ", POST + b"Content-Length: 5000\r\n\r\n"], ids=["a line", "a header", "a body"]
)
def test_a_client_that_drips(site: Site, start: bytes) -> None:
    """A connection on which a request comes byte by byte is ended at the deadline of the whole."""
    began = time.monotonic()
    with connect(site) as sock:
        sock.sendall(start)
        drip(sock, b"GET /")
    assert time.monotonic() - began < 10 * FAST_S + 5


def test_a_client_that_does_not_read(site: Site) -> None:
    """A connection on which an answer is not read is ended at its deadline."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(20)
        sock.connect(("127.0.0.1", site.port))
        sock.sendall(b"GET /stats/report HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20)
        wait_for(lambda: site.web_ui.server.connections, "the connection")
        wait_for(lambda: not site.web_ui.server.connections, "its end")
        assert is_ended(sock)


def test_more_idle_connections_than_there_may_be(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many connections somebody leaves idle, whoever sends a request is served; the oldest are ended."""
    monkeypatch.setattr(server, "REQUEST_S", 60.0)
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(connect(site)) for _ in range(5 * MOST)]
        for _ in range(3):
            assert status(site) == 200
        wait_for(lambda: len(site.web_ui.server.connections) <= MOST, "few connections")
        for sock in idle[: 4 * MOST]:
            assert is_ended(sock)


def test_a_connection_that_is_kept(site: Site) -> None:
    """A client that asks again on one connection is served, as often as it likes."""
    connection = site.connect()
    with contextlib.closing(connection):
        for _ in range(5):
            connection.request("GET", "/stats/requests", headers={"Host": "localhost"})
            answer = connection.getresponse()
            assert answer.status == 200
            answer.read()
            time.sleep(FAST_S / 5)


def test_a_slow_answer_of_ours_is_not_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadlines are the client's: a check that takes longer before a run starts is waited for."""
    import gevent

    monkeypatch.setattr(site.node, "check", lambda *_: gevent.sleep(2.5 * FAST_S + 1))
    connection = site.connect()
    with contextlib.closing(connection):
        connection.request("POST", "/swarm", "user_count=1&spawn_rate=1", OWN | FORM)
        assert connection.getresponse().status == 200


FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def endless(sock: Any, chunked: bool, megabytes: int) -> None:
    """A body of so many megabytes, in one piece or in chunks."""
    piece = b"a" * 2**20
    with contextlib.suppress(OSError):
        for _ in range(megabytes):
            sock.sendall(b"100000\r\n" + piece + b"\r\n" if chunked else piece)
        sock.sendall(b"0\r\n\r\n" if chunked else b"")


@pytest.mark.parametrize(("path", "chunked"), [("/swarm", False), ("/login", True)], ids=["declared", "chunked"])
def test_a_body_of_300_megabytes(make: Make, path: str, chunked: bool) -> None:
    """It is refused with 413, and the process does not grow by it."""
    with serving(make()) as site, connect(site) as sock:
        assert status(site) == 200
        before = psutil.Process().memory_info().rss
        how = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {300 * 2**20}"
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:8089\r\nOrigin: http://localhost:8089\r\n{how}\r\n\r\n"
        sock.sendall(head.encode())
        sender = threading.Thread(target=endless, args=(sock, chunked, 300))
        sender.start()
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        sender.join()
        assert answer.status == 413
        assert psutil.Process().memory_info().rss - before < 30 * 2**20
        assert site.nothing_happened()


INVALID = {
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "a line without end": b"GET /" + b"a" * 20_000,
    "too many headers": HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n",
    "a header without end": HEAD + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
    "a length that is none": POST + b"Content-Length: many\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n",
    "a chunk that is none": POST + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n",
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
}


@pytest.mark.parametrize("sent", INVALID.values(), ids=INVALID)
def test_what_is_no_request(site: Site, sent: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """What is no HTTP is answered with 4xx, without a traceback, and others are served."""
    with connect(site) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(sent)
        with contextlib.suppress(ConnectionError):
            told = sock.recv(100)
            assert told.startswith(b"HTTP/1.1 4"), told
        assert is_ended(sock)
    assert status(site) == 200
    assert "Traceback" not in capfd.readouterr().err


def test_tls(make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Over TLS it serves as well, and a client that never shakes hands is ended like one that never asks."""
    monkeypatch.setattr(server, "REQUEST_S", 2.0)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, "-days", "2"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    context = ssl.create_default_context(cafile=str(cert))
    with serving(make(tls_cert=str(cert), tls_key=str(key))) as site:
        with connect(site) as silent, connect(site) as stranger:
            stranger.sendall(HEAD + b"\r\n")
            connection = http.client.HTTPSConnection("localhost", site.port, timeout=20, context=context)
            with contextlib.closing(connection):
                for origin, expected in (
                    (f"https://localhost:{site.port}", 200),
                    (f"http://localhost:{site.port}", 403),
                ):
                    connection.request("POST", "/stop", headers={"Origin": origin})
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == expected
            assert is_ended(silent)
            assert is_ended(stranger)
        wait_for(lambda: not site.web_ui.server.connections, "no connection")
    assert "Traceback" not in capfd.readouterr().err
