"""Follows a run while it goes on, and ends it when it is past saving."""

import logging
from collections.abc import Callable

import gevent

from chaterload.judge.history import INTERVAL_S
from chaterload.judge.verdict import Grade, grade
from chaterload.run.lifecycle import Run
from chaterload.run.sampling import Sampler

logger = logging.getLogger(__name__)


def watch(run: Run, sampler: Sampler, abort_after: float | None, abort: Callable[[], object]) -> None:
    """Sample the run until it ends. `abort` it once its failures have been critical for `abort_after` seconds."""
    critical_since: float | None = None
    while not run.finished:
        gevent.sleep(INTERVAL_S)
        if run.finished:
            return
        sampler.sample(run)
        if not abort_after:
            continue
        critical_since = _critical_since(run, critical_since)
        if critical_since is not None and run.seconds - critical_since >= abort_after:
            reason = f"stopped early: failures were critical for {abort_after:g} s (--abort-on-critical)"
            logger.error("The run is %s", reason)
            run.missed.append(reason)
            abort()
            return


def _critical_since(run: Run, before: float | None) -> float | None:
    """Since when, in seconds of the run, failures have been critical without a break; None when they are not.

    A sample without requests changes nothing: a server that hangs is no better than one that fails.
    """
    last = run.history.samples[-1]
    if not last.requests:
        return before
    if grade(last.failures / last.requests) is not Grade.CRITICAL:
        return None
    return last.at - last.seconds if before is None else before
