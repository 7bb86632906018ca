"""The named strategies in real runs: what they start, what they find, and what is read from them."""

import csv
import json
import signal
from pathlib import Path

import pytest

from chaterload.load.strategies import NAMES
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess

from .conftest import TWELVE, USUAL, Run, WebUi, credentials, processes, rows, wait_for

MOST_S = 300.0
"""The longest that one of these takes."""

ALL_REQUESTS = '["all requests"]\np95 = 0.5\n'


def verdict(folder: Path):
    return json.loads((folder / "verdict.json").read_text())


def run(locust: Run, server: StandInProcess, *arguments: str, photo: dict[str, str]):
    """A headless run to its end: its output, exit code and verdict JSON."""
    process = locust("--headless", *arguments, "--verdict-json", "verdict.json", env=credentials(server) | photo)
    process.wait(MOST_S)
    output = process.finish()
    return output, process.wait(), verdict(process.folder)


def users_of(folder: Path) -> list[int]:
    """The users of each second, from Locust's own history."""
    with (folder / "locust_stats_history.csv").open() as file:
        return [int(row["User Count"]) for row in csv.DictReader(file)]


def expected_knee(capacity: float, service_s: float) -> float:
    """As many users as it takes to ask for the capacity: seven tasks of thirteen requests, and a second of thought.

    From the mix, not from the measured steps: the first of those last two seconds and may be half of their mean.
    """
    requests = 13 / 7
    return capacity * (1 + requests * service_s) / requests


def assert_found(result, output: str, capacity: float, service_s: float, objective: str) -> None:
    """The requests per second within 10 %, the objective by name, and the knee within one step."""
    found, curve = result["analysis"]["capacity"], result["analysis"]["curve"]
    assert found["requests_per_second"] == pytest.approx(capacity, rel=0.1), result["analysis"]
    assert found["broken"][0] == objective
    assert found["users"] < found["first_broken_users"] <= 1.2 * found["users"]
    assert found["limit"] == "the server"
    assert curve["trend"] == "plateauing", curve
    assert curve["knee_users"] == pytest.approx(expected_knee(capacity, service_s), abs=10), curve
    assert f"Capacity: {found['users']} users and" in output
    assert f"{found['first_broken_users']} users break {objective}" in " ".join(output.split())
    assert "The limit is the server." in " ".join(output.split())


@pytest.mark.slow
@pytest.mark.parametrize("server", [["--workers", "1", "--service-ms", "25"]], indirect=True)
def test_capacity(locust: Run, server: StandInProcess, small_photo: dict[str, str], tmp_path: Path) -> None:
    """The search finds 40 requests per second, names what broke, and shows that the time is spent in the queue."""
    (tmp_path / "objectives.toml").write_text(ALL_REQUESTS)
    arguments = ("--strategy", "capacity", "--strategy-scale", "0.2", "--objectives", "objectives.toml")
    output, code, result = run(locust, server, *arguments, photo=small_photo)
    assert code == 0, output
    assert_found(result, output, 40, 0.025, "all requests p95")
    assert not result["analysis"]["server"]["note"]
    times = result["analysis"]["server"]["times"]
    assert len(times) == len(TWELVE)
    for time in times:
        assert time["server_ms"] == pytest.approx(25, abs=10)
        assert time["ours_ms"] > 3 * time["server_ms"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "capacity", "service_s"),
    [
        (["--workers", "2", "--service-ms", "50"], 40, 0.05),
        (["--workers", "4", "--service-ms", "40"], 100, 0.04),
        (["--workers", "1", "--service-ms", "20"], 50, 0.02),
    ],
    indirect=["server"],
)
def test_capacity_by_the_usual_objectives(
    locust: Run, server: StandInProcess, small_photo: dict[str, str], capacity: int, service_s: float
) -> None:
    """The search finds workers divided by service time, and that weights, with the tightest limit, break first."""
    arguments = ("--strategy", "capacity", "--strategy-scale", "0.25", "--objectives", str(USUAL))
    output, code, result = run(locust, server, *arguments, photo=small_photo)
    print(result["run"]["seconds"], result["analysis"]["capacity"], result["analysis"]["curve"])  # noqa: T201  # with -s
    assert code == 0, output
    assert_found(result, output, capacity, service_s, "POST /manual_weight p95")


@pytest.mark.slow
@pytest.mark.parametrize(
    "server",
    [["--workers", "4", "--latency", "idle", "--drop-weight", "0.2", "--seed", str(seed)] for seed in range(3)],
    indirect=True,
)
def test_lost_writes_do_not_decide_a_capacity(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """On a server that loses a fifth of its weights the search ends where a time breaks; the losses fail the run."""
    accounts = {"TEST_JWT_SECRET": STAND_IN_SECRET, "TEST_ACCOUNTS": "30"}
    arguments = ("--strategy", "capacity", "--strategy-scale", "0.4")
    output, code, result = run(locust, server, *arguments, photo=small_photo | accounts)
    found = result["analysis"]["capacity"]
    print(result["run"]["seconds"], found)  # noqa: T201  # with -s
    assert code == 3, output
    assert 7 <= found["users"] < found["first_broken_users"] <= 15
    assert all(name.endswith(" p95") for name in found["broken"])
    assert 7 < found["requests_per_second"] < 12
    assert any("weights" in reason for reason in result["reasons"])
    assert result["run"]["seconds"] < 300


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "trend"),
    [
        (["--workers", "2", "--service-ms", "20", "--degrade", "0.05"], "decreasing"),
        (["--latency-ms", "20"], "increasing"),
        (["--workers", "1", "--service-ms", "20"], "plateauing"),
    ],
    indirect=["server"],
)
def test_throughput_against_users(locust: Run, server: StandInProcess, small_photo: dict[str, str], trend: str) -> None:
    """What degrades under load is called decreasing, what is ample increasing, what is limited plateauing."""
    arguments = ("--strategy", "stress", "--strategy-scale", "0.14", "--strategy-users", "80")
    output, _, result = run(locust, server, *arguments, photo=small_photo)
    curve = result["analysis"]["curve"]
    print(curve)  # noqa: T201  # with -s
    assert curve["trend"] == trend, curve
    assert f"Throughput against users: {trend}" in output
    assert len(curve["points"]) >= 9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("server", "drifting"),
    [
        (["--latency", "documented", "--leak", "150"], True),
        (["--latency", "documented"], False),
    ],
    indirect=["server"],
)
def test_drift(locust: Run, server: StandInProcess, small_photo: dict[str, str], drifting: bool) -> None:
    """A stand-in that becomes slower by 150 ms a minute drifts and fails, one whose answers only scatter does not."""
    arguments = ("--strategy", "endurance", "--strategy-scale", "0.025")
    output, code, result = run(locust, server, *arguments, photo=small_photo)
    trends = result["analysis"]["drift"]["trends"]
    print({name: (t["direction"], t["slope"], t["p"]) for name, t in trends.items()})  # noqa: T201  # with -s
    rising = {name for name, t in trends.items() if t["direction"] == "rising"}
    assert ("all requests" in rising) is drifting
    assert ("all requests: no_rising_trend is" in output) is drifting
    assert ("ms per minute" in output) is drifting
    if drifting:
        assert code == 3
        assert trends["POST /manual_weight"]["slope"] == pytest.approx(150 / 60, rel=0.3)


def test_smoke(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """One user on one of two processes runs every task within seconds, and the run is a good one."""
    arguments = (*processes(2), "--strategy", "smoke", "--strategy-scale", "0.17")
    output, code, result = run(locust, server, *arguments, photo=small_photo)
    assert code == 0, output
    assert rows(output).keys() == TWELVE
    assert (result["run"]["strategy"], result["run"]["users"]) == ("smoke", 1)


def test_spike(locust: Run, server: StandInProcess, small_photo: dict[str, str], tmp_path: Path) -> None:
    """One run goes from 10 users to 100 within two seconds and back to 10, and one report tells of its recovery."""
    arguments = ("--strategy", "spike", "--strategy-scale", "0.015", "--csv", "locust")
    output, code, result = run(locust, server, *arguments, photo=small_photo)
    assert code == 0, output
    assert (result["run"]["strategy"], result["run"]["users"]) == ("spike", 100)
    assert "Recovery from the spike:" in output
    users = users_of(tmp_path)
    rise, fall = users.index(100), len(users) - users[::-1].index(100)
    assert users[1] == users[-1] == 10
    assert users[1:rise] == sorted(users[1:rise])
    assert set(users[rise:fall]) == {100}


def test_a_strategy_and_a_number_of_users(locust: Run, server: StandInProcess) -> None:
    """A strategy together with -u, -r and -t never starts, and the sentence names all three."""
    process = locust("--headless", "--strategy", "load", "-u", "5", "-r", "5", "-t", "5s", env=credentials(server))
    output = process.finish()
    assert process.wait() == 2
    assert "--strategy load is given together with --users, --spawn-rate, --run-time" in output


def test_an_unknown_strategy(locust: Run, server: StandInProcess) -> None:
    """A misspelt name never starts, and the sentence lists the names."""
    process = locust("--headless", env=credentials(server) | {"TEST_STRATEGY": "sppike"})
    output = process.finish()
    assert process.wait() == 2
    assert f"--strategy 'sppike' is unknown. Expected one of: {', '.join(NAMES)}." in output


def test_a_strategy_that_is_ended_by_a_signal(locust: Run, server: StandInProcess) -> None:
    """A strategy that is terminated before its end proves nothing: exit code 4, and the reason."""
    process = locust("--headless", "--strategy", "load", env=credentials(server))
    process.says("Shape test updating to 50 users")
    wait_for(lambda: "/eater_get_today" in process.output, "the first table")
    process.send(signal.SIGTERM)
    output = process.finish()
    assert process.wait() == 4, output
    assert "load was ended after" in output
    assert "before its own end" in output


def test_the_class_picker(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """The web UI offers every strategy, and starts the one that is picked."""
    web = WebUi()
    process = locust(*web.options, "--class-picker", "--strategy-scale", "0.02", env=credentials(server) | small_photo)
    web.wait_until_up()
    page = web.get("/").decode()
    assert all(f'"{name}: ' in page for name in NAMES)
    picked = "spike: 10 to 100 users, 11 s"
    answer = web.post("/swarm", user_count=1, spawn_rate=1, user_classes="ChaterUser", shape_class=picked)
    assert answer["success"], answer
    wait_for(lambda: web.stats()["user_count"] == 10, "the first stage")
    wait_for(lambda: web.stats()["user_count"] == 100, "the spike")
    assert web.post("/stop")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to stop")
    process.send(signal.SIGTERM)
    process.finish()
    assert process.wait() == 4  # the strategy did not come to its end


@pytest.mark.slow
def test_smoke_from_the_web_ui(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """Picked in a master's web UI, smoke runs every task as well: the workers are told."""
    web = WebUi()
    options = (*web.options, *processes(2), "--class-picker", "--strategy-scale", "0.25")
    process = locust(*options, env=credentials(server) | small_photo)
    web.wait_until_up()
    wait_for(lambda: len(web.stats()["workers"]) == 2, "two workers")
    assert web.post("/swarm", user_count=1, spawn_rate=1, user_classes="ChaterUser", shape_class="smoke")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to end")
    assert {f"{row['method']} {row['name']}" for row in web.stats()["stats"]} >= TWELVE
    process.send(signal.SIGTERM)
    process.finish()
    assert process.wait() == 0
