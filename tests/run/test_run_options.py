"""What the options may be together: everything that is wrong with them is told at once."""

import re
from argparse import Namespace
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.exits import Problems, Refused
from chaterload.load.strategies import CAPACITY, NAMES, STRATEGIES
from chaterload.report.formats import FORMATS
from chaterload.run.run_options import RunOptions, refusals

WRONG: dict[str, Any] = {
    "--no-objectives is given together with --verdict-json, --objectives": {
        "no_objectives": True,
        "objectives": "a.toml",
        "files": {"verdict_json": "v.json"},
    },
    "--baseline-tolerance is -0.1": {"baseline_tolerance": -0.1},
    "--baseline-tolerance is nan": {"baseline_tolerance": float("nan")},
    "--reset-stats would empty": {"reset_stats": True},
    "--otel is given together with --processes": {"otel": True, "processes": 2},
    "so that no process would find the master": {"processes": 2, "master_bind_port": 6000},
    "--strategy-scale is 0": {"strategy_scale": 0.0},
    "--strategy-scale is nan": {"strategy_scale": float("nan")},
    "--strategy-scale is inf": {"strategy_scale": float("inf")},
    "--strategy-users is 0": {"strategy_users": 0},
    "--strategy 'quick' is unknown": {"strategy": "quick"},
    "--strategy load is given together with --users, --run-time": {
        "strategy": "load",
        "of_a_plain_run": ("--users", "--run-time"),
    },
    "--strategy capacity needs objectives": {"strategy": CAPACITY, "no_objectives": True},
    "--rate-users is 0": {"rate_users": 0},
    "--rate is given together with --spawn-rate": {"of_a_plain_run": ("--rate", "--spawn-rate")},
    "--stand-in-options '--x' is given without --stand-in": {"stand_in_options": "--x"},
    "--stand-in and --host 'http://h' are both given": {"stand_in": True, "host": "http://h"},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_each_is_one_sentence(sentence: str) -> None:
    """What is wrong alone is told in one sentence, with the option and what it held."""
    (problem,) = refusals(replace(RunOptions(), **WRONG[sentence]))
    assert sentence in problem
    assert problem.endswith(".")


def test_all_are_told_at_once() -> None:
    """Whoever gave four wrong options reads four sentences."""
    options = RunOptions(strategy="quick", strategy_scale=-1, baseline_tolerance=-1, stand_in_options="--x")
    assert len(refusals(options)) == 4


def test_a_worker_is_told_of_its_own_alone() -> None:
    """What only a master does with its options is not a worker's to refuse."""
    options = RunOptions(strategy="quick", stand_in_options="--x", otel=True, processes=2)
    assert len(refusals(options)) == 3
    assert len(refusals(options, is_worker=True)) == 1


@given(st.sampled_from([None, *STRATEGIES, CAPACITY]), st.floats(0.01, 100), st.integers(1, 1000))
def test_what_agrees_is_not_refused(name: str | None, scale: float, users: int) -> None:
    """Any strategy at any scale is fine, and of so many users where it goes by users."""
    by_rate = name in STRATEGIES and STRATEGIES[name].by_rate
    assert refusals(RunOptions(strategy=name, strategy_scale=scale, strategy_users=None if by_rate else users)) == []


def test_they_are_read_once() -> None:
    """Empty ones are not given, files are known by their formats, and nobody can change one later."""
    parsed = Namespace(
        allow_host=None, num_users=None, spawn_rate=2.0, run_time=None, rate="", headless=True, by="users"
    )
    parsed.verdict_json, parsed.verdict_html = "v.json", None
    options = RunOptions.read(parsed)
    assert options.files == {"verdict_json": "v.json"}
    assert options.of_a_plain_run == ("--spawn-rate",)
    assert options.starts_by_itself
    assert {known.destination for known in FORMATS} >= options.files.keys()
    with pytest.raises(FrozenInstanceError):
        options.headless = False  # type: ignore[misc]


def test_problems_are_gathered() -> None:
    """Steps that refuse leave their sentences, and those that do not leave what they made."""

    def wrong() -> str:
        raise Refused("one", "two")

    problems = Problems()
    problems.refuse()
    assert (problems.of(lambda: 7), problems.of(wrong)) == (7, None)
    with pytest.raises(Refused) as refused:
        problems.refuse()
    assert refused.value.problems == ("one", "two")


def naming(html_file: str | None = None, **files: str) -> RunOptions:
    """Options that name files of reports."""
    return RunOptions(files=files, html_file=html_file)


@pytest.mark.parametrize(
    "files",
    [
        {"verdict_json": "v", "verdict_html": "v"},
        {"verdict_text": "v", "verdict_junit": "./d/../v"},
        {"verdict_markdown": "v", "html_file": "link"},
    ],
    ids=["the same name", "written in another way", "a link, and Locust's own"],
)
def test_one_file_for_two_reports(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reports that would be written over each other are refused, however the file is named."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to("v")
    (problem,) = refusals(naming(**files))
    assert re.fullmatch(r"--\S+ and --\S+ both name the file '\S+'\. Expected a file for each\.", problem)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"verdict_json": "v.json", "verdict_html": "v.html"},
        {"verdict_json": "/dev/null", "verdict_html": "/dev/null"},
        {"verdict_json": "loop", "verdict_html": "v" * 300},
    ],
    ids=["none", "two files", "a device", "names that cannot be opened"],
)
def test_what_is_no_collision(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file for each is fine, a device takes all of them, and what cannot be opened is told at the end."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert refusals(naming(**files)) == []


def test_names() -> None:
    """Every strategy's name is known, and another one is refused with all of them."""
    for name in NAMES:
        assert refusals(RunOptions(strategy=name)) == []
    (problem,) = refusals(RunOptions(strategy="sppike"))
    assert "smoke, load, stress, spike, endurance, low, normal, high, capacity" in problem
    assert "'sppike' is unknown" in problem
