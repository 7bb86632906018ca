"""The files that a judged run leaves, and the exit code that all of them tell."""

import os
from dataclasses import replace
from functools import partial
from pathlib import Path

from chaterload.report.folder import could_write
from chaterload.report.formats import FORMATS, add_to_job_summary
from chaterload.report.model import Report
from chaterload.run.results import Results
from chaterload.run.run_options import RunOptions


def write_reports(report: Report, options: RunOptions, results: Results | None) -> Report:
    """Write every file that was asked for. Returns the report with what could not be written, as the files tell it.

    A file that cannot be written may change the exit code, so that the others are written once more.
    """
    unwritten = _write(report, options, results)
    if unwritten:
        report = replace(report, unwritten=tuple(unwritten))
        _write(report, options, results)
    add_to_job_summary(report, os.environ)
    return report


def _write(report: Report, options: RunOptions, results: Results | None) -> list[str]:
    """What could not be written."""
    failed = []
    for known in FORMATS:
        path = options.files.get(known.destination)
        if not path or path in report.unwritten:
            continue
        if not could_write(f"{known.option} {path!r}", partial(known.write, Path(path), report)):
            failed.append(path)
    return failed + (results.write(report) if results else [])
