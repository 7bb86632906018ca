"""What a run prints when it has ended, in place of Locust's tables."""

import logging
import sys

from locust.env import Environment

from chaterload.internals import STATS_LOGGER
from chaterload.report.model import Report
from chaterload.run.figures import failures, snapshot
from chaterload.run.results import Results
from chaterload.run.run_options import RunOptions


def print_end(environment: Environment, options: RunOptions, report: Report | None, results: Results | None) -> None:
    """The verdict with all that led to it; with --no-objectives, which gives no report, what was measured."""
    from chaterload.report import console  # what only the end needs is imported at the end

    stream = console.on(sys.stderr if options.json else sys.stdout)  # of which Locust's JSON is the whole
    if report:
        console.conclude(report, stream, results.folder if results else None)
    else:
        console.show_figures(snapshot(environment.stats), failures(environment.stats), stream)


def silence_tables() -> None:
    """Have Locust print no table from now on: its end has two that are wider than a terminal.

    Its documentation names the logger that they go to.
    """
    logging.getLogger(STATS_LOGGER).setLevel(logging.WARNING)
