"""What is asked of Prometheus and of the server's own page, and what happens where nobody answers."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import requests

from chaterload.chater.environment import load_settings
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.queries import Query
from chaterload.judge.serverside import compare_sides, read_pages
from chaterload.run.platform import ask_server, query_range, read_metrics
from tests.support.warm import start_stand_in

CPU = Query("CPU", "avg(cpu)", 0.8)
NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_prometheus_away(caplog):
    """Where nobody answers there is no data, and the log says so in a line that names the query."""
    with caplog.at_level(logging.ERROR):
        assert query_range("http://127.0.0.1:9", CPU, NOW, NOW + timedelta(minutes=5)) is None
    assert caplog.messages == ["CPU: Prometheus did not answer the query (ConnectionError)."]


@pytest.mark.parametrize("body", [b"<html>", b"", b"[" * 100_000, b"\xff\xfe", b'{"status":"success"}'])
def test_something_else_answers(body, monkeypatch, caplog):
    """What is no Prometheus gives no data either."""
    response = requests.Response()
    response.status_code, response._content = 200, body
    monkeypatch.setattr(requests, "get", lambda *_, **__: response)
    assert query_range("http://prometheus", CPU, NOW, NOW + timedelta(minutes=5)) is None
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("seconds", "step"), [(0, 1), (12, 1), (300, 1), (301, 2), (7200, 24), (864_000, 2880)])
def test_the_resolution(seconds, step, monkeypatch):
    """A query covers the run at one value a second at most, and in 300 values at most."""
    asked = []

    def get(url, params, timeout, proxies):
        asked.append((url, params, timeout))
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "get", get)
    query_range("http://prometheus/base", CPU, NOW, NOW + timedelta(seconds=seconds))
    ((url, parameters, timeout),) = asked
    assert url == "http://prometheus/base/api/v1/query_range"
    assert (parameters["query"], parameters["step"], timeout) == ("avg(cpu)", step, 10)
    assert parameters["end"] - parameters["start"] == seconds


def test_no_proxy_is_asked(monkeypatch):
    """What the platform says of itself is asked without a proxy, as the load is sent."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with start_stand_in() as server:
        assert read_metrics(server.host, tls_verify=True) is not None
        assert query_range(f"{server.host}/nowhere", CPU, NOW, NOW + timedelta(minutes=5)) is None


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
            requests.get(f"{server.host}/alcohol_latest", timeout=10)
        after = ask_server(server.host, load_settings())
    assert before is None
    assert len(after) == (4 if options else 1)
    ours = Snapshot({Endpoint("GET", "/alcohol_latest"): EndpointStats(80, 80, {}, 800.0)}, 10.0)
    assert compare_sides([{}], read_pages(after), ours).times
