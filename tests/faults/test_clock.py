"""The machine's clock is set while a run goes on: its length and its rates are those of a clock nobody can set."""

import shutil
import time
from datetime import timedelta
from pathlib import Path

import pytest
from locust.stats import RequestStats

from chaterload.run.figures import snapshot
from chaterload.run.lifecycle import Prepared
from chaterload.run.lifecycle import Run as RunOfLoad
from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import Run, credentials, requests_seen, wait_for
from tests.faults.conftest import verdict

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """The wall clock and the steady one, both to be moved."""
    now = {"wall": 1_700_000_000.0, "steady": 50.0}
    monkeypatch.setattr(time, "time", lambda: now["wall"])
    monkeypatch.setattr(time, "monotonic", lambda: now["steady"])
    return now


@pytest.mark.parametrize("set_by", [-3600.0, 0.0, 86_400.0])
def test_a_run_is_as_long_as_it_was(clock: dict[str, float], set_by: float) -> None:
    """A run of 20 s takes 20 s and has its 5 requests a second, however far the clock is set in between."""
    stats = RequestStats()
    stats.reset_all()
    course = RunOfLoad(Prepared("id", "http://localhost", None, []))
    for second in range(20):
        clock["wall"] += 1
        clock["steady"] += 1
        if second == 10:
            clock["wall"] += set_by
        for _ in range(5):
            stats.log_request("GET", "/alcohol_latest", 10, 0)
    course.finish()
    clock["steady"] += 100
    clock["wall"] += 100
    course.finish()
    assert course.seconds == 20
    assert course.end - course.start == timedelta(seconds=20)
    assert course.clock_set_by == pytest.approx(set_by)
    figures = snapshot(stats, course.clock_set_by)
    assert figures.seconds == pytest.approx(20)
    assert figures.requests_per_second == pytest.approx(5)


@pytest.mark.slow
@pytest.mark.skipif(not FAKETIME.exists(), reason=f"there is no {FAKETIME}: apt-get install faketime")
@pytest.mark.parametrize("step", ["-1h", "+1h"])
def test_a_clock_that_is_set_during_a_run(locust: Run, server: StandInProcess, tmp_path: Path, step: str) -> None:
    """A run whose clock is set by an hour half-way ends in its time, with its own length and rates."""
    offset = tmp_path / "offset"
    offset.write_text("+0")
    env = {
        **credentials(server),
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    began = time.monotonic()
    run = locust(
        *("--headless", "--users", "10", "--spawn-rate", "10", "--run-time", "10s", "--verdict-json", "v.json"),
        env=env,
        cold=True,
    )
    wait_for(lambda: requests_seen(server) > 30, "the first requests")
    (tmp_path / "next").write_text(step)
    shutil.move(tmp_path / "next", offset)
    document = verdict(run)
    assert time.monotonic() - began < 10 + 20
    assert 9 < document["run"]["seconds"] < 13
    assert document["throughput_rps"] == pytest.approx(document["requests"] / document["run"]["seconds"], rel=0.3)
    assert document["failures"] == 0
    assert document["leftovers"] == []
    assert run.wait() == 0
