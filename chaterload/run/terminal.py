"""Keeps the live view on a terminal: one greenlet draws it, and what is logged meanwhile stands above it."""

import atexit
import logging
import signal
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, TextIO

import gevent
from gevent.event import Event
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

from chaterload.internals import STATS_LOGGER, WORKER_REPORT_INTERVAL, measured_s, target_users
from chaterload.judge.lateness import add_up_arrivals
from chaterload.load.shapes import CapacityShape, StagedShape
from chaterload.report.layout import fit_window
from chaterload.report.live import LiveView, build
from chaterload.run.controller import RunController
from chaterload.run.criteria import evaluate_run
from chaterload.run.figures import in_flight, last_failures, snapshot
from chaterload.run.node import options_of

REFRESH_S = 1.0

RECENT_S = 10.0
"""Over how long a rate is that is called the present one."""


def find_console() -> Console | None:
    """The terminal that stdout is, None where it can neither be redrawn nor show our marks."""
    console = Console(highlight=False, markup=False)
    suits = console.is_interactive and console.encoding.startswith("utf")
    return console if suits else None


class RecentRate:
    """How many requests per second there were of late, from the first request on.

    Locust's own figure of it is 0 in the first seconds, and stays what it was when answers no longer come.
    """

    def __init__(self) -> None:
        self._counts = deque([(0.0, 0)])

    def after(self, seconds: float, requests: int) -> float:
        """Requests per second at a moment, in seconds since the start, at which there were so many in all."""
        self._counts.append((seconds, requests))
        while self._counts[1][0] <= seconds - RECENT_S:
            self._counts.popleft()
        since, before = self._counts[0]
        return (requests - before) / (seconds - since) if seconds > since else 0.0


class Drawing:
    """The view of a moment, in any window: without blanks at the ends of its lines, and it remembers their widths."""

    def __init__(self) -> None:
        self.moment: LiveView | None = None
        """None before the first one."""
        self._widths: list[int] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        view = build(self.moment, options.max_width, options.size.height) if self.moment else Text(end="")
        lines = [_without_end(line) for line in console.render_lines(view, options, pad=False)]
        self._widths = [Segment.get_line_length(line) for line in lines]
        for line in lines:
            yield from line
            yield Segment.line()

    def rows_added(self, width: int) -> int:
        """How many rows more its lines take in a window that has become so narrow, and wraps them."""
        return sum(max(0, -(-line // width) - 1) for line in self._widths)


def _without_end(line: Sequence[Segment]) -> list[Segment]:
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    return [*kept[:-1], Segment(kept[-1].text.rstrip(), kept[-1].style)] if kept else []


class Terminal(RenderHook):
    """The live view of a headless run."""

    def __init__(self, control: RunController, console: Console) -> None:
        self._control = control
        self._console = console
        self._greenlet: gevent.Greenlet | None = None
        self._rate = RecentRate()
        self._drawing = Drawing()
        self._resized = Event()
        self._live = Live(
            console=console,
            auto_refresh=False,  # it would take a thread
            transient=True,
            redirect_stderr=sys.stderr.isatty(),
        )

    def start(self, **_: Any) -> None:
        """The run has begun."""
        stderr = sys.stderr
        self._console.push_render_hook(self)
        self._live.start()
        atexit.register(self.stop)  # whatever happens, the cursor comes back
        self._send_log(stderr, sys.stderr)
        self._on_resize = gevent.signal_handler(signal.SIGWINCH, self._resized.set)
        self._greenlet = gevent.spawn(self._refresh)

    def stop(self, **_: Any) -> None:
        """The run has ended: leave the terminal as it was. Only the first call does."""
        if self._greenlet is None:
            return
        self._greenlet.kill(block=False)
        self._greenlet = None
        self._on_resize.cancel()
        stderr = sys.stderr
        self._live.stop()
        self._console.pop_render_hook()
        self._send_log(stderr, sys.stderr)

    def _send_log(self, before: TextIO, now: TextIO) -> None:
        """Locust's log handlers hold the stream that was stderr when they were made."""
        for name in (None, "locust", STATS_LOGGER):
            for handler in logging.getLogger(name).handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is before:
                    handler.setStream(now)

    def _refresh(self) -> None:
        while True:
            self._drawing.moment = self._moment()
            self._live.update(self._drawing, refresh=True)
            self._resized.wait(REFRESH_S)
            self._resized.clear()

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        """Erase the rows that a window which became narrower added to the view; what draws it knows its lines alone."""
        fit_window(self._console)
        rows = self._drawing.rows_added(self._console.width)
        return [Control(*((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * rows), *renderables]

    def _moment(self) -> LiveView:
        control, environment, run = self._control, self._control.environment, self._control.run
        assert run is not None
        assert control.judge is not None
        shape, stats = run.shape, environment.stats
        reports = control.node.reports()
        waiting, oldest_s = in_flight(reports)
        lag_s = WORKER_REPORT_INTERVAL if control.workers else 0.0  # what workers counted comes that much later
        counted_until = max(run.elapsed - lag_s, min(run.elapsed, measured_s(stats)))
        return LiveView(
            host=environment.host or control.settings.host,
            seconds=run.seconds,
            length_s=shape.seconds if shape else options_of(control.environment).run_time,
            users=control.runner.user_count,
            target_users=target_users(control.runner),
            workers=control.workers,
            requests=stats.total.num_requests,
            failures=stats.total.num_failures,
            requests_per_second=self._rate.after(counted_until, stats.total.num_requests),
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
