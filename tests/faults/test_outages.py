"""What comes in the middle of a run and, for some, goes again: names that vanish, servers that fail, processes that
stand still. Those that take a minute by their nature are slow."""

import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import Cluster, Run, answers, credentials, page, processes, requests_seen, wait_for
from tests.faults.conftest import counted, kinds, verdict

JSON = ("--verdict-json", "v.json")
STEADY = ("--headless", "--users", "10", "--spawn-rate", "10", *JSON)
ONE_REQUEST_EACH = ("--tags", "language", "feedback", "custom_date")

NAME = "chater-ui.load-test.svc.cluster.local"


@pytest.fixture
def hosts(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """A hosts file, and the words before a command that sees it as /etc/hosts and asks nobody else."""
    if subprocess.run(["/usr/bin/unshare", "--mount", "/bin/true"], capture_output=True).returncode:
        pytest.skip("no right to have mounts of one's own here")
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    (tmp_path / "nsswitch").write_text("hosts: files\n")
    mounts = f"mount --bind '{file}' /etc/hosts && mount --bind '{tmp_path / 'nsswitch'}' /etc/nsswitch.conf"
    script = f'{mounts} && exec "$@"'
    return file, ("/usr/bin/unshare", "--mount", "sh", "-c", script, "sh")


def overwrite(file: Path, first: str) -> None:
    """Change its first character alone, so that nobody reads half a file."""
    with file.open("r+") as text:
        text.write(first)


def test_a_name_that_vanishes(locust: Run, server: StandInProcess, hosts: tuple[Path, tuple[str, ...]]) -> None:
    """While a host's name is gone its requests fail as unknown host, each once, and when it is back they work again."""
    file, before = hosts
    with_name = f"127.0.0.1 {NAME}\n127.0.0.1 localhost\n"
    file.write_text(with_name)
    env = credentials(server) | {"TARGET_HOST": f"http://{NAME}:{urlsplit(server.host).port}"}
    run = locust(*STEADY, "--run-time", "60s", *ONE_REQUEST_EACH, "--csv", "csv", env=env, before=before)
    wait_for(lambda: requests_seen(server) > 20, "requests by name")
    overwrite(file, "#")
    failures = run.folder / "csv_failures.csv"
    wait_for(lambda: failures.exists() and "unknown host" in failures.read_text(), "failures")
    overwrite(file, with_name[0])
    back = requests_seen(server)
    wait_for(lambda: requests_seen(server) > back + 20, "the name to be used again")
    run.send(signal.SIGINT)
    document = verdict(run)
    assert run.wait() == 3
    assert {kind for by_kind in kinds(document).values() for kind in by_kind} == {"unknown host"}
    assert document["failures"] > 0
    assert document["requests"] - document["failures"] == requests_seen(server) - 1


def let_pass(seconds: float) -> None:
    """Wait until so much time has gone by."""
    until = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > until, f"{seconds:.0f} s to pass", 2 * seconds)


@pytest.mark.slow
def test_a_minute_of_server_errors(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """A minute of nothing but 500 is a minute of critical failures, each counted once, and no dish is left."""
    run = locust(*STEADY, "--run-time", "75s", env=credentials(server) | small_photo)
    wait_for(lambda: requests_seen(server) > 20, "requests that succeed")
    page(server, "faults", {"fault_5xx": 1.0})
    let_pass(60)
    page(server, "faults", {"fault_5xx": 0.0})
    document = verdict(run, 90)
    assert run.wait() == 3
    assert document["grade"] == "critical"
    assert {kind for by_kind in kinds(document).values() for kind in by_kind} == {"server error"}
    assert document["failures"] == answers(server, 500) > 0
    assert document["requests"] == requests_seen(server) - 1
    assert document["leftovers"] == []
    assert not page(server, "records")[server.email]["dishes"]


@pytest.mark.slow
@pytest.mark.parametrize("server", [["--slow", "/feedback=60000"]], indirect=True)
def test_answers_that_take_a_minute(locust: Run, server: StandInProcess) -> None:
    """An answer after 60 s is waited for and told as what it is: a good one, behind a minute of silence."""
    arguments = ("--headless", "--users", "5", "--spawn-rate", "5", "--run-time", "65s", "--tags", "feedback", *JSON)
    run = locust(*arguments, env=credentials(server))
    document = verdict(run, 120)
    assert run.wait() == 3
    (reason,) = document["reasons"]
    assert "nothing was answered (5 requests open)" in reason
    assert document["failures"] == 0
    assert counted(document) == {"/feedback": 5}
    (row,) = document["endpoints"]
    assert 60_000 <= row["p95_ms"] < 62_000


@pytest.mark.slow
def test_a_process_that_stands_still(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """A run that is stopped for 30 s goes on where it was, ends by itself, and counts each request once."""
    run = locust(*STEADY, "--run-time", "45s", env=credentials(server) | small_photo)
    wait_for(lambda: requests_seen(server) > 20, "the first requests")
    run.send(signal.SIGSTOP)
    let_pass(30)
    run.send(signal.SIGCONT)
    document = verdict(run, 60)
    assert 40 <= document["run"]["seconds"] <= 60
    assert document["requests"] == requests_seen(server) - 1
    assert document["leftovers"] == []
    assert document["events"] == [], "it was not the server that was silent"


@pytest.mark.slow
@pytest.mark.parametrize("processes_", [(), processes(2)], ids=["local", "processes"])
@pytest.mark.parametrize(
    ("server", "silent_s", "kinds_then"),
    [
        (["--mode", "frozen-workers@6+9"], 9, set()),
        (["--mode", "redis-gone@6"], 31, {"silent backend"}),
    ],
    indirect=["server"],
)
def test_a_server_that_falls_silent(
    locust: Run,
    server: StandInProcess,
    small_photo: dict[str, str],
    processes_: tuple[str, ...],
    silent_s: float,
    kinds_then: set[str],
) -> None:
    """A silence on all workers is an event with its time, its length and what came then, and fails the run."""
    run = locust(*STEADY, "--run-time", f"{silent_s + 12}s", *processes_, env=credentials(server) | small_photo)
    document = verdict(run, 120)
    assert run.wait() == 3
    (event,) = [event for event in document["events"] if event["silent_s"]]
    assert event["silent_s"] == document["longest_silence_s"] == pytest.approx(silent_s, abs=1.5)
    assert event["open"] == 10
    assert kinds_then <= event["failures"].keys()
    assert any(f"nothing was answered ({event['open']} requests open)" in reason for reason in document["reasons"])


@pytest.mark.slow
def test_a_worker_that_stands_still(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """A worker that is stopped for 30 s is lost to the run, comes back, and removes its dishes all the same."""
    cluster = Cluster(locust, 2, *STEADY, "--run-time", "45s", env=credentials(server) | small_photo)
    wait_for(lambda: requests_seen(server) > 20, "the first requests")
    cluster.workers[1].send(signal.SIGSTOP)
    let_pass(30)
    cluster.workers[1].send(signal.SIGCONT)
    document = verdict(cluster.master, 90)
    assert cluster.master.wait() == 4
    assert any("was lost during the run" in reason for reason in document["reasons"])
    for worker in cluster.workers:
        worker.finish()
    there = {dish["time"] for dish in page(server, "records")[server.email]["dishes"]}
    assert there <= {entry["time"] for entry in document["leftovers"]}
