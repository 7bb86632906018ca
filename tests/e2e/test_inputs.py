"""What people bring, in whole processes: variables, pipes, files and locustfiles of their own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from chaterload.standin.process import StandInProcess
from tests.e2e.conftest import ROOT, Locust, Run, credentials, processes, requests_seen, rows, wait_for

HEADLESS = ("--headless", "--users", "2", "--run-time", "2s")
NEVER_STARTED = 2

EMPTY = ("TEST_STRATEGY", "TEST_STRATEGY_USERS", "TEST_STRATEGY_SCALE", "TEST_PLAIN", "TEST_ACCOUNTS", "LOCUST_USERS")


def assert_all_good(run: Locust, *endpoints: str) -> None:
    """It ran, and every request to these endpoints, and to no other, was good."""
    output = run.finish()
    assert run.wait() == 0, output
    assert rows(output).keys() == set(endpoints)
    assert not any(failures for _, failures in rows(output).values())


def test_values_as_they_are_pasted(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A slash and a line break behind a host, `Bearer` before a token, empty variables, a .env in Latin-1: all work."""
    (tmp_path / ".env").write_bytes("TEST_FEEDBACK_TEXT=größer\nTEST_AUTH_NAME=\n".encode("latin-1"))
    env = credentials(server) | {"LOCUST_HOST": f"{server.host}/\n", "TEST_USER_TOKEN": f'"Bearer {server.token}"'}
    run = locust(*HEADLESS, "--tags", "feedback", env=env | dict.fromkeys(EMPTY, ""))
    assert_all_good(run, "POST /feedback")
    assert "has quotes and the word Bearer beside its token" in run.errors


def test_a_token_through_a_pipe(locust: Run, server: StandInProcess) -> None:
    """What only one process can read reaches all workers that --processes forks."""
    reading, writing = os.pipe()
    with os.fdopen(reading) as pipe, os.fdopen(writing, "w") as full:
        full.write(f"{server.token}\n")
        full.close()
        options = (*processes(2), "--users", "2", "--tags", "alcohol", "--host", f"{server.host}/")
        run = locust("--headless", *options, env={"TEST_USER_TOKEN_FILE": "/dev/stdin"}, stdin=pipe.fileno())
    wait_for(lambda: requests_seen(server, "POST /alcohol_range") > 2, "requests")
    run.send(signal.SIGINT)
    output = run.finish()
    assert run.wait() == 0, output
    assert not any(failures for _, failures in rows(output).values())


def test_interrupted_before_the_load(locust: Run, server: StandInProcess) -> None:
    """Ctrl-C while host and token are being checked ends the process with a sentence, and not with a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        run = locust(*HEADLESS, env=credentials(server) | {"TARGET_HOST": host})
        with silent.accept()[0]:
            run.send(signal.SIGINT)
            output = run.finish()
    assert run.wait() == NEVER_STARTED
    assert "  - Interrupted before the load began." in output
    assert "Traceback" not in output


def test_json_on_stdout(locust: Run, server: StandInProcess) -> None:
    """With --json, stdout is Locust's JSON and nothing else, of workers neither; the verdict is told on stderr."""
    run = locust(*HEADLESS, *processes(1), "--tags", "language", "--json", env=credentials(server))
    output = run.finish()
    (row,) = json.loads(output.removesuffix(run.errors))
    assert row["num_requests"] > 0
    assert run.errors.count("Verdict:") == len(re.findall("^Endpoint  ", run.errors, re.MULTILINE)) == 1


def test_pipes_that_stay_silent(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """Pipes to which nobody ever writes are told by their settings' names, after one patience together."""
    os.mkfifo(tmp_path / "silent")
    env = credentials(server) | {"TEST_ACCOUNTS_FILE": "silent", "TEST_USER_TOKEN_FILE": "silent"}
    run = locust(*HEADLESS, env=env)
    output = run.finish()
    assert run.wait() == NEVER_STARTED
    for name in ("TEST_ACCOUNTS_FILE", "TEST_USER_TOKEN_FILE"):
        assert f"{name} 'silent' did not end within 6 s." in output


def test_an_env_file_that_is_none(locust: Run, tmp_path: Path) -> None:
    """A .env file that cannot be read ends the start in a sentence, before options are read."""
    (tmp_path / ".env").write_bytes(b"TEST_USER_TOKEN=\0")
    run = locust(*HEADLESS, "--strategy", "smoke")
    assert "The file .env is not text. Expected lines of NAME=value." in run.finish()
    assert run.wait() == NEVER_STARTED


def test_one_flag_for_the_stand_in(locust: Run) -> None:
    """--stand-in-options takes a single word with a dash in front as its value."""
    run = locust(*HEADLESS, "--stand-in", "--stand-in-options", "--same-instant-loss", "--tags", "feedback")
    assert_all_good(run, "POST /feedback")


def test_a_locustfile_that_uses_ours(locust: Run, tmp_path: Path) -> None:
    """Another locustfile can build on our user class, by whatever name it imports it."""
    (tmp_path / "mine.py").write_text(
        "from locust import task\n"
        "from locustfile import ChaterUser as Base\n"
        "class Mine(Base):\n"
        "    @task\n"
        "    def drinks(self):\n"
        "        self.alcohol_latest()\n"
    )
    env = {"PYTHONPATH": str(ROOT)}
    for chosen in ((), ("Mine",)):
        run = locust(
            "-f", str(tmp_path / "mine.py"), *chosen, *HEADLESS, "--stand-in", "--tags", "language", env=env, cold=True
        )
        assert_all_good(run, "POST /set_language")


def test_a_user_class_that_names_a_host(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A host that a user class names is tried and loaded like any other, and a foreign one is refused."""
    mine = "from locustfile import ChaterUser\nclass Mine(ChaterUser):\n    host = {!r}\n"
    (tmp_path / "mine.py").write_text(mine.format(f"{server.host}/"))
    env = {"PYTHONPATH": str(ROOT), "TEST_USER_TOKEN": server.token}
    arguments = ("-f", str(tmp_path / "mine.py"), "Mine", *HEADLESS, "--tags", "feedback")
    assert_all_good(locust(*arguments, env=env, cold=True), "POST /feedback")
    (tmp_path / "mine.py").write_text(mine.format("http://example.com"))
    run = locust(*arguments, env=env, cold=True)
    assert "The host 'example.com' is neither local nor internal" in run.finish()
    assert run.wait() == NEVER_STARTED


def test_a_locustfile_that_was_copied(locust: Run, tmp_path: Path) -> None:
    """Our locustfile without the rest of the project says what is missing."""
    shutil.copy(ROOT / "locustfile.py", tmp_path / "copied.py")
    run = locust("-f", "copied.py", *HEADLESS, cold=True)
    assert "There is no module 'chaterload'." in run.finish()
    assert run.wait() == NEVER_STARTED


STOP_TIMEOUTS = """
from locust.argument_parser import get_parser
import locustfile
for arguments in ([], ["--stop-timeout", "0"], ["--stop-timeout", "1m"]):
    print(get_parser().parse_args(arguments).stop_timeout)
"""


@pytest.mark.parametrize(("variable", "expected"), [("", "5.0 0 60"), ("0", "0 0 60")])
def test_the_stop_timeout(variable: str, expected: str) -> None:
    """Users have 5 s to stop unless --stop-timeout says otherwise, and 0 is 0."""
    env = {**os.environ, "LOCUST_STOP_TIMEOUT": variable}
    done = subprocess.run([sys.executable, "-c", STOP_TIMEOUTS], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.stdout.split() == expected.split(), done.stderr
