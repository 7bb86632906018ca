"""The stand-in as a process: it starts, says how to reach it, and ends with whatever started it."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from chaterload.chater.hosts import base_url
from chaterload.standin.__main__ import exports
from chaterload.standin.options import STAND_IN_EMAIL, parse
from chaterload.standin.process import StandInError, start
from tests.support.waiting import refuses, wait_for

from .conftest import Client
from .test_service import hanging_request

ROOT = Path(__file__).parents[2]
PARENT = """
from chaterload.standin.process import start
with start() as stand_in:
    print(stand_in.host, flush=True)
    input()
"""


def run(*options, **kwargs):
    """The command with pipes, in the checkout."""
    command = [sys.executable, "-m", "chaterload.standin", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, **kwargs)


def test_it_is_ready_when_start_returns():
    """Host, token and e-mail are good at once, and stop ends it, more than once if need be."""
    with start(["--email", "me@example.com"]) as stand_in:
        client = Client(stand_in.host, stand_in.email)
        client.authorization = f"Bearer {stand_in.token}"
        assert client.photo("").json()["user_email"] == "me@example.com"
        stand_in.stop()
        assert refuses(stand_in.host)
    assert stand_in.process.returncode == 0
    assert stand_in.token not in repr(stand_in)


def test_it_inherits_no_secret(monkeypatch):
    """What is in our environment is not in the stand-in's, but for what a Python process needs."""
    for name in ("TEST_USER_TOKEN", "TEST_JWT_SECRET", "LOCUST_WEB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "ANY_THING"):
        monkeypatch.setenv(name, "a secret of ours")
    with start() as stand_in:
        inherited = psutil.Process(stand_in.process.pid).environ()
    assert "PATH" in inherited
    assert "a secret of ours" not in inherited.values()


def test_a_stand_in_that_cannot_start_says_why():
    """Bad options come back as the error's text."""
    with pytest.raises(StandInError, match=r"did not start: .*--workers: 0 is not at least 1"):
        start(["--workers", "0"])


def test_a_stand_in_that_is_silent_is_given_up():
    """Waiting for it has a bound."""
    with pytest.raises(StandInError, match="says nothing"):
        start(timeout=0.001)


@pytest.mark.parametrize(
    ("first", "ending"),
    [
        *(("", ending) for ending in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None)),
        *(("import locust", ending) for ending in (signal.SIGKILL, None)),
    ],
)
def test_it_ends_with_its_parent(first, ending, tmp_path):
    """Whatever ends the parent, patched by gevent or not, no stand-in stays behind."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", first + PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=tmp_path,
        env=environment,
    ) as parent:
        assert parent.stdin
        assert parent.stdout
        host = parent.stdout.readline().strip()
        assert not refuses(host)
        if ending:
            parent.send_signal(ending)
        else:
            parent.stdin.write("\n")
        parent.stdin.close()
        parent.wait(10)
    wait_for(lambda: refuses(host))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_the_command_cleanly(number):
    """It prints exports for a shell, and ends with 0 and without a word while a request hangs."""
    with run("--port", "0", "--fault-hang", "1") as stand_in:
        exports = dict(shlex.split(stand_in.stdout.readline())[1].split("=", 1) for _ in range(4))
        assert exports["TEST_USER_EMAIL"] == STAND_IN_EMAIL
        client = Client(exports["TARGET_HOST"], exports["TEST_USER_EMAIL"])
        with hanging_request(client):
            wait_for(lambda: client.page("counters")["in_flight"] == 1)
            stand_in.send_signal(number)
            assert stand_in.wait(10) == 0
        assert (stand_in.stdout.read(), stand_in.stderr.read()) == ("", "")


@pytest.mark.parametrize(
    ("listens", "found"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("10.0.0.7", "10.0.0.7"), ("db", "db")],
)
def test_where_it_is_found(listens, found):
    """What it exports is a host that a run takes, an IPv6 address in brackets."""
    first, *_ = exports(parse(["--host", listens]), 5000).splitlines()
    host = shlex.split(first)[1].removeprefix("TARGET_HOST=")
    assert host == base_url(host) == f"http://{found}:5000"


def test_a_port_in_use_is_one_sentence():
    """Exit code 2 and a sentence, no traceback."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with run("--port", str(taken.getsockname()[1])) as stand_in:
            _, complaint = stand_in.communicate(timeout=10)
    assert stand_in.returncode == 2
    assert complaint.startswith("The stand-in cannot listen on 127.0.0.1: Address already in use")
    assert complaint.count("\n") == 1
