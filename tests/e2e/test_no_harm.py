"""What was on an account before a run is there after it, and what the run made is not, however it ends."""

import json
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from chaterload.standin.process import StandInProcess

from .conftest import Cluster, Locust, Run, WebUi, credentials, page, processes, requests_seen, wait_for

USERS = ("--users", "50", "--spawn-rate", "50", "--tags", "full_flow")
SLOWISH = ["--latency-ms", "100"]
"""So that most of the users are in the middle of a flow at any moment."""

MANY = 80
"""Photos: more than users, so that every user has begun a flow and many have ended one."""


@pytest.fixture
def before(server: StandInProcess) -> list[Any]:
    """The 200 dishes that somebody ate before the run."""
    hour_ago = int(time.time() * 1000) - 3_600_000
    dishes = [{"time": hour_ago - 1000 * number, "calories": 300 + number} for number in range(200)]
    seeded: list[Any] = page(server, "seed", {"email": server.email, "dishes": dishes})["dishes"]
    assert len(seeded) == 200
    return seeded


def made(server: StandInProcess, before: list[Any]) -> set[int]:
    """The times of the run's dishes that are there now; those of `before` must all be there, unchanged."""
    now = page(server, "records")[server.email]["dishes"]
    times = {dish["time"] for dish in before}
    assert [dish for dish in now if dish["time"] in times] == before
    return {dish["time"] for dish in now} - times


def idle(server: StandInProcess) -> None:
    """Wait until the stand-in has dealt with every request, also those whose client has left."""
    wait_for(lambda: page(server, "counters")["in_flight"] == 0, "the last request to end")


def photos(server: StandInProcess) -> int:
    return requests_seen(server, "POST /eater_receive_photo")


def leftovers(run: Locust) -> Any:
    return json.loads((run.folder / "verdict.json").read_text())["leftovers"]


ENDS: dict[str, tuple[tuple[str, ...], Callable[[Locust], None]]] = {
    "run time over": (("--run-time", "5s"), lambda run: run.says("--run-time limit reached")),
    "SIGINT": ((), lambda run: run.send(signal.SIGINT)),
    "SIGTERM": ((), lambda run: run.send(signal.SIGTERM)),
    "SIGTERM of a parent of two": (processes(2), lambda run: run.send(signal.SIGTERM)),
}


@pytest.mark.parametrize("server", [SLOWISH], indirect=True)
@pytest.mark.parametrize("end", ENDS)
def test_a_run_leaves_nothing_behind(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str], end: str
) -> None:
    """However a headless run of 50 users ends in mid-flow, its dishes are gone and the others are untouched."""
    options, bring_about = ENDS[end]
    run = locust(
        "--headless", *USERS, *options, "--verdict-json", "verdict.json", env=credentials(server) | small_photo
    )
    if "--run-time" not in options:
        wait_for(lambda: photos(server) > MANY, "many photos")
    bring_about(run)
    output = run.finish()
    idle(server)
    assert photos(server) > 0
    assert made(server, before) == set(), output
    assert leftovers(run) == []


@pytest.mark.parametrize("server", [["--latency-ms", "20", "--slow", "/eater_receive_photo=1500"]], indirect=True)
def test_photos_in_flight_are_waited_for(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """A run that is told to end while all of its photos are being looked at removes what becomes of them."""
    run = locust("--headless", *USERS, "--verdict-json", "verdict.json", env=credentials(server) | small_photo)
    wait_for(lambda: photos(server) >= 50, "a photo of each user")
    run.send(signal.SIGTERM)
    output = run.finish()
    idle(server)
    assert made(server, before) == set(), output
    assert leftovers(run) == []
    assert len(page(server, "records")[server.email]["received"]["deletes"]) >= 50


@pytest.mark.parametrize("server", [["--slow", "/eater_receive_photo=4000"]], indirect=True)
def test_what_could_not_be_removed_is_listed(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """Photos that outlast the run's patience become dishes nobody removes: their times are printed and in the JSON."""
    run = locust(
        *("--headless", *USERS, "--stop-timeout", "1", "--verdict-json", "verdict.json"),
        env=credentials(server) | small_photo | {"TEST_CLEANUP_SECONDS": "0.5"},
    )
    wait_for(lambda: photos(server) >= 50, "a photo of each user")
    run.send(signal.SIGTERM)
    output = run.finish()
    idle(server)
    left = made(server, before)
    assert len(left) == 50
    listed = leftovers(run)
    assert left == {entry["time"] for entry in listed}
    assert {entry["email"] for entry in listed} == {server.email}
    assert not any(entry["certain"] for entry in listed)
    printed = {int(time) for time in re.findall(rf"{re.escape(server.email)} time (\d+)", output)}
    assert printed
    assert printed <= left
    assert "50 of the run's dishes are left or may be: 50 upload unclear" in output


@pytest.mark.parametrize("server", [SLOWISH], indirect=True)
def test_the_web_uis_buttons(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """Users that are taken away in the web UI remove their dishes, and so do those that Stop stops."""
    web = WebUi()
    run = locust(*web.options, "--tags", "full_flow", env=credentials(server) | small_photo)
    web.wait_until_up()
    assert web.swarm(50)["success"]
    wait_for(lambda: photos(server) > MANY, "many photos")
    assert web.swarm(3)["success"]
    wait_for(lambda: web.stats()["user_count"] == 3, "47 users to stop")
    wait_for(lambda: len(made(server, before)) <= 3, "the dishes of 47 users to go")
    assert web.swarm(50)["success"]
    wait_for(lambda: len(made(server, before)) > 10, "more dishes")
    assert web.post("/stop")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to stop")
    idle(server)
    assert made(server, before) == set(), run.output
    run.send(signal.SIGTERM)
    run.finish()


@pytest.mark.parametrize("server", [SLOWISH], indirect=True)
def test_a_worker_and_then_the_master_told_to_quit(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """A worker that gets SIGTERM removes its dishes before it ends, and all of them do when the master gets it."""
    env = credentials(server) | small_photo
    arguments = ("--headless", *USERS, "--enable-rebalancing", "--verdict-json", "verdict.json")
    cluster = Cluster(locust, 3, *arguments, env=env)
    wait_for(lambda: photos(server) > MANY, "many photos")
    first = cluster.workers[0]
    first.send(signal.SIGTERM)
    first.finish()
    seen = photos(server)
    wait_for(lambda: photos(server) > seen + 20, "the other workers' photos")
    cluster.master.send(signal.SIGTERM)
    output = cluster.master.finish()
    for worker in cluster.workers:
        worker.finish()
    idle(server)
    assert made(server, before) == set(), output
    assert leftovers(cluster.master) == []


@pytest.mark.parametrize("server", [SLOWISH], indirect=True)
def test_workers_whose_master_is_dead(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """Workers whose master was killed notice its silence, remove their dishes and end."""
    cluster = Cluster(locust, 2, "--headless", *USERS, env=credentials(server) | small_photo)
    wait_for(lambda: photos(server) > MANY, "many photos")
    cluster.master.kill()
    for worker in cluster.workers:
        worker.says("The master has been silent")
        worker.finish()
    idle(server)
    assert made(server, before) == set()


@pytest.mark.parametrize(
    "server",
    [
        pytest.param(["--workers", "8", "--service-ms", "60"], id="overload"),
        pytest.param(["--latency", "documented"], id="documented", marks=pytest.mark.slow),
        pytest.param(["--slow", "/eater_receive_photo=12000"], id="photos outlast the stop", marks=pytest.mark.slow),
    ],
    indirect=True,
)
def test_a_run_that_ends_by_itself_leaves_nothing(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """Users that stop all at once leave more than can be removed at once: the clean-up goes on until it is all gone."""
    run = locust(
        *("--headless", "--users", "150", "--spawn-rate", "150", "--tags", "full_flow", "--run-time", "8s"),
        *("--verdict-json", "verdict.json", "--stop-timeout", "1"),
        env=credentials(server) | small_photo,
    )
    output = run.finish(200)
    idle(server)
    assert made(server, before) == set(), output
    assert leftovers(run) == []
    assert "left to remove." in output


@pytest.mark.parametrize("server", [["--slow", "/delete_food=6000"]], indirect=True)
def test_the_time_for_the_clean_up_is_kept(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """TEST_CLEANUP_SECONDS=30 after SIGTERM is 30 s, however soon users are stopped."""
    env = credentials(server) | small_photo | {"TEST_CLEANUP_SECONDS": "30"}
    run = locust("--headless", *USERS, "--stop-timeout", "1", "--verdict-json", "verdict.json", env=env)
    wait_for(lambda: photos(server) >= 50, "a photo of each user")
    run.send(signal.SIGTERM)
    output = run.finish()
    idle(server)
    assert made(server, before) == set(), output
    assert leftovers(run) == []


# Whichever run sees the other first makes no more dishes: photos are slow, so that some still come for the other.
@pytest.mark.parametrize("server", [["--slow", "/eater_receive_photo=1000"]], indirect=True)
def test_two_runs_on_one_account(locust: Run, server: StandInProcess, before: list[Any], small_photo: Any) -> None:
    """Each sees that it is not alone, is invalid, loses nothing, and leaves no dish but those that it lists."""
    options = ("--headless", "--users", "20", "--spawn-rate", "20", "--tags", "full_flow", "--verdict-json")
    first = locust(*options, "verdict.json", env=credentials(server) | small_photo)
    wait_for(lambda: photos(server) > 20, "the first run's dishes")
    second = locust(*options, "second.json", "--run-time", "5s", env=credentials(server) | small_photo)
    outputs = [second.finish()]
    first.send(signal.SIGINT)
    outputs.insert(0, first.finish())
    idle(server)
    verdicts = [json.loads((first.folder / name).read_text()) for name in ("verdict.json", "second.json")]
    for verdict, output in zip(verdicts, outputs, strict=True):
        assert any(f"somebody else uses {server.email}" in reason for reason in verdict["reasons"]), output
        assert not any("acknowledged" in reason for reason in verdict["reasons"]), output
        assert {entry["trace"] for entry in verdict["leftovers"]} <= {"in doubt"}
    listed = {entry["time"] for verdict in verdicts for entry in verdict["leftovers"]}
    assert made(server, before) <= listed
    received = page(server, "records")[server.email]["received"]
    mine = {photo["time"] for photo in received["photos"]}
    assert {*received["deletes"], *(modify["time"] for modify in received["modifies"])} <= mine


@pytest.mark.parametrize("server", [["--daily-limit", "1"]], indirect=True)
def test_a_refused_photo_made_nothing(
    locust: Run, server: StandInProcess, before: list[Any], small_photo: dict[str, str]
) -> None:
    """After photos that are answered with 400 nothing is deleted, nothing is listed as left, and nobody waits."""
    run = locust(
        *("--headless", "--users", "20", "--spawn-rate", "20", "--tags", "full_flow"),
        *("--verdict-json", "verdict.json"),
        env=credentials(server) | small_photo,
    )
    wait_for(lambda: photos(server) > 20, "photos that are refused")
    run.send(signal.SIGINT)
    output = run.finish()
    idle(server)
    assert len(page(server, "records")[server.email]["received"].get("deletes", [])) <= 1
    assert (made(server, before), leftovers(run)) == (set(), []), output
