"""A run's own clock, and what it says of its length."""

import time

import pytest

from chaterload.run.lifecycle import EARLY_S, Prepared, Run


def ended(seconds: float) -> Run:
    """A run that ended after so many seconds."""
    run = Run(Prepared("run", "http://127.0.0.1:1", None, []))
    run._began = time.monotonic() - seconds
    run.finish()
    return run


@pytest.mark.parametrize(("seconds", "run_time"), [(60, 60.0), (60, 60 + EARLY_S / 2), (61, 60.0), (5, None)])
def test_as_long_as_asked(seconds: float, run_time: float | None) -> None:
    """A run that lasted its time, or was asked for none, says nothing of it, whatever ended it."""
    run = ended(seconds)
    run.interrupted = True
    run.note_early_end(run_time)
    assert run.unproven == []


@pytest.mark.parametrize(
    ("interrupted", "said"),
    [
        (True, "cut short by a signal after 12 s of 60 s"),
        (False, "ended before its time was over, after 12 s of 60 s"),
    ],
)
def test_shorter_than_asked(interrupted: bool, said: str) -> None:
    """A run that was shorter than asked says so, by a signal or by anything else that ends one."""
    run = ended(12)
    run.interrupted = interrupted
    run.note_early_end(60)
    assert run.unproven == [said]


def test_stopped_because_it_failed() -> None:
    """A run that was stopped because it failed has said why."""
    run = ended(12)
    run.missed.append("more than half of the requests failed for 10 s")
    run.note_early_end(60)
    assert run.unproven == []
