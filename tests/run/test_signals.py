"""What a closed terminal does to a run."""

import os
import signal

import gevent
import pytest

from chaterload.run.signals import Process

USUAL, AFTER_NOHUP = signal.SIG_DFL, signal.SIG_IGN


@pytest.fixture
def handlers():
    """Puts back what was there for SIGINT and SIGHUP."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize(
    ("is_forked", "before", "ended"),
    [(False, USUAL, True), (False, AFTER_NOHUP, False), (True, USUAL, False)],
    ids=["its own process", "after nohup", "forked by its master"],
)
def test_a_closed_terminal(is_forked, before, ended, monkeypatch):
    """SIGHUP ends a process in order, as SIGTERM does, but after nohup, and but a worker whose master hears it too."""
    handlers, sent = {}, []
    monkeypatch.setattr(gevent, "signal_handler", lambda number, *call: handlers.update({number: call}))
    monkeypatch.setattr(os, "kill", lambda *to: sent.append(to))
    signal.signal(signal.SIGHUP, before)
    Process().take_interrupts(is_forked=is_forked)
    assert (signal.SIGHUP in handlers) is ended
    assert (signal.getsignal(signal.SIGHUP) is signal.SIG_IGN) is not ended
    if ended:
        act, *arguments = handlers[signal.SIGHUP]
        act(*arguments)
        assert sent == [(os.getpid(), signal.SIGTERM)]
