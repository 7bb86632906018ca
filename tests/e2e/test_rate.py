"""Load by arrivals in real runs: one process, workers of which one is killed, and the search by rate."""

import json
import signal
from pathlib import Path

import pytest

from chaterload.standin.process import StandInProcess

from .conftest import Cluster, Run, credentials, requests_seen, wait_for

ONE_REQUEST = ("--headless", "--tags", "language", "custom_date", "--verdict-json", "verdict.json")


def verdict(folder: Path):
    return json.loads((folder / "verdict.json").read_text())


def test_a_run_by_rate(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """The whole mix at 40 requests per second: each one counted once, as many as were asked for, by a small pool.

    How many come in so short a time is chance, and a busy machine's doing: the bounds are wide.
    """
    arguments = ("--headless", "--verdict-json", "verdict.json", "--rate", "2400/m", "--run-time", "12s")
    process = locust(*arguments, env=credentials(server) | small_photo)
    output = process.finish()
    result = verdict(process.folder)
    assert result["exit_code"] == process.wait(), output
    rate = result["rate"]
    assert rate["asked_rps"] == pytest.approx(40, rel=0.02)
    assert rate["reached_rps"] == result["throughput_rps"]
    assert 25 < rate["reached_rps"] < 50, output
    assert 0 < rate["arrivals"]["arrivals"] < result["requests"]
    assert result["run"]["users"] < 100
    assert "Arrivals    asked 40" in output


def test_shares_on_workers(locust: Run, server: StandInProcess) -> None:
    """When one of two workers is killed, the other makes the whole rate; the run is invalid all the same."""
    options = (*ONE_REQUEST, "--rate", "40", "--enable-rebalancing")
    cluster = Cluster(locust, 2, *options, env=credentials(server))
    wait_for(lambda: requests_seen(server) > 60, "both workers' requests")
    cluster.workers[0].send(signal.SIGKILL)
    cluster.master.says("was lost during the run")
    before = requests_seen(server)
    wait_for(lambda: requests_seen(server) > before + 200, "the rate of both by one")
    cluster.master.send(signal.SIGINT)
    cluster.master.finish()
    result = verdict(cluster.master.folder)
    assert result["exit_code"] == 4
    assert any("was lost during the run" in reason for reason in result["reasons"])
    assert result["rate"]["asked_rps"] == pytest.approx(40, rel=0.05)
    assert result["rate"]["reached_rps"] > 25  # half of it would be 20


@pytest.mark.slow
@pytest.mark.parametrize("server", [["--workers", "2", "--service-ms", "50"]], indirect=True)
def test_capacity_by_rate(locust: Run, server: StandInProcess, small_photo: dict[str, str], tmp_path: Path) -> None:
    """The search by rate tells 85 to 100 % of 40 requests per second, and no more."""
    (tmp_path / "objectives.toml").write_text('["all requests"]\np95 = 0.5\n')
    arguments = ("--headless", "--strategy", "capacity", "--by", "rate", "--strategy-scale", "0.3")
    process = locust(
        *(*arguments, "--objectives", "objectives.toml", "--verdict-json", "verdict.json"),
        env=credentials(server) | small_photo,
    )
    process.wait(400.0)
    output, found = process.finish(), verdict(process.folder)["analysis"]["capacity"]
    assert 0.85 * 40 <= found["requests_per_second"] <= 40, output
    assert found["limit"] == "the server"
    assert "Capacity: " in output
    assert "that were asked for, meet every objective" in " ".join(output.split())
