"""What is asked of Prometheus and of the server's own page, and what happens where nobody answers."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import requests

from chaterload.judge.queries import Query
from chaterload.judge.serverside import parse_metrics
from chaterload.run.platform import query_range, read_metrics
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
        page = read_metrics(server.host, tls_verify=True)
        assert page is not None
        assert parse_metrics(page) is None  # nothing asked yet
        assert read_metrics(f"{server.host}/nowhere", tls_verify=True) is None
    assert read_metrics(server.host, tls_verify=True) is None
