"""A master and its workers, when something happens to one of them or to the target."""

import contextlib
import json
import re
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import zmq
from locust.rpc import Message

from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import ROOT, Cluster, Locust, Run, credentials, requests_seen, wait_for
from tests.support.warm import start_stand_in

LOAD = (
    "--headless",
    "--users",
    "12",
    "--spawn-rate",
    "12",
    "--tags",
    "language",
    "custom_date",
    "--verdict-json",
    "v.json",
)


def verdict(master: Locust) -> Any:
    """The verdict that the master wrote."""
    master.finish()
    return json.loads(Path(master.folder, "v.json").read_text())


def wait_for_more(server: StandInProcess, number: int = 30) -> None:
    """Wait until the server saw so many more requests."""
    start = requests_seen(server)
    wait_for(lambda: requests_seen(server) >= start + number, "requests that show that the run goes on")


def test_a_worker_is_terminated_and_replaced(locust: Run, server: StandInProcess) -> None:
    """The run goes on with the worker that came instead, and the verdict says that one was lost."""
    cluster = Cluster(locust, 3, *LOAD, "--enable-rebalancing", env=credentials(server))
    wait_for_more(server)
    cluster.workers[0].send(signal.SIGTERM)
    assert cluster.workers[0].wait() == 0
    replacement = cluster.join()
    cluster.master.says("(index 3) reported as ready")
    wait_for(lambda: cluster.master.errors.count("to 3 ready workers") == 2, "users for the worker that came instead")
    wait_for_more(server)
    cluster.master.send(signal.SIGINT)
    document = verdict(cluster.master)
    assert document["exit_code"] == cluster.master.wait() == 4
    assert sum("was lost during the run" in reason for reason in document["reasons"]) == 1
    assert replacement.wait() == 0


def test_a_lost_worker_ends_the_run(locust: Run, server: StandInProcess) -> None:
    """Without rebalancing a lost worker makes a long run pointless: it ends at once, invalid, and names the process."""
    cluster = Cluster(locust, 2, *LOAD, "--run-time", "10m", env=credentials(server))
    wait_for_more(server)
    lost = cluster.workers[0]
    lost.send(signal.SIGKILL)
    document = verdict(cluster.master)
    assert document["exit_code"] == cluster.master.wait() == 4
    assert any(f"process {lost.process.pid}) was lost during the run" in reason for reason in document["reasons"])


SLOW_START = f"""
import sys
import gevent
from locust import events

@events.init.add_listener
def wait(**_):
    gevent.sleep(1.5)

sys.path.insert(0, {str(ROOT)!r})
from locustfile import *
"""


def test_a_worker_that_is_asked_too_early(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A worker that is connected and not yet listening when the master asks it for its check is asked again."""
    (tmp_path / "slow.py").write_text(SLOW_START)
    cluster = Cluster(locust, 1, *LOAD, "--run-time", "2s", env=credentials(server), late=1)
    worker = cluster.join("-f", "slow.py")
    document = verdict(cluster.master)
    assert "Unknown message type received: chater_check" in worker.errors
    assert document["requests"] == requests_seen(server) - 1 > 0
    assert worker.wait() == 0


def test_a_worker_that_stands_still(locust: Run, server: StandInProcess) -> None:
    """A worker that is frozen for longer than Locust waits makes the run invalid, and is not waited for at its end."""
    cluster = Cluster(locust, 2, *LOAD, "--run-time", "9s", env=credentials(server))
    wait_for_more(server)
    cluster.workers[1].send(signal.SIGSTOP)
    document = verdict(cluster.master)
    cluster.workers[1].send(signal.SIGCONT)
    assert document["exit_code"] == 4
    assert any("was lost during the run" in reason for reason in document["reasons"])
    assert cluster.workers[1].wait(30) in (0, 4)


def test_settings_that_differ(locust: Run, server: StandInProcess) -> None:
    """Workers with different settings are refused before any load."""
    cluster = Cluster(locust, 2, *LOAD, "--run-time", "5s", env=credentials(server), late=1)
    cluster.join(env={**credentials(server), "TEST_LANGUAGE_CODE": "de"})
    assert cluster.master.wait() == 2
    assert "TEST_* settings differ" in cluster.master.finish()
    assert requests_seen(server) == requests_seen(server, "GET /alcohol_latest")


def test_the_target_goes_away_and_comes_back(locust: Run) -> None:
    """While the target is away its failures have one kind, and when it is back the run goes on."""
    with start_stand_in() as first:
        run = locust(*LOAD, "--run-time", "60s", env=credentials(first))
        wait_for_more(first)
        port = urlsplit(first.host).port
    wait_for(lambda: re.search(r"Aggregated\s+\d+\s+[1-9]", run.output), "failures in the tables")
    with start_stand_in(("--port", str(port))) as second:
        wait_for_more(second)
        run.send(signal.SIGINT)
        document = verdict(run)
    kinds = {row["kind"] for row in document["failure_kinds"]}
    assert "connection refused" in kinds
    assert kinds <= {"connection refused", "connection broken"}
    assert document["failures"] == sum(row["count"] for row in document["failure_kinds"])


class Stranger:
    """Sends what it likes to a master's port."""

    def __init__(self, port: int) -> None:
        self._socket: Any = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, b"stranger")
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.connect(f"tcp://127.0.0.1:{port}")

    def attack(self) -> None:
        """One byte, a worker that nobody started, its figures, and the end of one that is."""
        good = {"name": "/set_language", "method": "POST", "num_requests": 10**6, "num_failures": 0}
        forged = {"stats": [good], "stats_total": good, "errors": {}, "user_classes_count": {}, "user_count": 0}
        for kind, data in (("client_ready", "2.47.0"), ("stats", forged), ("stats", "wrong"), ("quit", None)):
            self._send(Message(kind, data, "stranger").serialize())
        for frame in (b"\x01", b"", b"\x93" * 1000):
            self._send(frame)

    def _send(self, frame: bytes) -> None:
        with contextlib.suppress(zmq.Again):  # where it is not let in
            self._socket.send(frame, zmq.NOBLOCK)

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("key", ["a key for this test alone", ""], ids=["closed", "open"])
def test_strangers_at_the_masters_port(locust: Run, server: StandInProcess, key: str) -> None:
    """Whatever they send during a run: its figures are those of its workers, and its verdict is what it would be."""
    env = credentials(server) | {"TEST_CLUSTER_KEY": key}
    cluster = Cluster(locust, 1, *LOAD, "--run-time", "4s", env=env)
    wait_for_more(server)
    stranger = Stranger(int(cluster.port))
    stranger.attack()
    document = verdict(cluster.master)
    stranger.close()
    assert document["requests"] == requests_seen(server) - 1
    assert (document["exit_code"], cluster.master.wait()) == (0, 0), cluster.master.output
    assert ("stranger" in cluster.master.errors) is not bool(key)
    assert "Workers may join at port" in cluster.master.errors
