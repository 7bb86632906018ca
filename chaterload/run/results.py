"""What --results asks for: a folder for each run, with all of its files."""

import csv
import io
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import gevent
from locust.env import Environment

from chaterload.exits import Refused
from chaterload.internals import StatsCSVFileWriter, csv_files, get_html_report
from chaterload.report.files import write_whole
from chaterload.report.folder import could_write, new_folder, to_env
from chaterload.report.formats import FORMATS, keep_history
from chaterload.report.model import Report
from chaterload.run.node import options_of

logger = logging.getLogger(__name__)


class Results:
    """Makes the folders and fills them; each of several runs in one process has its own."""

    def __init__(self, environment: Environment, parent: Path, given: Mapping[str, str]) -> None:
        """`given` are the variables to repeat a run with. Refused when nothing can be written to `parent`."""
        self._environment = environment
        self._parent = parent
        self._given = given
        self._tables: StatsCSVFileWriter | None = None
        self._following: gevent.Greenlet | None = None
        """Writes Locust's CSV files while a run goes on."""
        self.folder: Path | None = None
        """Of the last run."""
        try:
            parent.mkdir(parents=True, exist_ok=True)
            Path(tempfile.mkdtemp(dir=parent)).rmdir()
        except OSError as error:
            raise _refusal(parent, error) from None

    def open(self, start: datetime) -> None:
        """A run starts: make its folder, where Locust follows it in CSV files. Refused when that fails."""
        history = options_of(self._environment).stats_history_enabled
        try:
            self.folder = new_folder(self._parent, start)
            prefix = str(self.folder / "locust")
            self._tables = csv_files(self._environment, prefix, history=history)
        except OSError as error:
            raise _refusal(self._parent, error) from None
        self._following = gevent.spawn(could_write, f"{prefix}_*.csv", self._tables.stats_writer)
        logger.info("Results go to %s", self.folder)

    def write(self, report: Report | None) -> list[str]:
        """The run has ended: write what is still missing. Returns what could not be written.

        `report` is None with --no-objectives. What `report` says could not be written is not tried again.
        """
        folder, tables = self.folder, self._tables
        if tables is None or folder is None:
            return []
        texts: dict[str, Callable[[], str]] = {
            "locust_stats.csv": partial(_as_text, tables.requests_csv),  # Locust wrote them up to a second ago
            "locust_failures.csv": partial(_as_text, tables.failures_csv),
            "locust_exceptions.csv": partial(_as_text, tables.exceptions_csv),
            "locust.html": partial(get_html_report, self._environment, show_download_link=False),
            "settings.env": partial(to_env, self._given, sys.argv[1:]),
        }
        if report:
            texts |= {known.file_name: partial(known.text, report) for known in FORMATS}
        unwritten = report.unwritten if report else ()
        paths = [(folder / name, text) for name, text in texts.items() if str(folder / name) not in unwritten]
        failed = [str(path) for path, text in paths if not could_write(str(path), partial(write_whole, path, text()))]
        failed += self._stop_following(tables)
        keep_history(self._parent)
        return failed

    def _stop_following(self, tables: StatsCSVFileWriter) -> list[str]:
        """End Locust's CSV files, once."""
        if self._following is None:
            return []
        following, self._following = self._following, None
        following.kill()
        pattern = f"{self.folder}/locust_*.csv"
        complete = following.value is not False and could_write(pattern, tables.close_files)
        return [] if complete else [pattern]


def _as_text(write: Callable[[Any], None]) -> str:
    """One of Locust's tables as it is now."""
    text = io.StringIO()
    write(csv.writer(text))
    return text.getvalue()


def _refusal(parent: Path, error: OSError) -> Refused:
    return Refused(f"--results {str(parent)!r} cannot be written to ({error.strerror}). Expected a folder, new or old.")
