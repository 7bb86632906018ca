"""Keeps the live view on a terminal: one greenlet draws it, and what is logged meanwhile stands above it."""

import atexit
import logging
import sys
from typing import Any, TextIO

import gevent
from rich.console import Console, Group
from rich.live import Live

from chaterload.internals import STATS_LOGGER, target_users
from chaterload.judge.lateness import add_up_arrivals
from chaterload.load.shapes import CapacityShape, StagedShape
from chaterload.report.live import LiveView, build
from chaterload.run.controller import RunController
from chaterload.run.criteria import evaluate_run
from chaterload.run.figures import in_flight, last_failures, snapshot
from chaterload.run.node import options_of

REFRESH_S = 1.0


def find_console() -> Console | None:
    """The terminal that stdout is, None where it can neither be redrawn nor show our marks."""
    console = Console(highlight=False, markup=False)
    suits = console.is_interactive and console.encoding.startswith("utf")
    return console if suits else None


class Terminal:
    """The live view of a headless run."""

    def __init__(self, control: RunController, console: Console) -> None:
        self._control = control
        self._console = console
        self._greenlet: gevent.Greenlet | None = None
        self._live = Live(
            console=console,
            auto_refresh=False,  # it would take a thread
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
        )

    def start(self, **_: Any) -> None:
        """The run has begun."""
        stderr = sys.stderr
        self._live.start()
        atexit.register(self.stop)  # whatever happens, the cursor comes back
        self._send_log(stderr, sys.stderr)
        self._greenlet = gevent.spawn(self._refresh)

    def stop(self, **_: Any) -> None:
        """The run has ended: leave the terminal as it was. Only the first call does."""
        if self._greenlet is None:
            return
        self._greenlet.kill(block=False)
        self._greenlet = None
        stderr = sys.stderr
        self._live.stop()
        self._send_log(stderr, sys.stderr)

    def _send_log(self, before: TextIO, now: TextIO) -> None:
        """Locust's log handlers hold the stream that was stderr when they were made."""
        for name in (None, "locust", STATS_LOGGER):
            for handler in logging.getLogger(name).handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                    handler.setStream(now)

    def _refresh(self) -> None:
        while True:
            self._live.update(self._draw(), refresh=True)
            gevent.sleep(REFRESH_S)

    def _draw(self) -> Group:
        return build(self._moment(), self._console.width, self._console.height)

    def _moment(self) -> LiveView:
        control, environment, run = self._control, self._control.environment, self._control.run
        assert run is not None
        assert control.judge is not None
        shape, stats = run.shape, environment.stats
        reports = control.node.reports()
        waiting, oldest_s = in_flight(reports)
        return LiveView(
            host=environment.host or control.settings.host,
            seconds=run.seconds,
            length_s=shape.seconds if shape else options_of(control.environment).run_time,
            users=control.runner.user_count,
            target_users=target_users(control.runner),
            workers=control.workers,
            requests=stats.total.num_requests,
            failures=stats.total.num_failures,
            requests_per_second=stats.total.current_rps,
            in_flight=waiting,
            oldest_s=oldest_s,
            results=evaluate_run(environment, control.judge, run, snapshot(stats, run.clock_set_by)),
            recent=last_failures(stats),
            strategy=shape.strategy if isinstance(shape, StagedShape) else None,
            search=shape.search if isinstance(shape, CapacityShape) else None,
            ending=run.finished,
            asked_rps=run.asked.now if run.by_rate else None,
            arrivals=add_up_arrivals(reports),
        )
