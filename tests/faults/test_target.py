"""A target that does what no server should: each request is counted once, in its kind, and the run ends in time."""

import gzip
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chaterload.chater.wire import JSON, PROTOBUF
from tests.e2e.conftest import ROOT, Cluster, Run, wait_for
from tests.faults.conftest import Script, Target, counted, head, kinds, reset_after, say, until_gone, verdict, whole

MakeTarget = Callable[..., Target]

DATE, LANGUAGE, RANGE, FEEDBACK, AUTH = PATHS = (
    "/get_food_custom_date",
    "/set_language",
    "/alcohol_range",
    "/feedback",
    "/eater_auth",
)
RUN_S = 2
ENDS_S = 5 + 3 + 37
"""After the run time: 5 s for last answers, 3 s to clean up, and what start and report take on a busy machine. Answers
that trickle take a minute."""

LOAD = ("--headless", "--users", "30", "--spawn-rate", "30", "--run-time", f"{RUN_S}s", "--verdict-json", "v.json")
ONE_REQUEST_EACH = ("--tags", "custom_date", "language", "alcohol", "feedback", "auth")


def trickle(connection: socket.socket) -> None:
    """A byte a second, for longer than anybody waits."""
    connection.sendall(head(3600, PROTOBUF))
    for _ in range(60):
        connection.sendall(b"\0")
        time.sleep(1)


def elsewhere(connection: socket.socket) -> None:
    """Replaced by the test: a redirect to another host."""
    raise NotImplementedError


BROKEN, UNDECODABLE = "connection broken", "undecodable body"

QUICK: dict[str, dict[str, tuple[Script, str]]] = {
    "broken off": {
        DATE: (reset_after(head(100, PROTOBUF) + b"half of it"), BROKEN),
        LANGUAGE: (say(head(100) + b"less"), BROKEN),
        RANGE: (say(b"\x16\x03\x01 this is no HTTP \xff\xfe\r\n\r\n"), BROKEN),
        FEEDBACK: (say(b""), BROKEN),
        AUTH: (
            say(head(None, JSON, "200 OK", "Content-Encoding: gzip", "Transfer-Encoding: chunked") + b"xyz"),
            BROKEN,
        ),
    },
    "wrongly encoded": {
        DATE: (whole(b"no brotli", PROTOBUF, "200 OK", "Content-Encoding: br"), UNDECODABLE),
        LANGUAGE: (whole(b"no gzip", "application/grpc+proto", "200 OK", "Content-Encoding: gzip"), UNDECODABLE),
        RANGE: (whole(b"no what?", "application/grpc+proto", "200 OK", "Content-Encoding: sdch"), UNDECODABLE),
        FEEDBACK: (whole(b"", "application/grpc+proto", "500 Oops", "Content-Encoding: br"), "server error"),
        AUTH: (whole(gzip.compress(b"[" * 100_000), JSON, "200 OK", "Content-Encoding: gzip"), UNDECODABLE),
    },
    "not what was asked for": {
        DATE: (whole(b"\0" * 50_000_000, PROTOBUF), UNDECODABLE),
        LANGUAGE: (elsewhere, "redirected"),
        RANGE: (say(head(50, "text/html", "503 Nobody There") + b"cut"), BROKEN),
        FEEDBACK: (whole(b"", "text/html", "200 OK", "Content-Type: text/plain"), "wrong content type"),
        AUTH: (whole(b"\xff\xfe<html>", "text/html", "502 Bad Gateway"), "server error"),
    },
}


@pytest.mark.parametrize("how", QUICK)
def test_every_answer_is_counted_once(locust: Run, target: MakeTarget, how: str) -> None:
    """Each request to a path that misbehaves is one failed request of its kind, and the run is judged."""
    foreign = target()
    there = foreign.host.replace("127.0.0.1", "localhost")
    scripts = {path: script for path, (script, _) in QUICK[how].items()}
    if scripts[LANGUAGE] is elsewhere:
        scripts[LANGUAGE] = whole(b"", "text/html", "302 Found", f"Location: {there}/steal")
    misbehaving = target(scripts)
    began = time.monotonic()
    run = locust(*LOAD, *ONE_REQUEST_EACH, env=misbehaving.env())
    document = verdict(run)
    assert time.monotonic() - began < RUN_S + ENDS_S
    assert run.wait() == document["exit_code"] == 3
    assert set(PATHS) <= counted(document).keys()
    for path, (_, kind) in QUICK[how].items():
        assert kinds(document)[path] == {kind: counted(document)[path]}, run.output
        assert misbehaving.requests[path] == counted(document)[path]
    assert not foreign.requests
    assert document["failures"] == sum(misbehaving.requests[path] for path in PATHS)


def test_answers_that_never_come(locust: Run, target: MakeTarget) -> None:
    """Users whose answer never comes, or comes a byte a second, are cut off in time; what was answered is counted."""
    slow = target({DATE: until_gone, LANGUAGE: trickle})
    began = time.monotonic()
    run = locust(*LOAD, *ONE_REQUEST_EACH, "--stop-timeout", "1", env=slow.env())
    document = verdict(run)
    assert time.monotonic() - began < RUN_S + ENDS_S
    unanswered = {row["path"]: row["count"] for row in document["unanswered"]}
    assert unanswered.keys() <= {DATE, LANGUAGE}
    assert sum(unanswered.values()) == slow.requests[DATE] + slow.requests[LANGUAGE]
    assert 0 < slow.requests[DATE] + slow.requests[LANGUAGE] <= 30
    for path in (RANGE, FEEDBACK, AUTH):
        assert counted(document).get(path, 0) == slow.requests[path]
    assert run.wait() in (3, 4)


IMPATIENT = """
from locust.env import Environment  # first: Locust patches sockets for gevent
import sys
from chaterload.chater.connection import Connection, origin
from chaterload.chater.deadline import RequestDeadline
from chaterload.chater.routes import SIGN_IN
from chaterload.chater.user import ProtobufUser

class Impatient(ProtobufUser):
    abstract, host, deadline = False, sys.argv[1], RequestDeadline(1.5)

environment = Environment()
environment.events.request.add_listener(lambda exception, **_: print(exception))
user = Impatient(environment)
user._connection = Connection(origin(user.host))
user.send(SIGN_IN, b"{}")
"""


def test_an_answer_that_trickles_times_out(target: MakeTarget) -> None:
    """An answer that comes a byte a second, so that no limit of Locust's ends it, is one that timed out."""
    host = target({AUTH: trickle}).host
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", IMPATIENT, host], cwd=ROOT, capture_output=True, text=True, timeout=90)
    assert done.stdout.startswith("timed out: "), done.stderr
    assert done.stdout.count("\n") == 1
    assert time.monotonic() - began < ENDS_S


def test_uploads_without_a_clear_end_are_listed(locust: Run, target: MakeTarget, small_photo: dict[str, str]) -> None:
    """A dish whose upload broke off may be there: each of them is listed, and none is called certain."""
    broken = target({"/eater_receive_photo": reset_after(head(40, JSON)), "/eater_get_today": whole(b"", PROTOBUF)})
    patience = {"TEST_CLEANUP_SECONDS": "0.5", "TEST_VERIFY_SECONDS": "60"}
    options = ("--headless", "--users", "30", "--spawn-rate", "30", "--tags", "full_flow", "--verdict-json", "v.json")
    run = locust(*options, env=broken.env() | small_photo | patience)
    wait_for(lambda: broken.requests["/eater_receive_photo"] >= 10, "some uploads")
    run.send(signal.SIGTERM)
    document = verdict(run)
    photos = broken.requests["/eater_receive_photo"]
    assert photos == counted(document)["/eater_receive_photo"] > 0
    assert len({entry["time"] for entry in document["leftovers"]}) == photos
    assert not any(entry["certain"] for entry in document["leftovers"])
    assert f"{photos} of the run's dishes are left or may be: {photos} upload unclear" in run.output


PREFLIGHTS = {
    "trickles": (trickle, "it gave no answer within 10 s"),
    "breaks off": (reset_after(b"HTTP/1.1 200 OK\r\n"), "it broke the connection off"),
    "no brotli": (whole(b"no brotli", "application/grpc+proto", "200 OK", "Content-Encoding: br"), None),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", PREFLIGHTS)
def test_a_first_request_that_fails(locust: Run, target: MakeTarget, how: str) -> None:
    """A first answer that breaks off or never ends is told with exit code 2; one that is merely wrong is not."""
    script, kind = PREFLIGHTS[how]
    run = locust(*LOAD, "--tags", "language", env=target({"/alcohol_latest": script}).env())
    output = run.finish(90)
    if kind is None:
        assert "The first request" in output
        assert run.wait() == 3
    else:
        assert f"does not work: {kind}" in output
        assert run.wait() == 2


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """A certificate that nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_a_wrong_certificate(locust: Run, target: MakeTarget, untrusted: ssl.SSLContext) -> None:
    """A certificate that nobody vouches for ends the run before any token is sent, unless the setting accepts it."""
    https = target(tls=untrusted)
    refused = locust(*LOAD, "--tags", "alcohol", env=https.env())
    assert "certificate not trusted" in refused.finish()
    assert refused.wait() == 2
    assert not https.requests
    accepted = locust(*LOAD, "--tags", "alcohol", env=https.env() | {"TEST_TLS_VERIFY": "false"})
    document = verdict(accepted)
    assert document["failures"] == 0
    asked = https.requests["/alcohol_latest"] + https.requests[RANGE]
    assert document["requests"] == asked - 1 > 0  # the first request is not in it


@pytest.mark.slow
def test_workers_count_broken_answers_too(locust: Run, target: MakeTarget) -> None:
    """Master and workers agree with the target on how often it broke off."""
    broken = target({LANGUAGE: say(head(100) + b"less"), DATE: QUICK["wrongly encoded"][DATE][0]})
    cluster = Cluster(locust, 2, *LOAD, "--tags", "language", "custom_date", env=broken.env())
    document: Any = verdict(cluster.master)
    for worker in cluster.workers:
        worker.finish()
    assert kinds(document) == {
        LANGUAGE: {BROKEN: broken.requests[LANGUAGE]},
        DATE: {UNDECODABLE: broken.requests[DATE]},
    }
    assert re.search(r"Verdict: FAIL", cluster.master.output)
