"""--results keeps everything of a run in one folder, however it is started and however it ends."""

import csv
import json
import re
import signal
import stat
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from dotenv import dotenv_values

from chaterload.standin.process import StandInProcess
from tests.test_ci import SCRIPTS, locust_options

from .conftest import LENIENT, Cluster, Locust, Run, WebUi, credentials, requests_seen, wait_for

LIGHT = ("--headless", "--users", "10", "--spawn-rate", "10", "--tags", "language", "feedback")
KEPT = ("--results", "kept/results")
OF_LOCUST = {
    "locust.html",
    *(f"locust_{name}.csv" for name in ("stats", "stats_history", "failures", "exceptions")),
    "settings.env",
}
ALL = OF_LOCUST | {f"verdict.{form}" for form in ("txt", "json", "html", "md", "xml")}


def folders(run: Locust) -> list[Path]:
    """Those of the runs that `run` started, the oldest first."""
    parts = (run.folder / "kept/results").iterdir()
    return sorted(path for path in parts if path.is_dir() and path.name != "comparisons")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_complete(folder: Path, output: str) -> Any:
    """Every file is there and whole, and they agree with each other; returns the verdict."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ(-\d)?", folder.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert names(folder) == ALL
    document = json.loads((folder / "verdict.json").read_text())
    assert document["requests"] > 0
    with (folder / "locust_stats.csv").open() as file:
        table = {row["Name"]: int(row["Request Count"]) for row in csv.DictReader(file)}
    assert table.pop("Aggregated") == document["requests"]
    assert table == {row["path"]: row["requests"] for row in document["endpoints"]}
    assert (folder / "locust_stats_history.csv").read_text().count("\n") > 1
    assert all(path in (folder / "locust.html").read_text() for path in table)
    assert (folder / "verdict.html").read_text().rstrip().endswith("</html>")
    assert ElementTree.parse(folder / "verdict.xml").getroot().tag == "testsuites"  # noqa: S314  # our own file
    last = f"Verdict: {document['verdict'].upper()} (exit code {document['exit_code']})"
    text = (folder / "verdict.txt").read_text()
    assert text.splitlines()[-1] == last
    assert "\n\n".join(text.split("\n\n")[:4]) in output  # the sentence, objectives, endpoints, failures and writes
    printed = output.splitlines()
    assert last in printed[printed.index(f"Results in kept/results/{folder.name}") :]
    return document


def of_the_job() -> list[str]:
    """The options of the job for GitLab CI, but for the folder of results."""
    options = locust_options(SCRIPTS["gitlab"])
    return [KEPT[1] if option == "results" else option for option in options[options.index("--headless") :]]


def test_one_folder_and_the_next_runs_baseline(locust: Run, server: StandInProcess) -> None:
    """A run's files are in a folder of its own, which the next run, a CI's job, takes as its baseline and leaves."""
    given = {"TEST_FEEDBACK_TEXT": "it's fine", "LOCUST_USERS": "10"}
    light = (*LIGHT[3:], "--run-time", "2s")
    run = locust("--headless", "--exclude-tags", "auth", *light, *KEPT, env=credentials(server) | given)
    output = run.finish()
    (first,) = folders(run)
    assert assert_complete(first, output)["exit_code"] == run.wait() == 0
    kept = dotenv_values(first / "settings.env")
    assert kept.pop("TEST_OBJECTIVES") == str(LENIENT)
    secrets = ("TEST_USER_TOKEN", "TEST_AUTH_TOKEN")
    assert kept == {name: value for name, value in (credentials(server) | given).items() if name not in secrets}
    assert f"--tags language feedback --run-time 2s {' '.join(KEPT)}" in (first / "settings.env").read_text()
    assert f'href="{first.name}/verdict.html"' in (first.parent / "index.html").read_text()
    before = (first / "verdict.json").read_bytes()
    second = locust(*of_the_job(), "--users", "10", *light, env=credentials(server))
    assert second.finish()
    assert {"verdict.html", "verdict.md", "verdict.xml"} <= names(second.folder)
    compared = json.loads((folders(run)[1] / "verdict.json").read_text())["baseline"]
    assert {row["endpoint"] for row in compared} == {"all requests", "POST /set_language", "POST /feedback"}
    assert (first / "verdict.json").read_bytes() == before


def test_the_master_alone_writes(locust: Run, server: StandInProcess) -> None:
    """With a master and two workers that all know TEST_RESULTS there is one folder, with what both workers did."""
    env = credentials(server) | {"TEST_RESULTS": KEPT[1]}
    cluster = Cluster(locust, 2, *LIGHT, "--run-time", "3s", env=env)
    output = cluster.master.finish()
    for worker in cluster.workers:
        worker.finish()
    (folder,) = folders(cluster.master)
    assert assert_complete(folder, output)["run"]["workers"] == 2
    preflights = 2
    assert json.loads((folder / "verdict.json").read_text())["requests"] == requests_seen(server) - preflights


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_run_that_is_cut_short(locust: Run, server: StandInProcess, end: signal.Signals) -> None:
    """A signal half-way leaves a folder as complete as any, Locust's own page among its files."""
    run = locust(*LIGHT, "--run-time", "60s", *KEPT, env=credentials(server))
    wait_for(lambda: requests_seen(server, "POST /feedback") > 5, "the first requests")
    run.send(end)
    output = run.finish()
    (folder,) = folders(run)
    assert assert_complete(folder, output)["verdict"] == "invalid"
    assert run.wait() == 4


def test_each_run_in_the_web_ui_has_its_own(locust: Run, server: StandInProcess) -> None:
    """Two runs of one web UI leave two folders, each with its own counts."""
    web = WebUi()
    run = locust(*web.options, *LIGHT[5:], *KEPT, env=credentials(server))
    web.wait_until_up()
    for number in (1, 2):
        before = requests_seen(server)
        assert web.swarm(5)["success"]
        # of the server: Locust's own page is up to 2 s old, and would tell of the run before
        wait_for(lambda before=before: requests_seen(server) > before + 5, "requests")  # type: ignore[misc]
        assert web.post("/stop")["success"]
        wait_for(lambda number=number: run.output.count("Verdict:") == number, "the verdict")  # type: ignore[misc]
    run.send(signal.SIGTERM)
    output = run.finish()
    total = sum(assert_complete(folder, output)["requests"] for folder in folders(run))
    assert len(folders(run)) == 2
    preflights = 2
    assert total == requests_seen(server) - preflights


def test_workers_that_do_not_come(locust: Run, server: StandInProcess) -> None:
    """A master that gives up waiting for its workers keeps its verdict in a folder like any other."""
    waiting = ("--expect-workers", "2", "--expect-workers-max-wait", "1")
    cluster = Cluster(locust, 1, *LIGHT, *waiting, *KEPT, env=credentials(server))
    output = cluster.master.finish()
    (folder,) = folders(cluster.master)
    assert names(folder) == ALL
    assert json.loads((folder / "verdict.json").read_text())["exit_code"] == cluster.master.wait() == 4, output


def test_without_objectives(locust: Run, server: StandInProcess) -> None:
    """--no-objectives keeps what there is: Locust's files and the settings."""
    run = locust(*LIGHT, "--run-time", "2s", "--no-objectives", *KEPT, env=credentials(server))
    output = run.finish()
    assert run.wait() == 0, output
    (folder,) = folders(run)
    assert names(folder) == OF_LOCUST
    assert f"Results go to kept/results/{folder.name}" in output


def test_a_place_that_takes_no_folder(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A file where the folder should be is refused with exit code 2 before anything is sent."""
    (tmp_path / "kept").touch()
    run = locust(*LIGHT, *KEPT, env=credentials(server))
    output = run.finish()
    assert run.wait() == 2, output
    expected = "--results 'kept/results' cannot be written to (Not a directory). Expected a folder, new or old."
    assert expected in run.errors, output
    assert requests_seen(server) == 0
