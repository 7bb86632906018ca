"""Each format is declared once, and makes its kind of file."""

import json
import subprocess
import sys
from pathlib import Path

from chaterload.report.formats import FORMATS

from .conftest import make_report


def test_each_format_makes_its_text(any_report):
    """Each format makes its kind of text from any report."""
    made = {known.name: known.text(any_report) for known in FORMATS}
    assert json.loads(made["json"])["verdict"] == any_report.verdict.outcome
    assert made["html"].startswith("<!doctype html>")
    assert "<testsuites" in made["junit"]
    assert made["text"].splitlines()[-1].startswith("Verdict: ")


def test_options_and_files_are_told_apart():
    """No two formats have the same option, variable or file."""
    for names in ([known.option for known in FORMATS], [known.file_name for known in FORMATS]):
        assert len(set(names)) == len(FORMATS)


def test_a_file_is_written(tmp_path: Path) -> None:
    """A format writes the same text into a file, with the folders above it."""
    for known in FORMATS:
        path = tmp_path / "new" / known.file_name
        known.write(path, make_report())
        assert len(path.read_text(encoding="utf-8")) == len(known.text(make_report()))  # charts have ids by chance


def test_a_start_does_not_wait_for_them() -> None:
    """Whoever knows the formats has not imported yet what makes pages, charts and tables."""
    program = "import sys, chaterload.report.formats; print(*({'jinja2', 'pygal', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
