"""Each format is declared once, and makes its kind of file."""

import json
import shutil
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
    program = "import sys, chaterload.report.formats; print(*({'jinja2', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


WITHOUT_FILES = """
import shutil, sys
from chaterload.report.formats import FORMATS, import_writers
from tests.report.conftest import make_report
report = make_report()
import_writers()
shutil.rmtree(sys.argv[1])
from chaterload.report import console
print(*(len(known.text(report)) > 100 for known in FORMATS), "Verdict" in console.to_text(report))
"""


def test_nothing_is_read_from_disk_at_the_end(tmp_path: Path) -> None:
    """Once a start has imported the writers, each makes its text although all of our files have gone."""
    root = Path(__file__).parents[2]
    for name in ("chaterload", "proto", "tests/report"):
        shutil.copytree(root / name, tmp_path / name)
    for name in ("tests/__init__.py", "locustfile.py"):
        shutil.copy(root / name, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILES, tmp_path / "chaterload"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["True"] * (len(FORMATS) + 1)
