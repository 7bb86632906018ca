"""README and the pages of docs tell the truth: their tables, links, commands and examples."""

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from itertools import dropwhile
from pathlib import Path
from textwrap import indent

import pytest

from chaterload.chater.settings import Settings
from chaterload.chater.writes import Writes
from chaterload.exits import Exit
from chaterload.judge.lateness import Arrivals, RateFigures
from chaterload.judge.measure import Endpoint, EndpointStats, Snapshot
from chaterload.judge.objectives import Measure, Objective, evaluate
from chaterload.judge.objectives_file import parse
from chaterload.judge.verdict import Outcome
from chaterload.load import strategies
from chaterload.report.prometheus import Figures
from docs import reference

from .test_ci import SCRIPTS, locust_options

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "k8s/README.md",
        *sorted((ROOT / "docs").glob("*.md")),
    )
}

IMAGE = "chater-load-test:1.0.0"
UNTRIED = {
    "export": "of the shell",
    "for": "of the shell",
    "done": "of the shell",
    "make": "a test of its own",
    "docker": "the image is built, and run, by .ci/containers",
    "kubectl": "what it applies has tests in tests/k8s",
    "(cd": "kustomize has no parser that could be asked",
}
"""First words of commands that no parser is asked about, and why."""
ELSEWHERE = {"CONTRIBUTING.md": "docs/contributing.md", "docs/ci.md": "docs/ci, whose jobs tests/test_ci.py runs"}
"""Pages whose examples stand elsewhere, and where."""

PARSE = """
import json, sys
from locust.argument_parser import get_parser
import locustfile
from chaterload.run.run_options import RunOptions, refusals
import chaterload.clean, chaterload.contract.__main__, chaterload.report.__main__, chaterload.standin.options
MODULES = {
    "chaterload.clean": chaterload.clean,
    "chaterload.contract": chaterload.contract.__main__,
    "chaterload.report": chaterload.report.__main__,
    "chaterload.standin": chaterload.standin.options,
}
for module, *arguments in json.load(sys.stdin):
    if module != "locust":
        MODULES[module]._parser().parse_args(arguments)
        continue
    options = get_parser().parse_args(arguments)
    assert not (told := refusals(RunOptions.read(options), is_worker=options.worker)), (arguments, told)
"""


def python(program: str, stdin: str = "") -> str:
    """What a program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], input=stdin, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of one language on a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.MULTILINE | re.DOTALL)


def prose(page: str) -> str:
    """A page without its code blocks, in which nothing is a heading or a link."""
    return re.sub(r"^```.*?^```", "", PAGES[page], flags=re.MULTILINE | re.DOTALL)


def anchors(page: str) -> set[str]:
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: str) -> list[list[str]]:
    """The words of each command on a page, without the variables in front of it."""
    lines = [line for block in blocks(page, "sh") for line in re.sub(r"\\\n", " ", block).splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    return [list(dropwhile(lambda word: re.match(r"[A-Z_]+=", word), line)) for line in words]


def parsed(command: list[str]) -> list[str] | None:
    """The parser that a command goes through, `locust` or a module's name, and its words; None where there is none."""
    match command:
        case [".venv/bin/locust", *arguments]:
            return ["locust", *arguments]
        case [".venv/bin/python", "-m", module, *arguments]:
            return [module, *arguments]
        case ["docker", "run", *arguments]:
            return ["locust", "-f", "locustfile.py", *arguments[arguments.index(IMAGE) + 1 :]]
        case _:
            return None


def test_settings_and_options_are_as_they_say_themselves() -> None:
    """The table of settings, the ConfigMap's file and the JSON's schema are what `make docs` makes of the code."""
    found = reference.TABLE.search(PAGES["docs/settings.md"])
    assert found
    assert found.group() == reference.table(), "`make docs` writes it anew"
    assert reference.SETTINGS_ENV.read_text(encoding="utf-8") == reference.settings_env(), "`make docs` writes it anew"
    assert reference.SCHEMA.read_text(encoding="utf-8") == reference.schema_text(), "`make docs` writes it anew"
    assert reference.meanings().keys() == Settings.model_fields.keys()


@pytest.mark.parametrize("page", PAGES)
def test_every_link_resolves(page: str) -> None:
    """Each link inside the repository leads to a file, and to a heading of it where it names one."""
    links = re.findall(r"\]\((?!https?://)([^)#]*)(?:#([^)]+))?\)", prose(page))
    assert links
    for file, anchor in links:
        target = (ROOT / page).parent / file if file else ROOT / page
        assert target.exists(), file
        assert not anchor or anchor in anchors(str(target.resolve().relative_to(ROOT))), (file, anchor)


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/")])
def test_every_page_is_found(page: str) -> None:
    """README's table of pages leads to each page of docs."""
    assert f"]({page})" in PAGES["README.md"].split("## Where to go next")[1]


@pytest.mark.parametrize("page", sorted(PAGES.keys() - ELSEWHERE.keys()))
def test_every_page_has_an_example(page: str) -> None:
    """Each page has an example of the kinds that the tests below try, and no command that none of them knows."""
    assert any(blocks(page, language) for language in ("sh", "toml", "python"))
    assert {command[0] for command in commands(page) if parsed(command) is None} <= UNTRIED.keys()


def test_every_command_parses() -> None:
    """Each command of ours, those of the CI's jobs included, is one that its own parser takes."""
    found = [words for page in PAGES for words in map(parsed, commands(page)) if words]
    assert len(found) >= 30
    assert len({words[0] for words in found}) > 1
    found += [["locust", *locust_options(script)] for script in SCRIPTS.values()]
    python(PARSE, json.dumps(found))


def test_every_make_target_exists() -> None:
    """Each target of make that a page names is in the Makefile."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"`make ([a-z-]+)`", "".join(PAGES.values()))
    typed = [command[1] for page in PAGES for command in commands(page) if command[0] == "make"]
    assert {*named, *typed} <= targets
    assert {"run", "test", "check", "proto", "clean"} <= targets


def test_what_is_applied_exists() -> None:
    """Each folder that a page has kubectl apply or delete is one of k8s."""
    folders = re.findall(r" -k (k8s/\S+?)[\s`]", "".join(PAGES.values()))
    assert {"k8s/job", "k8s/distributed", "k8s/distributed-job", "k8s/operator", "k8s/results"} <= set(folders)
    assert all((ROOT / folder / "kustomization.yaml").is_file() for folder in folders)


def test_the_messages_are_ours() -> None:
    """Each message that the questions and answers explain is one that the code holds."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "chaterload").rglob("*.py"))
    rows = PAGES["docs/faq.md"].split("| what you see |")[1].partition("\n\n")[0]
    cells = re.findall(r"^\| (`.*?`) \|", rows, re.MULTILINE)
    told = [part for cell in cells for message in re.findall(r"`(.*?)`", cell) for part in message.split(" … ")]
    assert len(cells) >= 10
    assert [part for part in told if part not in code and not part.startswith("TEST_")] == []


def test_readme_is_short() -> None:
    """README can be read in one go; what it has no room for is on a page of docs."""
    assert PAGES["README.md"].count("\n") <= 200


def test_the_strategies_are_as_told() -> None:
    """The tables of strategies have each of them, and the example of a new one is one."""
    for page in ("README.md", "docs/strategies.md"):
        rows = PAGES[page].partition("\n| strategy |" if page == "README.md" else "\n| name |")[2].partition("\n\n")[0]
        assert re.findall(r"^\| `?(\w+)`? \|", rows, re.MULTILINE) == list(strategies.NAMES), page
    example = next(block for block in blocks("docs/contributing.md", "python") if block.startswith("Strategy("))
    names = {"Strategy": strategies.Strategy, "Stage": strategies.Stage}
    made = eval(compile(ast.parse(example.rstrip().rstrip(","), mode="eval"), "docs", "eval"), names)  # noqa: S307
    assert made.peak_users == 80


def test_the_scenario_is_ours() -> None:
    """The example of a scenario, and that of its endpoint, are what the code says."""
    scenario, endpoint = (
        next(block for block in blocks("docs/contributing.md", "python") if block.startswith(start))
        for start in ("@tag(", "CUSTOM_DATE =")
    )
    assert indent(scenario, "    ") in (ROOT / "locustfile.py").read_text()
    assert endpoint in (ROOT / "chaterload/chater/routes.py").read_text()


@pytest.mark.parametrize(("page", "objectives"), [("docs/verdict.md", 5), ("docs/contributing.md", 1)])
def test_the_objectives_example_is_one(page: str, objectives: int) -> None:
    """The example of an objectives file is read as one."""
    assert len(parse(tomllib.loads(blocks(page, "toml")[0]), page)[0]) == objectives


def test_the_metrics_are_as_told() -> None:
    """The table of metrics, and the dashboard, have each name that Prometheus finds; the table has its labels too."""
    objective = Objective(Endpoint("GET", "/eater_get_today"), Measure.named("p95"), 2000.0)
    snapshot = Snapshot({objective.endpoint: EndpointStats(1, 0, {20: 1}, 20.0, 20.0)}, 1.0)
    rate = RateFigures(75.0, 74.8, Arrivals(2413))
    figures = Figures(snapshot, (), evaluate([objective], snapshot), Writes(), 1, 0, 0.0, Outcome.PASS, rate=rate)
    labels = {
        sample.name.removesuffix("_bucket"): ", ".join(name for name in sample.labels if name != "le")
        for family in figures.collect()
        for sample in family.samples
        if not sample.name.endswith(("_count", "_sum"))
    }
    told = re.findall(r"^\| (`chater_.*?) \| (.*?) ?\|", PAGES["docs/metrics.md"], re.MULTILINE)
    assert {name: given for names, given in told for name in re.findall(r"`(\w+)`", names)} == labels
    board = json.loads((ROOT / "k8s/grafana/dashboard.json").read_text(encoding="utf-8"))
    shown = {target["expr"] for panel in board["panels"] for target in panel["targets"]}
    assert {name.removesuffix("_bucket") for name in re.findall(r"\bchater_\w+", " ".join(shown))} == labels.keys()


@pytest.mark.parametrize("page", ["README.md", "docs/verdict.md"])
@pytest.mark.parametrize("code", list(Exit))
def test_every_exit_code_is_told(code: Exit, page: str) -> None:
    """README, and the page on the verdict, explain each exit code."""
    assert re.search(rf"^\| {int(code)} \| \w", PAGES[page], re.MULTILINE)
