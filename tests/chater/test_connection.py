"""The client below every request of ours: what it sends, what it makes of answers of every kind, and its bounds."""

import gc
import gzip
import socket
import ssl
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import brotli
import gevent
import gevent.socket
import gevent.ssl
import pytest
from geventhttpclient.connectionpool import SSLConnectionPool
from locust.contrib.fasthttp import FastHttpSession
from locust.event import EventHook

from chaterload.chater import connection as connection_module
from chaterload.chater import reader
from chaterload.chater.answers import AnswerTooLarge, judge, judge_connection
from chaterload.chater.connection import WIRE_ERRORS, Connection, fetch, origin
from chaterload.chater.kinds import FailureKind
from chaterload.chater.reader import NothingCame
from chaterload.chater.routes import RECOMMENDATION
from chaterload.chater.wire import head_line
from proto.get_recomendation_pb2 import RecommendationResponse
from tests.chater.conftest import KEEP, Peer, Script, endless, reset_after, say

GOOD = "good"
BODY = RecommendationResponse(recommendation="Eat more greens.").SerializeToString()
BIG = RecommendationResponse(recommendation="x" * 300_000).SerializeToString()


def head(*lines: str, length: int | None = None, status: str = "HTTP/1.1 200 OK") -> bytes:
    """The head of an answer of protobuf."""
    told = [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join([status, "Content-Type: application/protobuf", *told, *lines, "", ""]).encode("latin-1")


def whole(body: bytes = BODY, *lines: str) -> bytes:
    return head(*lines, length=len(body)) + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


def ours(host: str, body: bytes = b"{}", *, tls_verify: bool = True) -> str:
    """How a request of ours is judged."""
    connection = Connection(origin(host, tls_verify=tls_verify))
    try:
        with gevent.Timeout(20):
            answer = connection.request("POST", RECOMMENDATION.path, b"", body)
    except WIRE_ERRORS as error:
        return judge_connection(error).title
    finally:
        connection.close()
    return judged(answer.status_code, answer.content_type, answer.content)


def fast_http_users(host: str, body: bytes = b"{}", *, tls_verify: bool = True) -> str:
    """How the same request of FastHttpUser's is judged, or what it raises."""
    session = FastHttpSession(
        host, EventHook(), None, insecure=not tls_verify, network_timeout=20, connection_timeout=20, concurrency=1
    )
    session.client.valid_response_codes = range(1000)  # type: ignore[misc,assignment]
    try:
        response: Any = session.request(
            "POST",
            RECOMMENDATION.path,
            data=body,  # type: ignore[arg-type]  # it takes bytes
            catch_response=True,
            allow_redirects=False,
        )
    except Exception as failure:
        return f"raises {type(failure).__name__}"
    finally:
        session.client.close()
    error = response.request_meta["exception"] or getattr(response, "error", None)
    if error is not None:
        return judge_connection(error).title
    told = response.headers.get("content-type")
    return judged(response.status_code, told[0] if isinstance(told, list) else told, response.content)


def judged(status: int, content_type: str | None, body: bytes | None) -> str:
    result = judge(status, content_type, body, RECOMMENDATION.expected)
    return result.title if isinstance(result, FailureKind) else GOOD


BROKEN, UNDECODABLE = FailureKind.CONNECTION_BROKEN.title, FailureKind.UNDECODABLE.title
TOO_LARGE, WRONG_TYPE = FailureKind.TOO_LARGE.title, FailureKind.WRONG_CONTENT_TYPE.title


@dataclass
class Case:
    """An answer, how we judge it, and FastHttpUser where it differs."""

    script: Script
    judgement: str
    fast_http_users: str = ""
    reason: str = ""
    """Why ours is the better one."""


def case(*parts: bytes, judgement: str = GOOD, pause: float = 0.0, other: str = "", reason: str = "") -> Case:
    return Case(say(*parts, pause=pause), judgement, other, reason)


def early_413(connection: Any) -> None:
    """Refuses before it has read, and breaks the connection off while the other side sends."""
    connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


EVERY_KIND: dict[str, Case] = {
    "whole": case(whole()),
    "empty": case(whole(b"")),
    "head and body apart": case(head(length=len(BODY)), BODY, pause=0.05),
    "trickled": case(*(bytes([byte]) for byte in whole()), pause=0.002),
    "300 kB": case(whole(BIG)),
    "1 MiB and a byte": case(
        whole(b"\x0a\x80\x80\x40" + b"x" * (1 << 20)),
        judgement=UNDECODABLE,
        other=GOOD,
        reason="no answer of Chater UI's is that large, and decoding it would stop all users",
    ),
    "50 MB": case(whole(b"\0" * 50_000_000), judgement=UNDECODABLE),
    "cut in the head": case(whole()[:30], judgement=BROKEN),
    "cut behind the head": case(head(length=5), judgement=BROKEN),
    "cut in the body": case(whole()[:-3], judgement=BROKEN),
    "reset in the head": Case(reset_after(whole()[:30]), BROKEN),
    "reset in the body": Case(reset_after(whole()[:-3]), BROKEN),
    "reset at once": Case(reset_after(b""), BROKEN),
    "closed without a byte": case(judgement=BROKEN),
    "early 413": Case(early_413, FailureKind.REQUEST_REFUSED.title),
    "chunked": case(head("Transfer-Encoding: chunked") + chunked(BODY[:3], BODY[3:])),
    "chunked, in pieces": case(head("Transfer-Encoding: chunked"), chunked(BODY)[:7], chunked(BODY)[7:], pause=0.02),
    "chunked with trailers": case(head("Transfer-Encoding: chunked") + chunked(BODY)[:-2] + b"X-Sum: 1\r\n\r\n"),
    "chunked, cut": case(head("Transfer-Encoding: chunked") + chunked(BODY)[:-4], judgement=BROKEN),
    "chunked, wrong": case(head("Transfer-Encoding: chunked") + b"xyz\r\n", judgement=BROKEN),
    "chunked and with a length": case(head("Transfer-Encoding: chunked", length=5) + chunked(BODY), judgement=BROKEN),
    "ended by the connection's end": case(head("Connection: close") + BODY),
    "HTTP/1.0": case(head(status="HTTP/1.0 200 OK") + BODY),
    "HTTP/1.0 with a length": case(head(length=len(BODY), status="HTTP/1.0 200 OK") + BODY),
    "HTTP/2.0": case(head(length=len(BODY), status="HTTP/2.0 200 OK") + BODY),
    "100 first": case(b"HTTP/1.1 100 Continue\r\n\r\n" + whole()),
    "100, later the rest": case(b"HTTP/1.1 100 Continue\r\n\r\n", whole(), pause=0.05),
    "103 first": case(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + whole()),
    "100 and nothing": case(b"HTTP/1.1 100 Continue\r\n\r\n", judgement=BROKEN),
    "eleven times 100": case(
        b"HTTP/1.1 100 Continue\r\n\r\n" * 11 + whole(),
        judgement=TOO_LARGE,
        other=GOOD,
        reason="ten are more than anybody needs, and without a bound they never end",
    ),
    "101": case(b"HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", judgement=BROKEN),
    "204": case(b"HTTP/1.1 204 No Content\r\n\r\n", judgement=FailureKind.UNEXPECTED_STATUS.title),
    "204 with a body": case(b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok", judgement=BROKEN),
    "304": case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", judgement=FailureKind.REDIRECTED.title),
    "without a phrase": case(head(length=len(BODY), status="HTTP/1.1 200") + BODY),
    "a strange phrase": case(head(length=len(BODY), status="HTTP/1.1 200 D\xe9j\xe0 vu") + BODY),
    "status 99": case(head(length=0, status="HTTP/1.1 099 Odd"), judgement=BROKEN),
    "status 999": case(head(length=0, status="HTTP/1.1 999 Odd"), judgement=FailureKind.UNEXPECTED_STATUS.title),
    "length twice, the same": case(head("Content-Length: 18", length=18) + BODY, judgement=BROKEN),
    "length twice, different": case(head("Content-Length: 3", length=18) + BODY, judgement=BROKEN),
    "two lengths in one line": case(head("Content-Length: 18, 18") + BODY, judgement=BROKEN),
    "longer than told": case(head(length=3) + BODY, judgement=BROKEN),
    "shorter than told": case(head(length=99) + BODY, judgement=BROKEN),
    "a negative length": case(head(length=-1) + BODY, judgement=BROKEN),
    "a length with a plus": case(head("Content-Length: +18") + BODY, judgement=BROKEN),
    "a length of 30 digits": case(head("Content-Length: " + "9" * 30), judgement=BROKEN),
    "an empty length": case(head("Content-Length:") + BODY, judgement=BROKEN),
    "a length with spaces": case(head(f"Content-Length:   {len(BODY)} \t") + BODY),
    "two answers at once": case(
        whole() * 2,
        judgement=BROKEN,
        other=GOOD,
        reason="FastHttpUser takes both bodies for one, under the last status",
    ),
    "bare LF": case(whole().replace(b"\r\n", b"\n"), judgement=BROKEN),
    "bare LF in one line": case(head("A: b\nC: d", length=len(BODY)) + BODY, judgement=BROKEN),
    "NUL in a header": case(head("A: \0", length=len(BODY)) + BODY, judgement=BROKEN),
    "a space before the colon": case(head("A : b", length=len(BODY)) + BODY, judgement=BROKEN),
    "a line without a colon": case(head("nonsense", length=len(BODY)) + BODY, judgement=BROKEN),
    "garbage": case(b"\x16\x03\x01 this is no HTTP \xff\xfe\r\n\r\n", judgement=BROKEN),
    "status 000": case(whole().replace(b" 200 ", b" 000 ", 1), judgement=BROKEN),
    "a page of HTML alone": case(b"<html>\r\n\r\n</html>", judgement=BROKEN),
    "a header of 70 kB": case(
        head("X: " + "y" * 70_000, length=len(BODY)) + BODY,
        judgement=TOO_LARGE,
        other=GOOD,
        reason="a head is bounded; nginx and gunicorn stop at a tenth of it",
    ),
    "a head of 60 kB": case(head(*(f"X-{n}: {'y' * 100}" for n in range(550)), length=len(BODY)) + BODY),
    "header twice": case(head("Set-Cookie: a=b", "Set-Cookie: c=d", length=len(BODY)) + BODY),
    "type twice": case(head("Content-Type: text/html", length=len(BODY)) + BODY),
    "another type": case(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi", judgement=WRONG_TYPE
    ),
    "no type": case(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", judgement=WRONG_TYPE),
    "names in capitals": case(whole().replace(b"Content-", b"CONTENT-")),
    "folded header": case(head("X: a\r\n b", length=len(BODY)) + BODY, judgement=BROKEN),
    "gzip": case(whole(gzip.compress(BODY), "Content-Encoding: gzip")),
    "GZIP": case(whole(gzip.compress(BODY), "Content-Encoding: GZIP")),
    "gzip of two members": case(
        whole(gzip.compress(BODY[:2]) + gzip.compress(BODY[2:]), "Content-Encoding: gzip"),
        other=UNDECODABLE,
        reason="FastHttpUser reads the first member alone",
    ),
    "gzip of members without end": case(
        whole(gzip.compress(b"") * 2000 + gzip.compress(BODY), "Content-Encoding: gzip"),
        judgement=UNDECODABLE,
        other=GOOD,
        reason="FastHttpUser reads the first member alone, which is empty",
    ),
    "gzip and more behind it": case(whole(gzip.compress(BODY) + bytes(8), "Content-Encoding: gzip")),
    "gzip of 300 kB": case(whole(gzip.compress(BIG), "Content-Encoding: gzip")),
    "gzip, chunked": case(
        head("Content-Encoding: gzip", "Transfer-Encoding: chunked")
        + chunked(*(bytes([b]) for b in gzip.compress(BODY)))
    ),
    "no gzip": case(
        whole(b"no gzip", "Content-Encoding: gzip"),
        judgement=UNDECODABLE,
        other=BROKEN,
        reason="the connection is as it should be",
    ),
    "gzip, cut": case(
        whole(gzip.compress(BODY)[:-9], "Content-Encoding: gzip"),
        judgement=UNDECODABLE,
        other=BROKEN,
        reason="the connection is as it should be",
    ),
    "gzip of nothing": case(
        whole(b"", "Content-Encoding: gzip"),
        judgement=UNDECODABLE,
        other=BROKEN,
        reason="the connection is as it should be",
    ),
    "deflate": case(whole(zlib.compress(BODY), "Content-Encoding: deflate")),
    "deflate without a frame": case(whole(zlib.compress(BODY, wbits=-15), "Content-Encoding: deflate")),
    "deflate, trickled": case(
        *(bytes([byte]) for byte in whole(zlib.compress(BODY), "Content-Encoding: deflate")), pause=0.001
    ),
    "no deflate": case(
        whole(b"\xff\xff\xff", "Content-Encoding: deflate"),
        judgement=UNDECODABLE,
        other=BROKEN,
        reason="the connection is as it should be",
    ),
    "br": case(whole(brotli.compress(BODY), "Content-Encoding: br")),
    "br of 300 kB": case(whole(brotli.compress(BIG), "Content-Encoding: br")),
    "no br": case(
        whole(b"no brotli", "Content-Encoding: br"),
        judgement=UNDECODABLE,
        other="raises error",
        reason="FastHttpUser ends the user's task",
    ),
    "br, cut": case(
        whole(brotli.compress(BODY)[:-3], "Content-Encoding: br"),
        judgement=UNDECODABLE,
        other="raises error",
        reason="FastHttpUser ends the user's task",
    ),
    "identity": case(whole(BODY, "Content-Encoding: identity")),
    "unknown coding": case(
        whole(BODY, "Content-Encoding: sdch"),
        judgement=UNDECODABLE,
        other="raises ValueError",
        reason="FastHttpUser ends the user's task",
    ),
    "two codings": case(
        whole(gzip.compress(brotli.compress(BODY)), "Content-Encoding: br, gzip"),
        judgement=UNDECODABLE,
        other="raises ValueError",
        reason="FastHttpUser ends the user's task",
    ),
    "an error in an unknown coding": case(
        b"HTTP/1.1 500 Oops\r\nContent-Encoding: x\r\nContent-Length: 2\r\n\r\nno",
        judgement=FailureKind.SERVER_ERROR.title,
        other="raises ValueError",
        reason="FastHttpUser ends the user's task",
    ),
    "redirect": case(
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        judgement=FailureKind.REDIRECTED.title,
    ),
    "401": case(
        b'HTTP/1.1 401 No\r\nContent-Length: 30\r\n\r\n{"message":"Token is missing"}',
        judgement=FailureKind.TOKEN_MISSING.title,
    ),
}


@pytest.mark.parametrize("name", EVERY_KIND)
def test_answers_of_every_kind(peer: Peer, name: str) -> None:
    """Each answer is judged as FastHttpUser's would be, or better for a reason that is told."""
    expected = EVERY_KIND[name]
    peer.script = expected.script
    peer.reads_bodies = name != "early 413"
    body = b"{}" if peer.reads_bodies else b"p" * 8_000_000
    assert ours(peer.host, body) == expected.judgement
    assert fast_http_users(peer.host, body) == (expected.fast_http_users or expected.judgement)
    assert bool(expected.fast_http_users) == bool(expected.reason)


def test_nobody_listens(peer: Peer) -> None:
    """A closed port is a refused connection for both."""
    peer.close()
    assert ours(peer.host) == fast_http_users(peer.host) == FailureKind.CONNECTION_REFUSED.title


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown name is told as such by both."""

    def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(gevent.get_hub().resolver, "getaddrinfo", fail)
    assert ours("http://nowhere.test") == fast_http_users("http://nowhere.test") == FailureKind.UNKNOWN_HOST.title


def test_ipv6() -> None:
    """An IPv6 address works, and is named in brackets."""
    peer = Peer("::1")
    peer.script = say(whole())
    assert ours(peer.host) == fast_http_users(peer.host) == GOOD
    assert all(f"\r\nHost: [::1]:{peer.port}\r\n".encode() in sent for sent in peer.heads)
    peer.close()


def addresses(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int]) -> None:
    """Have each name stand for these addresses."""
    answer = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in found]
    monkeypatch.setattr(gevent.get_hub().resolver, "getaddrinfo", lambda *_: answer)


@pytest.fixture
def refusing() -> tuple[str, int]:
    """An address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.2", 0))
        address: tuple[str, int] = unused.getsockname()
    return address


def test_a_name_with_a_dead_address(peer: Peer, monkeypatch: pytest.MonkeyPatch, refusing: tuple[str, int]) -> None:
    """Where the first of two addresses refuses, the second is asked; where both do, that is told."""
    peer.script = say(whole())
    addresses(monkeypatch, refusing, ("127.0.0.1", peer.port))
    assert ours("http://two.test") == fast_http_users("http://two.test") == GOOD
    addresses(monkeypatch, refusing, refusing)
    assert ours("http://two.test") == fast_http_users("http://two.test") == FailureKind.CONNECTION_REFUSED.title


def test_a_name_with_a_silent_address(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that does not even refuse is given up for the next one."""
    monkeypatch.setattr(connection_module, "ADDRESS_S", 0.2)
    peer.script = say(whole())
    with socket.create_server(("127.0.0.2", 0), backlog=0) as full:
        crowd = [socket.socket() for _ in range(4)]
        for one in crowd:  # more than the backlog holds: whoever comes now is not answered
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        addresses(monkeypatch, full.getsockname(), ("127.0.0.1", peer.port))
        assert ours("http://two.test") == GOOD
        for one in crowd:
            one.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=test"),
            *("-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def tls(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Peer]:
    """A server that speaks TLS, in a process that is patched for it as Locust patches its own."""
    monkeypatch.setattr(ssl, "SSLContext", gevent.ssl.SSLContext)
    origin.cache_clear()
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    peer = Peer(context=context)
    yield peer
    peer.close()
    origin.cache_clear()


def test_a_certificate_that_nobody_vouches_for(tls: Peer) -> None:
    """Nothing is sent to a server whose certificate is not trusted, unless the setting says so."""
    tls.script = say(whole())
    assert ours(tls.host) == fast_http_users(tls.host) == FailureKind.TLS.title
    assert not tls.heads
    assert ours(tls.host, tls_verify=False) == fast_http_users(tls.host, tls_verify=False) == GOOD


def test_a_certificate_that_is_trusted(
    tls: Peer, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trusted certificate works for the address that it names and for no other, with small bodies and large ones."""
    monkeypatch.setitem(SSLConnectionPool.default_options, "ca_certs", str(certificate[0]))

    tls.script = say(whole(BIG))
    assert ours(tls.host) == ours(tls.host, b"p" * 500_000) == fast_http_users(tls.host) == GOOD
    other = tls.host.replace("127.0.0.1", "localhost")
    assert ours(other) == fast_http_users(other) == FailureKind.TLS.title


def test_tls_to_a_port_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that speaks no TLS is told as such."""
    monkeypatch.setattr(ssl, "SSLContext", gevent.ssl.SSLContext)
    with gevent.socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def speak() -> None:
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(whole())

        speaking = gevent.spawn(speak)
        host = f"https://127.0.0.1:{listener.getsockname()[1]}"
        assert ours(host) == fast_http_users(host) == FailureKind.TLS.title
        speaking.kill()
    gevent.sleep(0.001)  # gevent closes in its hub's next turn


# --- what is sent


def test_what_is_sent(peer: Peer) -> None:
    """A request is its line, its host, what the account says and its length, and the body byte for byte."""
    received = bytearray()

    def keep_body(connection: Any) -> None:
        length = int(peer.heads[-1].rpartition(b"Content-Length: ")[2].split(b"\r\n")[0])
        while len(received) < length:
            received.extend(connection.recv(65536))
        connection.sendall(whole())

    peer.script, peer.reads_bodies = keep_body, False
    fields = head_line("Content-Type", "application/protobuf") + head_line("Authorization", "Bearer t")
    for body in (b"", b"small", bytes(range(256)) * 20_000):
        received.clear()
        connection = Connection(origin(f"{peer.host}/under/"))
        connection.request("POST", "/a?b=c", fields, body)
        connection.close()
        assert bytes(received) == body
        assert peer.heads[-1] == (
            b"POST /under/a?b=c HTTP/1.1\r\n"
            b"Host: 127.0.0.1:%d\r\n"
            b"User-Agent: chater-load-test/1.0.0\r\n"
            b"Accept-Encoding: gzip, deflate, br\r\n"
            b"Content-Type: application/protobuf\r\n"
            b"Authorization: Bearer t\r\n"
            b"Content-Length: %d\r\n\r\n" % (peer.port, len(body))
        )
    peer.script = say(whole())
    fetch(f"{peer.host}/a", seconds=10)
    assert b"Content-Length" not in peer.heads[-1]


@pytest.mark.parametrize("value", ["a\r\nX: b", "a\nX: b", "a\rb", "a\0b", "a\x7fb", "ä€"])
def test_no_header_can_be_injected(value: str) -> None:
    """A value that would be more than one header's is refused, and not told: it may be a secret."""
    with pytest.raises(ValueError, match="characters") as refused:
        head_line("Authorization", value)
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    "path", ["/a b", "/a\r\nX: b", "/a HTTP/1.1\r\nX: b\r\n", "no/slash", "http://other.test/", "/ä", "", "/\0"]
)
def test_no_line_can_be_injected(path: str) -> None:
    """What is no path is refused before anything is sent."""
    with pytest.raises(ValueError, match="not a method and a path"):
        Connection(origin("http://127.0.0.1:9")).request("GET", path)


@pytest.mark.parametrize("url", ["ftp://h", "h:80", "", "http://", "http://h:port", "http://h:99999"])
def test_what_is_no_base_url(url: str) -> None:
    """A base URL that cannot be asked is refused."""
    with pytest.raises(ValueError):  # noqa: PT011  # urlsplit's own words are among them
        origin(url)


def test_no_proxy_and_no_netrc(peer: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What other clients read from the environment and the home folder changes nothing."""
    peer.script = say(whole())
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(f"{peer.host}/a?b", seconds=10).content == BODY
    assert peer.heads[-1].startswith(b"GET /a?b HTTP/1.1\r\n")
    assert b"Authorization" not in peer.heads[-1]


# --- connections that are kept


def keep(connection: Any) -> Any:
    """Answer and wait for another request."""
    connection.sendall(whole())
    return KEEP


def test_a_connection_is_kept(peer: Peer) -> None:
    """Requests follow one another on one connection while the server keeps it, and each has its own otherwise."""
    peer.script = keep
    connection = Connection(origin(peer.host))
    for _ in range(3):
        assert connection.request("POST", "/a", b"", b"x").content == BODY
    assert (peer.connections, len(peer.heads)) == (1, 3)
    peer.script = say(whole(BODY, "Connection: close"))
    for _ in range(3):
        assert connection.request("POST", "/a", b"", b"x").content == BODY
    assert peer.connections == 3
    connection.close()


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_idle_connection_that_the_server_closed(peer: Peer, method: str) -> None:
    """An idle connection is looked at before it is used again: what was closed meanwhile costs no request."""
    peer.script = say(whole())  # it says nothing of closing
    connection = Connection(origin(peer.host))
    for number in range(1, 4):
        assert connection.request(method, "/a").content == BODY
        gevent.sleep(0.05)
        assert len(peer.heads) == number
    connection.close()


def test_an_idle_connection_on_which_something_came(peer: Peer) -> None:
    """Bytes that nobody asked for are not the next request's answer."""

    def too_much(connection: Any) -> Any:
        connection.sendall(whole())
        gevent.sleep(0.02)
        connection.sendall(whole(b""))
        return KEEP

    peer.script = too_much
    connection = Connection(origin(peer.host))
    for _ in range(2):
        assert connection.request("POST", "/a").content == BODY
        gevent.sleep(0.05)
    assert peer.connections == 2
    connection.close()


def drop_the_second(peer: Peer, reset: bool) -> Script:
    """Answer the first request of each connection, and close it when the second has come."""
    asked: set[int] = set()

    def script(connection: Any) -> Any:
        if id(connection) not in asked:
            asked.add(id(connection))
            connection.sendall(whole())
            return KEEP
        return reset_after(b"")(connection) if reset else None

    return script


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_closes_under_a_request(peer: Peer, reset: bool) -> None:
    """A GET is sent once more on a new connection; a POST, which may have been done, is a failure."""
    peer.script = drop_the_second(peer, reset)
    connection = Connection(origin(peer.host))
    connection.request("POST", "/first")
    assert connection.request("GET", "/again").content == BODY
    assert [sent.split()[1] for sent in peer.heads] == [b"/first", b"/again", b"/again"]
    with pytest.raises(NothingCame):
        connection.request("POST", "/once")
    assert [sent.split()[1] for sent in peer.heads].count(b"/once") == 1
    connection.close()


def test_a_get_on_a_new_connection_is_not_repeated(peer: Peer) -> None:
    """A server that closes every connection is asked once."""
    peer.script = say()
    with pytest.raises(NothingCame):
        Connection(origin(peer.host)).request("GET", "/a")
    assert len(peer.heads) == 1


def test_a_connection_that_was_cut_off_is_not_used_again(peer: Peer) -> None:
    """Whoever stops waiting leaves no half-read answer to the next request."""
    peer.script = say(head(length=99), pause=30)
    connection = Connection(origin(peer.host))
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
        connection.request("GET", "/a")
    peer.script = keep
    assert connection.request("GET", "/b").content == BODY
    connection.close()


# --- bounds


CHUNKED = head("Transfer-Encoding: chunked")
ATTACKS: dict[str, Script] = {
    "one-byte chunks": endless(CHUNKED, b"1\r\nx\r\n"),
    "empty lines": endless(b"", b"\r\n"),
    "headers": endless(b"HTTP/1.1 200 OK\r\n", b"a:\r\n"),
    "one header": endless(b"HTTP/1.1 200 OK\r\nX: ", b"y"),
    "a phrase": endless(b"HTTP/1.1 200 ", b"y"),
    "the same header": endless(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: a\r\n"),
    "100 Continue": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body to the connection's end": endless(head(), b"z"),
    "a body of a long length": endless(head(length=900_000_000), b"z"),
    "a chunk": endless(CHUNKED + b"fffffff\r\n", b"z"),
    "a chunk's extension": endless(CHUNKED + b"1;", b"e"),
    "trailers": endless(CHUNKED + b"0\r\n", b"a: b\r\n"),
    "one trailer": endless(CHUNKED + b"0\r\nX: ", b"b"),
    "zeros without gzip's head": endless(head("Content-Encoding: gzip"), b"\0"),
}


def gzip_bomb() -> bytes:
    return gzip.compress(b"\0" * (200 << 20), compresslevel=1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: whole(gzip_bomb(), "Content-Encoding: gzip"),
    "gzip, chunked": lambda: head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + chunked(gzip_bomb()),
    "br": lambda: whole(brotli.compress(b"\0" * (200 << 20), quality=1), "Content-Encoding: br"),
    "deflate": lambda: whole(zlib.compress(b"\0" * (200 << 20), 1), "Content-Encoding: deflate"),
}
"""Answers, which take a second to make: not while tests are collected."""


class Clockwork:
    """Wakes a hundred times a second, and knows for how much of the process's CPU time it slept at most: others use
    the machine too."""

    def __init__(self) -> None:
        gc.disable()  # it takes its time for all that the tests have loaded
        self._woke = time.process_time()
        self._longest_s = 0.0
        self._ticking = gevent.spawn(self._tick)

    def _tick(self) -> None:
        while True:
            gevent.sleep(0.01)
            self._look()

    def _look(self) -> None:
        now = time.process_time()
        self._longest_s, self._woke = max(self._longest_s, now - self._woke), now

    def stop(self) -> float:
        """The longest sleep, in seconds of CPU time."""
        self._look()
        gc.enable()
        self._ticking.kill()
        return self._longest_s


@pytest.mark.parametrize("name", [*ATTACKS, *BOMBS])
def test_an_answer_without_end_is_cut_off(peer: Peer, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a server sends, at full speed: the answer is cut off, and others go on meanwhile."""
    if name == "one-byte chunks":  # 64 MiB of them take ten seconds
        monkeypatch.setattr(reader, "BODY_LIMIT", 4 << 20)
    peer.script = say(BOMBS[name]()) if name in BOMBS else ATTACKS[name]
    connection = Connection(origin(peer.host))
    clockwork = Clockwork()
    with pytest.raises(AnswerTooLarge), gevent.Timeout(60):
        connection.request("GET", "/a")
    longest_s = clockwork.stop()
    assert longest_s < 0.05
