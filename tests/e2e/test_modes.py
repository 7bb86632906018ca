"""Every way to start Locust that the README names, and what a run sends."""

import csv
import hashlib
import json
import re
import signal
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any

from chaterload.chater.wire import DAY_MS
from chaterload.standin.process import StandInProcess

from .conftest import (
    ROOT,
    TWELVE,
    Cluster,
    Run,
    WebUi,
    credentials,
    page,
    processes,
    refuses,
    requests_seen,
    rows,
    wait_for,
)

MIX = ("--headless", "--users", "40", "--spawn-rate", "40", "--run-time", "4s")
"""Some 160 tasks: that one of seven is never picked has a chance of 10 to the minus 10."""


def assert_whole_mix(output: str) -> None:
    """All twelve rows are there, and none has a failure."""
    counted = rows(output)
    assert counted.keys() == TWELVE
    assert all(requests > 0 and not failures for requests, failures in counted.values()), counted


def test_headless_with_csv_and_html(locust: Run, server: StandInProcess) -> None:
    """A headless run ends by itself with all twelve rows, without failures, and its files agree with its table."""
    run = locust(*MIX, "--csv", "result", "--html", "report.html", env=credentials(server))
    output = run.finish()
    assert run.wait() == 0, output
    assert_whole_mix(output)
    assert output.count("# fails") > 1, "Locust's periodic tables are missing"
    assert "# fails" not in output[output.index("Shutting down") :], "Locust's last table is still there"
    assert "Response time percentiles" not in output
    assert "\x1b" not in output
    with (run.folder / "result_stats.csv").open() as file:
        table = {f"{row['Type']} {row['Name']}": row for row in csv.DictReader(file) if row["Name"] != "Aggregated"}
    counted = rows(output)
    assert table.keys() == TWELVE
    # Locust writes these files once a second and not at the end: they may lack the last second
    assert all(0 < int(row["Request Count"]) <= counted[name][0] for name, row in table.items())
    assert all(row["Failure Count"] == "0" for row in table.values())
    assert (run.folder / "result_stats_history.csv").read_text().count("\n") > 1
    assert (run.folder / "result_failures.csv").read_text().count("\n") == 1  # the header
    assert (run.folder / "result_exceptions.csv").read_text().count("\n") == 1
    html = (run.folder / "report.html").read_text()
    assert all(name.split()[1] in html for name in TWELVE)


def test_what_was_sent_arrived(locust: Run, server: StandInProcess) -> None:
    """The stand-in holds the photo, percentage, weights, dates, language, text and days that were asked for."""
    sent = {
        "TEST_CUSTOM_DATE": "29-02-2024",
        "TEST_LANGUAGE_CODE": "pt-BR",
        "TEST_RECOMMENDATION_DAYS": "7",
        "TEST_ALCOHOL_START": "01-12-2023",
        "TEST_ALCOHOL_END": "31-01-2024",
        "TEST_FEEDBACK_TEXT": "Żółw says: grüße! 🍲",
        "TEST_AUTH_PROVIDER": "apple",
        "TEST_AUTH_EMAIL": "signs-in@example.com",
        "TEST_AUTH_NAME": "Zoë",
        "TEST_AUTH_PROFILE_URL": "https://example.com/zoe.png",
        "TEST_AUTH_TOKEN": server.id_token,
    }
    began = int(datetime.now(UTC).timestamp() * 1000)
    output = locust(*MIX, env={**credentials(server), **sent}).finish()
    assert_whole_mix(output)
    records = page(server, "records")
    received = records[server.email]["received"]
    photo = (ROOT / "image.png").read_bytes()
    assert {(p["photo_sha256"], p["photo_bytes"], p["photo_type"]) for p in received["photos"]} == {
        (hashlib.sha256(photo).hexdigest(), len(photo), "default_prompt")
    }
    times = {p["time"] for p in received["photos"]}
    assert len(times) == len(received["photos"]), "two flows took the same time"
    days = {began // DAY_MS, int(datetime.now(UTC).timestamp() * 1000) // DAY_MS}
    assert {time // DAY_MS for time in times} <= days
    assert {(m["percentage"], m["user_email"]) for m in received["modifies"]} == {(200, server.email)}
    assert {m["time"] for m in received["modifies"]} <= times
    assert set(received["deletes"]) == times
    # The stand-in reads weights as Chater UI does, not as it documents them; tests/test_weight.py reads both.
    assert received["weights"]
    assert all(40 <= weight <= 150 for weight in received["weights"])
    assert sorted(records[server.email]["weights"]) == sorted(received["weights"])
    assert set(received["recommendations"]) == {7}
    assert set(received["custom_dates"]) == {"29-02-2024"}
    assert {tuple(range_) for range_ in received["alcohol_ranges"]} == {("01-12-2023", "31-01-2024")}
    assert {(t["language_code"], t["user_email"]) for t in received["languages"]} == {("pt-BR", server.email)}
    assert {(f["feedback"], f["userEmail"]) for f in received["feedback"]} == {("Żółw says: grüße! 🍲", server.email)}
    signed_in = records["signs-in@example.com"]["received"]["auth"]
    assert {(a["provider"], a["name"], a["profilePictureURL"]) for a in signed_in} == {
        ("apple", "Zoë", "https://example.com/zoe.png")
    }
    assert not records[server.email]["dishes"]


def test_locusts_own_variables_and_tags(locust: Run, server: StandInProcess) -> None:
    """LOCUST_HOST, LOCUST_USERS, LOCUST_SPAWN_RATE and LOCUST_RUN_TIME are enough, and --tags leaves what it names."""
    env = credentials(server) | {
        "TARGET_HOST": "http://127.0.0.1:9",  # LOCUST_HOST goes before it
        "LOCUST_HOST": server.host,
        "LOCUST_USERS": "7",
        "LOCUST_SPAWN_RATE": "7",
        "LOCUST_RUN_TIME": "3s",
    }
    run = locust("--headless", "--tags", "alcohol", "language", env=env)
    output = run.finish()
    assert run.wait() == 0, output
    assert "7 total users" in output
    assert "Run time limit set to 3 seconds" in output
    assert rows(output).keys() <= {"GET /alcohol_latest", "POST /alcohol_range", "POST /set_language"}
    assert sum(requests for requests, _ in rows(output).values()) >= 7


def test_excluded_tags(locust: Run, server: StandInProcess) -> None:
    """--exclude-tags leaves out what it names and nothing else."""
    output = locust(*MIX, "--exclude-tags", "full_flow", "auth", env=credentials(server)).finish()
    flow = {"receive_photo", "get_today", "modify", "weight", "recommendation", "delete", "auth"}
    assert rows(output).keys() == {name for name in TWELVE if not any(word in name for word in flow)}


def test_a_master_and_three_workers(locust: Run, server: StandInProcess) -> None:
    """--master --expect-workers 3 waits for its workers, shares the users out and counts what all of them did."""
    cluster = Cluster(locust, 3, *MIX, "--verdict-json", "verdict.json", env=credentials(server))
    output = cluster.master.finish()
    assert cluster.master.wait() == 0, output
    assert_whole_mix(output)
    for worker in cluster.workers:
        worker.finish()
        assert worker.wait() == 0
    preflights = 3  # one from each worker, outside the statistics
    cleaned = json.loads((cluster.master.folder / "verdict.json").read_text())["cleanup_requests"]
    counted = {name: requests + cleaned.get(name, 0) for name, (requests, _) in rows(output).items()}
    counted["GET /alcohol_latest"] += preflights
    assert counted == {name: requests_seen(server, name) for name in TWELVE}
    photos = page(server, "records")[server.email]["received"]["photos"]
    assert len({photo["time"] for photo in photos}) == len(photos), "two workers took the same time"


def test_two_processes_and_a_stand_in_of_their_own(locust: Run) -> None:
    """--processes 2 with --stand-in needs no setting at all, and both end with the run."""
    run = locust(*MIX, *processes(2), "--stand-in")
    output = run.finish()
    assert run.wait() == 0, output
    assert_whole_mix(output)
    assert refuses(stand_in_of(output))


def stand_in_of(output: str) -> str:
    """The address of the stand-in that Locust started."""
    found = re.search(r"Started a stand-in for Chater UI at (http://\S+)", output)
    assert found, output
    return found[1]


def test_the_stand_in_ends_when_locust_is_killed(locust: Run) -> None:
    """A stand-in that Locust started is gone soon after a SIGKILL of Locust."""
    run = locust("--headless", "--users", "5", "--stand-in")
    run.says("total users")
    host = stand_in_of(run.output)
    assert not refuses(host)
    run.send(signal.SIGKILL)
    wait_for(lambda: refuses(host), "the stand-in to end")


def test_a_dotenv_file(locust: Run, server: StandInProcess) -> None:
    """A .env file in the working directory feeds our variables and Locust's, and the environment wins over it."""
    lines = {
        **credentials(server),
        "TEST_FEEDBACK_TEXT": "from the file",
        "TEST_LANGUAGE_CODE": "de",
        "LOCUST_USERS": "6",
        "LOCUST_SPAWN_RATE": "6",
        "LOCUST_RUN_TIME": "2s",
    }
    environment = {"TEST_LANGUAGE_CODE": "fr", "LOCUST_USERS": "9"}
    run = locust("--version")
    run.wait()
    (run.folder / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in lines.items()))
    output = locust("--headless", "--tags", "feedback", "language", env=environment).finish()
    assert "9 total users" in output
    received = page(server, "records")[server.email]["received"]
    assert {told["feedback"] for told in received["feedback"]} == {"from the file"}
    assert {told["language_code"] for told in received["languages"]} == {"fr"}


def test_the_web_ui(locust: Run, server: StandInProcess) -> None:
    """The web UI starts a run, shows its requests, changes its users, stops it, and ends on SIGTERM."""
    web = WebUi()
    run = locust(*web.options, "--host", server.host, env=credentials(server) | {"TARGET_HOST": "http://127.0.0.1:9"})
    web.wait_until_up()
    with urllib.request.urlopen(f"http://127.0.0.1:{web.port}/", timeout=10) as answer:
        assert answer.status == 200
    assert server.token not in web.get("/").decode()
    assert requests_seen(server) == 0
    start_once(web, 40, host=server.host)
    for users in (40, 10):
        answer = web.swarm(users, host=server.host)
        assert answer["success"], answer
        wait_for(partial(has_users, web, users), f"{users} users")
    wait_for(lambda: names(web.stats()) >= TWELVE, "all twelve rows")
    assert not any(row["num_failures"] for row in web.stats()["stats"])
    assert web.post("/stop")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to stop")
    assert not page(server, "records")[server.email]["dishes"]
    run.send(signal.SIGTERM)
    output = run.finish()
    assert run.wait() == 0, output


def start_once(web: WebUi, users: int, **form: object) -> None:
    """Ask for two runs at once: one starts, and the other is refused with a sentence."""
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda _: web.swarm(users, **form), range(2)))
    (refused,) = [answer for answer in answers if not answer["success"]] or [answers[0]]
    if refused["success"]:  # the second came when the first had begun: it changes the users of that run
        assert [answer["message"] for answer in answers] == ["Swarming started"] * 2
    else:
        assert refused["message"].startswith("A start is being checked already.")


def has_users(web: WebUi, users: int) -> bool:
    return bool(web.stats()["user_count"] == users)


def names(stats: dict[str, Any]) -> set[str]:
    return {f"{row['method']} {row['name']}" for row in stats["stats"]}


def test_the_web_ui_of_a_master(locust: Run, server: StandInProcess) -> None:
    """A master's web UI starts one run after another on its workers, and SIGTERM ends all of them."""
    web = WebUi()
    cluster = Cluster(locust, 2, *web.options, env=credentials(server))
    web.wait_until_up()
    start_on_two_workers(web)
    assert web.post("/stop")["success"]
    wait_for(lambda: web.stats()["state"] == "stopped", "the run to stop")
    assert not page(server, "records")[server.email]["dishes"]
    start_on_two_workers(web)
    cluster.master.send(signal.SIGTERM)
    for process in (cluster.master, *cluster.workers):
        process.finish()
        assert process.wait() == 0, process.output
    assert not page(server, "records")[server.email]["dishes"]


def start_on_two_workers(web: WebUi) -> None:
    """Start a run as soon as both are ready: after a stop, Locust's workers report back some four seconds later."""
    wait_for(lambda: [worker["state"] for worker in web.stats()["workers"]] == ["ready"] * 2, "two workers")
    start_once(web, 10)
    wait_for(lambda: web.stats()["state"] == "running" and len(web.stats()["stats"]) > 1, "requests")


def test_a_master_that_ends_right_after_a_stop(locust: Run, server: StandInProcess) -> None:
    """Workers that have just stopped a run end with their master."""
    web = WebUi()
    cluster = Cluster(locust, 2, *web.options, env=credentials(server))
    web.wait_until_up()
    start_on_two_workers(web)
    assert web.post("/stop")["success"]
    cluster.master.send(signal.SIGTERM)
    cluster.master.finish()
    assert [worker.wait(8) for worker in cluster.workers] == [0, 0]
