"""What is asked of Prometheus and of the server's own page, and what happens where nobody answers as he should."""

import gzip
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gevent
import pytest

from chaterload.chater.connection import fetch
from chaterload.chater.environment import load_settings
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.queries import Query
from chaterload.judge.serverside import compare_sides, read_pages
from chaterload.run import platform
from chaterload.run.platform import ask_platform, ask_server, query_range, read_metrics
from tests.chater.conftest import Peer, Script, endless, peer, say
from tests.support.warm import start_stand_in

__all__ = ["peer"]

CPU = Query("CPU", "avg(cpu)", 0.8)
NOW = datetime(2026, 11, 25, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)


def whole(body: bytes, *lines: bytes) -> bytes:
    return b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: %d" % len(body), b"", body])


def test_prometheus_away(caplog):
    """Where nobody answers there is no data, and the log says so in a line that names the query."""
    with caplog.at_level(logging.ERROR):
        assert query_range("http://127.0.0.1:9", CPU, NOW, LATER) is None
    assert caplog.messages == ["CPU: Prometheus did not answer the query (ConnectionRefusedError)."]


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b"\xff\xfe", b'{"status":"success"}'])
def test_something_else_answers(peer: Peer, body: bytes, caplog):
    """What is no Prometheus gives no data either."""
    peer.script = say(whole(body))
    assert query_range(peer.host, CPU, NOW, LATER) is None
    assert len(caplog.messages) == 1


def test_the_reason_of_a_refusal(peer: Peer, caplog):
    """What Prometheus says of a query that it refuses is shown as text: nothing in it moves a terminal's cursor."""
    error = "unknown\x1b[2J function\r\nVerdict: PASS\u202e" + "x" * 1000
    peer.script = say(whole(json.dumps({"status": "error", "error": error}).encode()))
    assert query_range(peer.host, CPU, NOW, LATER) is None
    (message,) = caplog.messages
    assert message.startswith("CPU: Prometheus refused the query: unknown�[2J function��Verdict: PASS�xxx")
    assert len(message) < 400


@pytest.mark.parametrize(("seconds", "step"), [(0, 1), (12, 1), (300, 1), (301, 2), (7200, 24), (864_000, 2880)])
def test_the_resolution(peer: Peer, seconds: int, step: int):
    """A query covers the run at one value a second at most, and in 300 values at most."""
    query_range(f"{peer.host}/base", CPU, NOW, NOW + timedelta(seconds=seconds))
    address = urlsplit(peer.heads[0].split()[1].decode())
    asked = {name: values[0] for name, values in parse_qs(address.query).items()}
    assert address.path == "/base/api/v1/query_range"
    assert (asked["query"], float(asked["step"])) == ("avg(cpu)", step)
    assert float(asked["end"]) - float(asked["start"]) == seconds


def test_nothing_of_the_users_goes_along(peer: Peer, monkeypatch, tmp_path):
    """What the platform says of itself is asked without a proxy, as the load is sent, and without a password."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    peer.script = say(whole(b"a 1\n"))
    assert read_metrics(peer.host, tls_verify=True) == "a 1\n"
    query_range(peer.host, CPU, NOW, LATER)
    assert len(peer.heads) == 2
    assert not any(b"authorization" in head.lower() for head in peer.heads)


def test_reading_a_page():
    """The stand-in's page is read over HTTP; a server without one, and no server at all, are no page."""
    with start_stand_in() as server:
        assert ask_server(server.host, load_settings()) == [""]  # nothing asked yet
        assert ask_server(f"{server.host}/nowhere", load_settings()) == []
    assert ask_server(server.host, load_settings()) == []


@pytest.mark.parametrize("options", [(), ("--mode", "per-worker-metrics")], ids=["one process", "four workers"])
def test_the_pages_of_all_workers(options):
    """Where each worker has its own page all are found, and their sum is that of the requests."""
    with start_stand_in(options) as server:
        before = read_pages(ask_server(server.host, load_settings()))
        for _ in range(80):
            fetch(f"{server.host}/alcohol_latest", seconds=10)
        after = ask_server(server.host, load_settings())
    assert before is None
    assert len(set(after)) == (4 if options else 1)
    ours = Snapshot({Endpoint("GET", "/alcohol_latest"): EndpointStats(80, 80, {}, 800.0)}, 10.0)
    assert compare_sides([{}], read_pages(after), ours).times


def trickle(connection: Any) -> None:
    """A byte now and then, for ever."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b"#")
        gevent.sleep(0.02)


ATTACKS: dict[str, Script] = {
    "a byte now and then": trickle,
    "silence": lambda _: gevent.sleep(60),
    "a page without end": endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a 1\n"),
    "a large page": say(whole(b"a 1\n" * 1_000_000)),
}
BOMB = "gzip of 200 MB"
"""Takes a second to make: not while tests are collected."""


def bomb() -> bytes:
    return whole(gzip.compress(b"\0" * (200 << 20), 1), b"Content-Encoding: gzip")


@pytest.mark.parametrize("name", [*ATTACKS, BOMB])
def test_an_answer_that_would_never_end(peer: Peer, name: str, monkeypatch):
    """Whatever is sent, both questions end within their time and without data; several queries take no longer."""
    monkeypatch.setattr(platform, "METRICS_TIMEOUT_S", 0.5)
    monkeypatch.setattr(platform, "PROMETHEUS_TIMEOUT_S", 0.5)
    peer.script = say(bomb()) if name == BOMB else ATTACKS[name]
    began = time.monotonic()
    assert read_metrics(peer.host, tls_verify=True) is None
    settings: Any = SimpleNamespace(prometheus_url=peer.host)
    judge: Any = SimpleNamespace(queries=[CPU] * 20)
    run: Any = SimpleNamespace(start=NOW, end=LATER)
    assert ask_platform(settings, judge, run) == [(CPU, None)] * 20
    assert time.monotonic() - began < 5
