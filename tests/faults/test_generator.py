"""What may happen to the load generator itself: its files, its token, its workers, its limits."""

import json
import os
import re
import resource
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chaterload.chater.tokens import make_token
from chaterload.report.files import write_whole
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import Cluster, Run, answers, credentials, page, processes, requests_seen, wait_for
from tests.faults.conftest import counted, kinds, verdict

LIGHT = ("--headless", "--users", "10", "--spawn-rate", "10", "--tags", "language", "feedback", "--run-time", "2s")
JSON = ("--verdict-json", "v.json")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes small file systems with options of their own."""
    made: list[Path] = []

    def make(options: str) -> Path:
        place = tmp_path / f"disk-{len(made)}"
        place.mkdir()
        done = subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True)
        if done.returncode:
            pytest.skip("no right to mount a file system here")
        made.append(place)
        return place

    yield make
    for place in made:
        subprocess.run(["/bin/umount", place], check=True)


def test_results_that_cannot_be_written(locust: Run, server: StandInProcess, mount: Callable[[str], Path]) -> None:
    """A full disk, a read-only one and a full device are told, each with its file, and make a passed run an error."""
    full, read_only = mount("size=8k"), mount("size=64k,ro")
    (full / "page.html").write_text("the report before")
    unwritable = {
        "--verdict-html": (full / "page.html", "No space left on device"),
        "--verdict-junit": (read_only / "new" / "junit.xml", "Read-only file system"),
        "--verdict-text": (Path("/dev/full"), "No space left on device"),
    }
    arguments = [word for option, (path, _) in unwritable.items() for word in (option, str(path))]
    run = locust(*LIGHT, "--verdict-json", "new/folder/v.json", *arguments, env=credentials(server))
    output = run.finish()
    for option, (path, why) in unwritable.items():
        assert f"{option} '{path}' could not be written: {why}" in run.errors, output
    assert [path.name for path in full.iterdir()] == ["page.html"]
    assert (full / "page.html").read_text() == "the report before"
    assert json.loads((run.folder / "new/folder/v.json").read_text())["verdict"] == "pass"
    assert run.wait() == 1


def test_a_folder_of_results_that_cannot_be_written(
    locust: Run, server: StandInProcess, mount: Callable[[str], Path]
) -> None:
    """--results on a read-only disk is refused before anything is sent; a disk that gets full costs what it says."""
    read_only, small = mount("size=64k,ro"), mount("size=64k")
    refused = locust(*LIGHT, "--results", str(read_only), env=credentials(server))
    output = refused.finish()
    assert refused.wait() == 2
    assert f"--results '{read_only}' cannot be written to (Read-only file system)" in refused.errors, output
    assert requests_seen(server) == 0
    run = locust(*LIGHT, "--results", str(small / "deep"), *JSON, env=credentials(server))
    document = verdict(run)
    (folder,) = (path for path in (small / "deep").iterdir() if path.is_dir())  # beside the history
    assert f"{folder}/locust.html could not be written: No space left on device" in run.errors, run.output
    assert not (folder / "locust.html").exists()
    assert (document["verdict"], run.wait()) == ("pass", 1)


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """What is written to a pipe goes into it, and a full device stays a device."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["/bin/cat", pipe], stdout=subprocess.PIPE) as reader:
        write_whole(pipe, "the verdict")
        assert reader.communicate(timeout=10)[0] == b"the verdict"
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(Path("/dev/full"), "the verdict")
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_token_that_expires_half_way(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """Requests after the token's end fail as expired, each once, and the start said that they would."""
    token = make_token(STAND_IN_SECRET, server.email, timedelta(seconds=8))
    env = credentials(server) | small_photo | {"TEST_USER_TOKEN": token}
    run = locust(
        *("--headless", "--users", "10", "--spawn-rate", "10", "--tags", "language", "feedback"),
        *("--run-time", "9s", *JSON),
        env=env,
    )
    wait_for(lambda: requests_seen(server, "POST /feedback") > 5, "the first requests")
    Path(small_photo["TEST_PHOTO_PATH"]).unlink()  # it was read once, at the start
    document = verdict(run)
    assert "before the run ends" in run.output
    assert run.wait() == 3
    seen = page(server, "counters")["endpoints"]
    for path in ("/feedback", "/set_language"):
        by_status = seen[f"POST {path}"]["by_status"]
        assert kinds(document)[path] == {"token expired": by_status["401"]}
        assert counted(document)[path] == by_status["401"] + by_status["200"]


@pytest.mark.parametrize("server", [["--latency-ms", "400"]], indirect=True)
def test_no_more_file_descriptors(locust: Run, server: StandInProcess) -> None:
    """Connections that the system does not allow are counted as that, and the run ends with all of its files."""
    arguments = ("--headless", "--users", "80", "--spawn-rate", "80", "--run-time", "3s", "--html", "locust.html")
    run = locust(*arguments, *JSON, "--tags", "language", "feedback", env=credentials(server))
    resource.prlimit(run.process.pid, resource.RLIMIT_NOFILE, (56, 56))
    document = verdict(run)
    assert run.wait() == 3
    found = {kind for by_kind in kinds(document).values() for kind in by_kind}
    assert found == {"out of file descriptors"}
    assert document["requests"] - document["failures"] == requests_seen(server) - 1
    assert (run.folder / "locust.html").read_text()


@pytest.mark.parametrize("server", [["--slow", "/get_recommendation=3000"]], indirect=True)
def test_a_killed_workers_dishes_are_listed(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """Every dish that a killed worker left is listed, none as certain; the other worker cleans up as ever."""
    arguments = ("--headless", "--users", "40", "--spawn-rate", "40", "--run-time", "6s", "--tags", "full_flow", *JSON)
    cluster = Cluster(locust, 2, *arguments, "--enable-rebalancing", env=credentials(server) | small_photo)

    def there() -> set[int]:
        return {dish["time"] for dish in page(server, "records").get(server.email, {"dishes": []})["dishes"]}

    wait_for(lambda: len(there()) >= 30, "dishes of both workers")
    cluster.workers[0].send(signal.SIGKILL)
    document = verdict(cluster.master)
    cluster.workers[1].finish()
    assert cluster.master.wait() == 4
    wait_for(lambda: page(server, "counters")["in_flight"] == 0, "the last request to end")
    listed = {entry["time"] for entry in document["leftovers"]}
    assert 0 < len(there()) <= 20
    assert there() <= listed
    assert not any(entry["certain"] for entry in document["leftovers"])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["local", "processes"])
def test_five_thousand_users_at_once(locust: Run, server: StandInProcess, mode: str) -> None:
    """5,000 users that start in the same second are all counted for, and the run ends within its bounds."""
    arguments = ("--headless", "--users", "5000", "--spawn-rate", "5000", "--run-time", "20s", "--stop-timeout", "60")
    began = time.monotonic()
    run = locust(
        *arguments,
        *JSON,
        *(processes(2) if mode == "processes" else ()),
        *("--tags", "language", "custom_date", "feedback"),
        env=credentials(server),
    )
    document = verdict(run, 180)
    assert time.monotonic() - began < 20 + 60 + 30
    assert document["run"]["users"] == 5000
    answered = document["requests"] - document["failures"]
    assert answered == answers(server, 200) - (2 if mode == "processes" else 1)
    assert document["failures"] == sum(row["count"] for row in document["failure_kinds"])
    assert not re.search("Traceback|Exception", run.output)
