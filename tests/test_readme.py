"""README tells the truth: its table, its links, its commands and its examples."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from textwrap import indent

import pytest

from chaterload.chater.settings import Settings
from chaterload.chater.writes import Writes
from chaterload.exits import Exit
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, evaluate
from chaterload.judge.objectives_file import parse
from chaterload.judge.verdict import Outcome
from chaterload.load import strategies
from chaterload.report.prometheus import Figures
from docs import reference

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

PARSE = """
import json, sys
from locust.argument_parser import get_parser
import locustfile
for line in json.load(sys.stdin):
    get_parser().parse_args(line)
"""


def python(program: str, stdin: str = "") -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], input=stdin, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_settings_and_options_are_as_they_say_themselves() -> None:
    """README's table and the ConfigMap's file are what `make docs` makes of Settings and the options."""
    found = reference.TABLE.search(README)
    assert found
    assert found.group() == reference.table(), "`make docs` writes it anew"
    assert reference.SETTINGS_ENV.read_text(encoding="utf-8") == reference.settings_env(), "`make docs` writes it anew"
    assert reference.meanings().keys() == Settings.model_fields.keys()


def test_every_link_resolves() -> None:
    """Each link inside the repository leads to a file."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_locust_command_parses() -> None:
    """Each locust command is one that Locust's own parser takes with our options."""
    lines = [line.replace("\\\n", " ") for block in blocks("sh") for line in re.sub(r"\\\n", " ", block).splitlines()]
    commands = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith(".venv/bin/locust")]
    assert len(commands) >= 5
    python(PARSE, json.dumps(commands))


def test_every_make_target_exists() -> None:
    """Each `make` target that README names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= targets
    assert {"run", "test", "check", "proto", "clean"} <= targets


def test_the_strategies_are_as_told() -> None:
    """The table of strategies has each of them, and the example of a new one is one."""
    section = README.split("## Strategies")[1].split("\n## ")[0]
    told = re.findall(r"^\| (\w+) \|", section, re.MULTILINE)
    assert told[1:] == list(strategies.NAMES)
    example = next(block for block in blocks("python") if block.startswith("Strategy("))
    names = {"Strategy": strategies.Strategy, "Stage": strategies.Stage}
    made = eval(compile(ast.parse(example.rstrip().rstrip(","), mode="eval"), "README", "eval"), names)  # noqa: S307
    assert made.peak_users == 80


def test_the_scenario_is_ours() -> None:
    """The example of a scenario, and that of its endpoint, are what the code says."""
    scenario, endpoint = (next(b for b in blocks("python") if b.startswith(s)) for s in ("@tag(", "CUSTOM_DATE ="))
    assert indent(scenario, "    ") in (ROOT / "locustfile.py").read_text()
    assert endpoint in (ROOT / "chaterload/chater/routes.py").read_text()


def test_the_objectives_example_is_one() -> None:
    """The example of an objectives file is read as one."""
    assert len(parse(tomllib.loads(blocks("toml")[0]), "README")[0]) == 5


def test_the_metrics_are_as_told() -> None:
    """The table of metrics has each name that the page for Prometheus has, with its labels, and no other."""
    objective = Objective(Endpoint("GET", "/eater_get_today"), Measure.named("p95"), 2000.0)
    snapshot = Snapshot({objective.endpoint: EndpointStats(1, 0, {20: 1}, 20.0, 20.0)}, 1.0)
    figures = Figures(snapshot, (), evaluate([objective], snapshot), Writes(), 1, 0, 0.0, Outcome.PASS)
    labels = {
        sample.name.removesuffix("_bucket"): ", ".join(name for name in sample.labels if name != "le")
        for family in figures.collect()
        for sample in family.samples
        if not sample.name.endswith(("_count", "_sum"))
    }
    told = re.findall(r"^\| (`chater_.*?) \| (.*?) ?\|", README, re.MULTILINE)
    assert {name: given for names, given in told for name in re.findall(r"`(\w+)`", names)} == labels


@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_told(code: Exit) -> None:
    """README explains each exit code."""
    assert re.search(rf"^\| {int(code)} \| \w", README, re.MULTILINE)
