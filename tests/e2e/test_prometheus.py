"""A real Prometheus scrapes the stand-in during a run, and is asked for the platform's own figures."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaterload.standin.process import StandInProcess

from .conftest import Run, credentials, prometheus_of

QUERIES = """
[[query]]
name = "share of scrapes that worked"
promql = 'max(up)'
below = 1.5

[[query]]
name = "requests a second"
promql = 'sum(rate(http_requests_total[5s]))'
below = 0.001

[[query]]
name = "scrapes"
promql = 'count(up)'
no_rising_trend = true

[[query]]
name = "requests so far"
promql = 'sum(http_requests_total)'
no_rising_trend = true

[[query]]
name = "an exporter that is not there"
promql = 'max(kafka_consumergroup_lag)'
no_rising_trend = true

[[query]]
name = "several series"
promql = 'http_requests_total'
below = 1
"""


@pytest.fixture
def prometheus(server: StandInProcess, tmp_path: Path) -> Iterator[str]:
    """The address of a Prometheus that scrapes the stand-in."""
    with prometheus_of(server.host, tmp_path) as address:
        yield address


@pytest.mark.parametrize("server", [["--latency-ms", "300"]], indirect=True)
def test_queries(
    locust: Run, server: StandInProcess, prometheus: str, small_photo: dict[str, str], tmp_path: Path
) -> None:
    """Each query is judged by the run's window and told like the others; slow work is not taken for waiting."""
    (tmp_path / "queries.toml").write_text(QUERIES)
    env = credentials(server) | small_photo | {"TEST_PROMETHEUS_URL": prometheus}
    files = ("--objectives", "queries.toml", "--verdict-json", "verdict.json", "--verdict-html", "verdict.html")
    run = locust("--headless", "-u", "20", "-r", "20", "-t", "13s", *files, env=env)
    output = run.finish()
    result = json.loads((tmp_path / "verdict.json").read_text())
    found = {objective["path"]: objective for objective in result["objectives"]}
    assert {name: objective["state"] for name, objective in found.items()} == {
        "share of scrapes that worked": "met",
        "requests a second": "missed",
        "scrapes": "met",
        "requests so far": "missed",
        "an exporter that is not there": "no_data",
        "several series": "no_data",
    }
    assert found["share of scrapes that worked"]["value"] == 1
    assert found["requests a second"]["value"] == pytest.approx(result["throughput_rps"], rel=0.6)
    assert run.wait() == 3  # what was missed outweighs what had no data
    html = (tmp_path / "verdict.html").read_text()
    text = " ".join(output.split())
    for name in found:
        assert name in text
        assert name in html
    assert "several series: the query has " in output
    assert "requests so far: rise over the run is +" in text

    times = result["analysis"]["server"]["times"]
    assert times, result["analysis"]["server"]
    for time in times:
        assert time["server_ms"] >= 300
        assert time["ours_ms"] < 3 * time["server_ms"]
