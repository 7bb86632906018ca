"""The one request before a run: what is tried, how often, and what is said."""

import logging

import gevent
import pytest

from chaterload.chater import preflight as module
from chaterload.chater.preflight import ATTEMPTS, preflight
from tests.chater.conftest import Peer, Script, reset_after, say

UNKNOWN = (
    b"HTTP/1.1 401 UNAUTHORIZED\r\nContent-Type: application/json\r\nContent-Length: 30\r\n\r\n"
    b'{"message":"Token is missing"}'
)


def silent(connection: object) -> None:
    """Answer nothing, and keep the connection."""
    gevent.sleep(30)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.3)


BROKEN = "broke the connection off, or what came is no HTTP"


@pytest.mark.parametrize(
    ("script", "failed"),
    [
        pytest.param(silent, "gave no answer within 10 s", id="silent"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\n", b"X: ", pause=2.0), "gave no answer within 10 s", id="slow head"),
        pytest.param(reset_after(b"HTTP/1.1 200 OK\r\n"), BROKEN, id="reset"),
        pytest.param(say(), BROKEN, id="closed"),
        pytest.param(say(b"220 mail\r\n\r\n"), BROKEN, id="another protocol"),
    ],
)
def test_what_may_pass_is_tried_three_times(
    peer: Peer, script: Script, failed: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each try is one connection and one line, and the sentence tells what happened, how often."""
    peer.script = script
    with caplog.at_level(logging.WARNING):
        problem = preflight(peer.host, None, tls_verify=True)
    assert problem is not None
    assert problem.startswith(f"{peer.host} does not work: it {failed}, {ATTEMPTS} times. What to do: ")
    assert [record.message for record in caplog.records] == [
        f"Try {number} of {ATTEMPTS}: {peer.host} {failed}." for number in range(1, ATTEMPTS + 1)
    ]
    assert peer.connections == ATTEMPTS


def test_what_does_not_pass_is_not_tried_again(peer: Peer) -> None:
    """A server that redirects is asked once."""
    peer.script = say(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n")
    assert "redirect" in (preflight(peer.host, None, tls_verify=True) or "")
    assert peer.connections == 1


def test_what_passed_is_forgotten(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    """A server that answers the second time is fine; without an account, a missing token says that it answers."""

    def once(connection: object) -> None:
        if peer.connections > 1:
            say(UNKNOWN)(connection)

    peer.script = once
    assert preflight(peer.host, None, tls_verify=True) is None
    assert len(caplog.records) == 1
