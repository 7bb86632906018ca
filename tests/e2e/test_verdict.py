"""Whether it was fast enough: the exit code, the last lines and the files, however a run ends."""

import json
import re
import shlex
import signal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from chaterload.judge.verdict import grade
from chaterload.standin.process import StandInProcess
from tests.support.warm import start_stand_in

from .conftest import (
    ROOT,
    TWELVE,
    USUAL,
    Cluster,
    Locust,
    Run,
    WebUi,
    answers,
    credentials,
    processes,
    requests_seen,
    rows,
    wait_for,
)

FLOW = ("--headless", "--users", "20", "--spawn-rate", "20", "--tags", "full_flow")
"""Every path that has an objective, and not the others: twice the requests to each in the same time."""

JSON, HTML, JUNIT = "verdict.json", "verdict.html", "verdict.xml"
FILES = ("--verdict-json", JSON, "--verdict-html", HTML, "--verdict-junit", JUNIT)


def with_options(*options: str) -> pytest.MarkDecorator:
    """The stand-in of this test gets these options."""
    return pytest.mark.parametrize("server", [options], indirect=True, ids=[" ".join(options)])


def verdict_of(run: Locust) -> Any:
    """What the run's JSON file says, which agrees with its exit code and with the last line that it printed."""
    output = run.finish()
    assert output.count("Verdict:") == 1, output
    document = json.loads((run.folder / JSON).read_text())
    assert run.wait() == document["exit_code"], output
    assert last_line(run) == f"Verdict: {document['verdict'].upper()} (exit code {document['exit_code']})", output
    return document


def last_line(run: Locust) -> str:
    """The last line of stdout; the log goes to stderr."""
    return (run.output.removesuffix(run.errors)).rstrip().rpartition("\n")[2]


def states(document: Any) -> dict[str, str]:
    return {f"{o['method']} {o['path']}".strip(): o["state"] for o in document["objectives"]}


def missed(document: Any) -> list[str]:
    return [name for name, state in states(document).items() if state == "missed"]


def assert_counts(document: Any, server: StandInProcess, preflights: int) -> None:
    """The JSON tells of every request that the stand-in saw, but for one preflight a process."""
    counted = {f"{row['method']} {row['path']}": row["requests"] for row in document["endpoints"]}
    seen = {name: requests_seen(server, name) for name in TWELVE}
    seen["GET /alcohol_latest"] -= preflights
    cleaned = document["cleanup_requests"]
    assert {name: counted.get(name, 0) + cleaned.get(name, 0) for name in TWELVE} == seen
    assert document["requests"] == sum(counted.values()) > 0


def wait_for_flows(server: StandInProcess) -> None:
    """Wait until users have come to the end of their first flow, so that every path of FLOW has requests."""
    wait_for(lambda: requests_seen(server, "POST /delete_food") >= 5, "the first deletes")


GENEROUS = "".join(f'["{endpoint}"]\np95 = 30\n' for endpoint in ("POST /manual_weight", "POST /get_recommendation"))
"""Objectives that a busy machine meets too."""


def ended_after(run: Locust, server: StandInProcess, requests: int) -> Any:
    """The verdict of a run that somebody ended when the stand-in had seen so many recommendations."""
    wait_for(lambda: requests_seen(server, "POST /get_recommendation") >= requests, "recommendations")
    run.send(signal.SIGINT)
    return verdict_of(run)


def test_fast_enough_and_then_slower(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A run that meets everything ends with 0; a slower one after it meets the limits, and not the baseline: 3."""
    (tmp_path / "generous.toml").write_text(GENEROUS + '["POST /food_health_level"]\np95 = 1\n')
    enough = (*FLOW, "--users", "60", "--spawn-rate", "60", "--objectives", "generous.toml", *FILES)
    run = locust(*enough, env=credentials(server))
    first = ended_after(run, server, 150)
    assert (first["verdict"], first["exit_code"], first["reasons"]) == ("pass", 0, [])
    assert set(states(first).values()) == {"met", "not_applicable"}  # health_level has to be named
    earlier = run.folder / "earlier.json"
    (run.folder / JSON).rename(earlier)
    with start_stand_in(["--slow", "/get_recommendation=900"]) as slower:
        run = locust(*enough, "--baseline", str(earlier), env=credentials(slower))
        second = ended_after(run, slower, 150)
    assert second["exit_code"] == 3, second["baseline"]
    assert set(states(second).values()) == {"met", "not_applicable"}
    worse = {row["endpoint"]: row["p95_now_ms"] for row in second["baseline"] if row["slower"]}
    assert worse["POST /get_recommendation"] >= 900
    # a busy machine may be slower elsewhere too, and so may the p95 of all requests
    reasons = [reason for reason in second["reasons"] if not reason.startswith("all requests ")]
    assert len(reasons) == len(worse.keys() - {"all requests"})
    assert all(re.search(r" worse than the baseline: median \S+ m?s -> ", reason) for reason in reasons)


@with_options("--slow", "/manual_weight=900")
@pytest.mark.parametrize("mode", ["local", "processes", "master"])
def test_the_same_verdict_in_every_mode(locust: Run, server: StandInProcess, tmp_path: Path, mode: str) -> None:
    """One process, --processes 2, and a master with two workers miss the one slow path, and count each request once."""
    (tmp_path / "one.toml").write_text(f'["POST /manual_weight"]\np95 = 0.5\n{GENEROUS[GENEROUS.index("30") + 3 :]}')
    arguments = (*FLOW, "--objectives", "one.toml", *FILES)
    if mode == "master":
        cluster = Cluster(locust, 2, *arguments, env=credentials(server))
        document = ended_after(cluster.master, server, 40)
        for worker in cluster.workers:
            assert "Verdict:" not in worker.finish()
            assert worker.wait() == 0
    else:
        run = locust(*arguments, *(processes(2) if mode == "processes" else ()), env=credentials(server))
        document = ended_after(run, server, 40)
    assert (document["verdict"], document["exit_code"]) == ("fail", 3)
    assert missed(document) == ["POST /manual_weight"]
    (reason,) = document["reasons"]
    assert re.match(r"POST /manual_weight: p95 is (9\d\d ms|\d[\d.]* s), expected below 500 ms", reason)
    assert_counts(document, server, preflights=1 if mode == "local" else 2)
    assert document["run"]["workers"] == (0 if mode == "local" else 2)


@with_options("--fault-5xx", "0.1")
def test_failures_are_graded(locust: Run, server: StandInProcess) -> None:
    """10 % of server errors are critical, and the same number as the stand-in's own."""
    run = locust("--headless", "--users", "60", "--spawn-rate", "60", *FILES, env=credentials(server))
    wait_for(lambda: requests_seen(server) >= 500, "requests")
    run.send(signal.SIGINT)
    document = verdict_of(run)
    cleaned = sum(document["cleanup_requests"].values())
    assert document["failures"] <= answers(server, 500) <= document["failures"] + cleaned
    assert document["failure_ratio"] == pytest.approx(0.1, rel=0.5)
    assert document["grade"] == grade(document["failure_ratio"]) == "critical"
    assert document["exit_code"] == 3
    assert "all requests" in missed(document)
    assert document["diagnosis"][0]["title"] == "server error"


def test_a_killed_worker(locust: Run, server: StandInProcess) -> None:
    """A run that lost one of two workers proves nothing, and says so."""
    cluster = Cluster(locust, 2, *FLOW, "--run-time", "5s", *FILES, env=credentials(server))
    wait_for_flows(server)
    cluster.workers[0].send(signal.SIGKILL)
    document = verdict_of(cluster.master)
    assert (document["verdict"], document["exit_code"]) == ("invalid", 4)
    assert any(re.match(r"worker .+ (was lost during the run|did not send)", why) for why in document["reasons"])


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_cut_short(locust: Run, server: StandInProcess, end: signal.Signals) -> None:
    """A signal half-way makes the run invalid: every request is counted and all files are there, whole."""
    run = locust(*FLOW, "--run-time", "60s", *FILES, env=credentials(server))
    wait_for_flows(server)
    run.send(end)
    document = verdict_of(run)
    assert (document["verdict"], document["exit_code"]) == ("invalid", 4)
    assert re.match(r"cut short by a signal after \d+ s of 60 s", document["reasons"][0])
    assert_counts(document, server, preflights=1)
    assert_whole(run.folder)


def assert_whole(folder: Path) -> None:
    """The files are complete and tell the same, and nothing half-written is beside them."""
    document = json.loads((folder / JSON).read_text())
    assert (folder / HTML).read_text().rstrip().endswith("</html>")
    assert document["reasons"][0] in (folder / HTML).read_text()
    suites = ElementTree.parse(folder / JUNIT).getroot()  # noqa: S314  # our own file
    assert len(suites.findall("testsuite[@name='objectives']/testcase")) == len(document["objectives"])
    assert not list(folder.glob(".verdict*"))


def test_ended_by_hand(locust: Run, server: StandInProcess) -> None:
    """A run without a time of its own is complete when someone presses Ctrl-C."""
    run = locust(*FLOW, *FILES, env=credentials(server))
    wait_for_flows(server)
    run.send(signal.SIGINT)
    document = verdict_of(run)
    assert (document["verdict"], document["reasons"]) == ("pass", [])
    assert_counts(document, server, preflights=1)


def test_the_last_worker_is_gone(locust: Run, server: StandInProcess) -> None:
    """A headless master whose workers all end early gives its verdict, once, instead of waiting for ever."""
    cluster = Cluster(locust, 1, *FLOW, "--run-time", "60s", *FILES, env=credentials(server))
    wait_for_flows(server)
    cluster.workers[0].send(signal.SIGTERM)
    document = verdict_of(cluster.master)
    assert (document["verdict"], document["exit_code"]) == ("invalid", 4)


def test_fewer_workers_than_expected(locust: Run, server: StandInProcess) -> None:
    """Workers that do not come in time make the run invalid, and nothing is sent."""
    cluster = Cluster(
        locust,
        1,
        *FLOW,
        "--run-time",
        "2s",
        "--expect-workers",
        "2",
        "--expect-workers-max-wait",
        "2",
        *FILES,
        env=credentials(server),
    )
    document = verdict_of(cluster.master)
    assert document["exit_code"] == 4
    assert "1 of 2 expected workers came within 2 s" in document["reasons"]
    assert requests_seen(server) == 0


@pytest.mark.parametrize(("server", "code"), [([], 0), (["--fault-5xx", "0.2"], 1)], indirect=["server"])
def test_no_objectives(locust: Run, server: StandInProcess, code: int) -> None:
    """--no-objectives leaves Locust its own exit codes, and shows the endpoints and what failed."""
    run = locust(*FLOW, "--run-time", "2s", "--no-objectives", env=credentials(server))
    output = run.finish()
    assert run.wait() == code, output
    assert "Verdict:" not in output
    assert "Objective  " not in output
    failed = sum(failures for _, failures in rows(output).values())
    assert bool(failed) == bool(code)
    assert sum(int(count) for count in re.findall(r"^  (\d+) x server error at ", output, re.MULTILINE)) == failed


def test_an_objective_without_data(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """An objective on a path that nobody asks makes the run invalid."""
    objectives = tmp_path / "objectives.toml"
    objectives.write_text('["GET /nobody"]\np95 = 1\n["POST /manual_weight"]\np95 = 40\n')
    run = locust(*FLOW, "--objectives", str(objectives), *FILES, env=credentials(server))
    document = ended_after(run, server, 10)
    assert (document["exit_code"], document["reasons"]) == (4, ["GET /nobody cannot be judged: it has no requests"])
    assert states(document) == {"GET /nobody": "no_data", "POST /manual_weight": "met"}


def test_what_the_tags_leave_out(locust: Run, server: StandInProcess) -> None:
    """An objective whose path the tags left out is not applicable, and the run is judged by the others."""
    arguments = ("--headless", "--users", "10", "--spawn-rate", "10", "--tags", "alcohol", "feedback")
    document = verdict_of(locust(*arguments, "--run-time", "2s", *FILES, env=credentials(server)))
    assert document["exit_code"] == 0
    assert states(document).pop("all requests") == "met"
    assert {state for name, state in states(document).items() if name != "all requests"} == {"not_applicable"}


def test_wrong_objectives(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A file of wrong objectives is told with every mistake and exit code 2, and nothing is sent."""
    objectives = tmp_path / "objectives.toml"
    objectives.write_text(
        'speed = 9\n["POST /manual_weight"]\np95 = "fast"\np195 = 1\n["GET /x"]\nminimum_requests = 0\n'
    )
    run = locust(*FLOW, "--run-time", "2s", "--objectives", str(objectives), *FILES, env=credentials(server))
    output = run.finish()
    assert run.wait() == 2, output
    for mistake in (
        "'speed' is no table of an endpoint.",
        "[\"POST /manual_weight\"] p95 is 'fast'. Expected a number of seconds above 0.",
        '["POST /manual_weight"] p195 is no measure.',
        '["GET /x"] minimum_requests is 0.',
        '["GET /x"] holds no measure.',
    ):
        assert run.errors.count(mistake) == 1, output
    assert requests_seen(server) == 0


@with_options("--fault-5xx", "0.5")
def test_hopeless_runs_are_stopped_early(locust: Run, server: StandInProcess) -> None:
    """--abort-on-critical ends a run whose failures stay critical, says so, and counts it as missed."""
    arguments = (*FLOW, "--run-time", "60s", "--abort-on-critical", "3", *FILES)
    document = verdict_of(locust(*arguments, env=credentials(server)))
    assert (document["verdict"], document["exit_code"], document["grade"]) == ("fail", 3, "critical")
    assert "stopped early: failures were critical for 3 s (--abort-on-critical)" in document["reasons"]
    assert document["run"]["seconds"] < 30


@with_options("--slow", "/get_recommendation=300")
def test_answers_that_come_too_late(locust: Run, server: StandInProcess) -> None:
    """A good answer that took longer than TEST_MAX_RESPONSE_SECONDS is a failed request."""
    env = credentials(server) | {"TEST_MAX_RESPONSE_SECONDS": "0.25"}
    document = ended_after(locust(*FLOW, *FILES, env=env), server, 10)
    rows = {row["path"]: row for row in document["endpoints"]}
    assert rows["/get_recommendation"]["failures"] == rows["/get_recommendation"]["requests"] > 0
    assert missed(document) == ["all requests"]
    assert "slower than TEST_MAX_RESPONSE_SECONDS" in [row["kind"] for row in document["failure_kinds"]]


def test_a_file_that_cannot_be_written(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A verdict that cannot be written is an error of its own, in words; the other files and the verdict are there."""
    (tmp_path / "file").touch()
    arguments = (*FLOW, "--run-time", "2s", *FILES, "--verdict-html", str(tmp_path / "file" / HTML))
    run = locust(*arguments, env=credentials(server))
    output = run.finish()
    assert run.wait() == 1, output
    assert re.search(r"--verdict-html '\S+/file/verdict.html' could not be written: ", run.errors), output
    document = json.loads((run.folder / JSON).read_text())
    assert last_line(run) == "Verdict: PASS (exit code 1)"
    assert (document["verdict"], document["exit_code"]) == ("pass", 1)


def first_row(web: WebUi) -> str:
    """The tab's verdict, empty before the first run."""
    return "".join(row["objective"] for row in web.stats()["extended_stats"][0]["data"][:1])


def test_stopped_in_the_web_ui(locust: Run, server: StandInProcess) -> None:
    """Stop in the web UI gives the verdict, once: on the console, in the files and as the tab's first row."""
    web = WebUi()
    run = locust(*web.options, "--tags", "full_flow", "--host", server.host, *FILES, env=credentials(server))
    web.wait_until_up()
    assert web.stats()["extended_stats"] == [{"key": "objectives", "data": []}]
    assert web.swarm(20, host=server.host)["success"]
    wait_for(lambda: first_row(web).startswith("So far: "), "the tab")
    wait_for_flows(server)
    assert web.post("/stop")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to stop")
    run.says("Verdict: PASS")
    assert first_row(web) == "Verdict: PASS"
    run.send(signal.SIGTERM)
    document = verdict_of(run)
    assert document["exit_code"] == 0
    assert_counts(document, server, preflights=1)


@pytest.mark.parametrize("options", ["--fault-hang 0.1", "--silent-backend --patience-scale 0.2"])
def test_a_server_that_does_not_answer(locust: Run, small_photo: dict[str, str], options: str) -> None:
    """Silence is no success: requests without an answer fail the run, and are our own, not those of others."""
    run = locust(
        *("--headless", "--users", "20", "--spawn-rate", "20", "--run-time", "12s", "--stop-timeout", "1", *FILES),
        *("--stand-in", "--stand-in-options", options, "--objectives", str(USUAL)),
        env=small_photo,
    )
    document = verdict_of(run)
    assert (document["verdict"], document["exit_code"]) == ("fail", 3)
    assert sum(row["count"] for row in document["unanswered"]) > 0
    assert "unanswered" in {sample["kind"] for sample in document["failure_samples"]}
    assert "others use the server" not in run.output
    assert "others use the server" not in json.dumps(document)


def test_the_example_of_an_invalid_run(locust: Run) -> None:
    """The first command of the questions and answers makes a run that proves nothing, as its text says."""
    (command, *_) = re.findall(
        r"^\.venv/bin/locust -f locustfile\.py (.*)$", (ROOT / "docs/faq.md").read_text(), re.MULTILINE
    )
    run = locust(*shlex.split(command))
    output = run.finish()
    assert run.wait() == 4, output
    assert "Verdict: INVALID" in output
