"""The verdict as a pod's termination message."""

from pathlib import Path

import pytest

from chaterload.report.files import write_report
from chaterload.report.message import MOST_BYTES, to_message
from chaterload.report.model import Report

from .conftest import make_report


def test_it_says_verdict_figures_and_reasons(any_report: Report) -> None:
    """The verdict comes first, then the figures, then each reason in a line of its own."""
    verdict, figures, *reasons = to_message(any_report).splitlines()
    assert verdict == (f"Verdict: {any_report.verdict.outcome.upper()} (exit code {int(any_report.verdict.exit_code)})")
    assert f"{any_report.snapshot.total.requests} requests" in figures
    assert "req/s" in figures
    assert reasons == [f"- {reason}" for reason in any_report.verdict.reasons]


@pytest.mark.parametrize("letter", ["x", "é", "…", "😀"])
def test_it_is_never_too_long(letter: str) -> None:
    """However long the reasons are, it is as many bytes of whole characters as Kubernetes keeps."""
    message = to_message(make_report(invalid=[letter * MOST_BYTES]))
    assert MOST_BYTES - 4 < len(message.encode()) <= MOST_BYTES
    assert set(message.splitlines()[2]) <= set(f"- {letter}")


def test_its_file_is_filled_and_not_replaced(tmp_path: Path) -> None:
    """The file that is there is written to, for a file that is mounted cannot be replaced."""
    path = tmp_path / "termination-log"
    path.write_text("what was there before, and longer than what comes " * 100)
    before = path.stat().st_ino
    report = make_report()
    write_report("verdict_message", path, report)
    assert path.stat().st_ino == before
    assert path.read_text() == to_message(report)
