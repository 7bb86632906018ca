"""Our options as `locust --help-all` shows them."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from chaterload.run.options import point_to_help

ROOT = Path(__file__).resolve().parents[2]
GROUPS = ("target", "load shape", "load by rate", "objectives and verdict", "terminal", "web UI")


def test_the_help() -> None:
    """It has our options in groups after Locust's, ends with examples, and ours is readable in 80 columns."""
    done = subprocess.run(
        [sys.executable, "-m", "locust", "-f", "locustfile.py", "--help-all"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    groups, _, examples = done.stdout.partition("Chater load test: target:")[2].partition("\nExamples:\n")
    places = [done.stdout.index(f"\nChater load test: {group}:\n") for group in GROUPS]
    assert places == sorted(places)
    assert done.stdout.index("--headless") < places[0]
    for option in ("--stand-in", "--strategy", "--objectives", "--plain"):
        assert f"  {option}" in groups
    ours = examples.partition("Chater load test, ")[2]
    assert max(map(len, [*groups.splitlines(), *ours.splitlines()])) <= 80
    commands = [shlex.split(line) for line in ours.splitlines() if line.strip().startswith("locust ")]
    assert [command[:3] for command in commands] == [["locust", "-f", "locustfile.py"]] * 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], True),
        (["-f", "locustfile.py"], True),
        (["-flocustfile.py"], True),
        (["--locustfile=locustfile.py"], True),
        (["--locustfile"], True),
        (["-f", "locustfile.py", "--headless"], False),
        (["--stand-in"], False),
    ],
)
def test_where_the_options_are(words: list[str], told: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """A run without options says once how to see them, since Locust's own --help has none of ours; no other does."""
    point_to_help.cache_clear()
    for _ in range(2):
        point_to_help(tuple(words))
    assert capsys.readouterr().err.count("--help-all") == told


def test_make_help_names_both() -> None:
    """`make help` says how to give `make run` other options, and where they all are."""
    done = subprocess.run(["/usr/bin/env", "make", "help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "LOCUST_ARGS=" in done.stdout
    assert "--help-all" in done.stdout
