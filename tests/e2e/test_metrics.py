"""The web UI's page for Prometheus, beside what Locust and the verdict say of the same run."""

import csv
import io
import json
import math
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chaterload.chater.kinds import FailureKind
from chaterload.standin.process import StandInProcess

from .conftest import (
    ROOT,
    Cluster,
    Run,
    WebUi,
    ask_prometheus,
    credentials,
    prometheus_of,
    requests_seen,
    wait_for,
)

FAULTS = ["--drop-modify", "0.3", "--fault-5xx", "0.1"]
KIND_OF_TITLE = {kind.title: kind.name.lower() for kind in FailureKind}


class Page:
    """One scrape."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        self._samples = {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}

    def value(self, name: str, **labels: str) -> float | None:
        return self._samples.get((name, frozenset(labels.items())))

    def total(self, name: str) -> float:
        """The sum of all series of a name."""
        return math.fsum(value for (found, _), value in self._samples.items() if found == name)

    def labels(self, name: str) -> set[str]:
        """The labels of a name's series; it has to have some."""
        every = [{label for label, _ in labels} for found, labels in self._samples if found == name]
        assert every, f"{name} is not on the page"
        return set.intersection(*every)

    def count(self, start: str) -> int:
        """How many series have a name that starts like this."""
        return sum(name.startswith(start) for name, _ in self._samples)


def read(web: WebUi, prefix: str = "") -> Page:
    return Page(web.get(f"{prefix}/metrics").decode())


def assert_counts_are_locusts(page: Page, table: str) -> None:
    """Requests, failures and times of each endpoint are those of Locust's own CSV."""
    rows = [row for row in csv.DictReader(io.StringIO(table)) if row["Name"] != "Aggregated"]
    for row in rows:
        labels = {"method": row["Type"], "path": row["Name"]}
        requests = int(row["Request Count"])
        assert page.value("chater_requests_total", **labels) == requests
        assert page.value("chater_response_time_seconds_count", **labels) == requests
        assert page.value("chater_response_time_seconds_bucket", le="+Inf", **labels) == requests
        seconds = float(row["Average Response Time"]) * requests / 1000
        assert page.value("chater_response_time_seconds_sum", **labels) == pytest.approx(seconds)
    assert page.total("chater_requests_total") == sum(int(row["Request Count"]) for row in rows)
    assert page.total("chater_failures_total") == sum(int(row["Failure Count"]) for row in rows)


def assert_judgement_is_the_verdicts(page: Page, verdict: Any) -> None:
    """Kinds of failures, writes and objectives are those of the verdict's file."""
    for row in verdict["failure_kinds"]:
        labels = {"method": row["method"], "path": row["path"], "kind": KIND_OF_TITLE[row["kind"]]}
        assert page.value("chater_failures_total", **labels) == row["count"]
    for kind, tally in verdict["writes"].items():
        assert page.value("chater_writes_acknowledged_total", kind=kind) == tally["acknowledged"]
        assert page.value("chater_writes_checked_total", kind=kind) == tally["checked"]
        assert page.value("chater_writes_confirmed_total", kind=kind) == tally["confirmed"]
    assert page.value("chater_verdict", outcome=verdict["verdict"]) == 1
    for objective in verdict["objectives"]:
        labels = {name: objective[name] for name in ("method", "path", "measure")}
        scale = 1000 if objective["unit"] == "ms" else 1
        assert page.value("chater_objective_limit", **labels) == objective["limit"] / scale
        if objective["state"] == "not_applicable":
            continue
        assert page.value("chater_objective_value", **labels) == objective["value"] / scale
        assert page.value("chater_objective_met", **labels) == (objective["state"] == "met")


@pytest.mark.parametrize("server", [FAULTS], indirect=True)
@pytest.mark.parametrize(("prefix", "workers"), [("/load", 0), ("", 2)], ids=["local, base path", "master"])
def test_the_page_tells_each_run(
    locust: Run, server: StandInProcess, small_photo: dict[str, str], prefix: str, workers: int
) -> None:
    """After Stop the page agrees with Locust's table and the verdict; a second run begins at 0; nothing is secret."""
    web, env = WebUi(), credentials(server) | small_photo
    options = (*web.options, "--verdict-json", "verdict.json", *(("--web-base-path", prefix) if prefix else ()))
    run = Cluster(locust, workers, *options, env=env).master if workers else locust(*options, env=env)
    web.wait_until_up()

    before = read(web, prefix)
    assert before.count("chater_requests_total") == before.count("chater_objective_value") == 0
    assert before.count("chater_objective_limit") == 8
    made = 0.0
    for _ in range(2):
        wait_for(lambda: read(web, prefix).value("chater_workers") == workers, "all workers")
        assert web.post(f"{prefix}/swarm", user_count=10, spawn_rate=1000, host=server.host)["success"]
        wait_for(
            lambda: (
                (now := read(web, prefix)).value("chater_users") == 10
                and now.count("chater_requests_total") == 12
                and now.count("chater_objective_met") == 7
                and now.total("chater_failures_total") > 0
            ),
            "users, every endpoint, every objective and a failure",
        )
        assert web.post(f"{prefix}/stop")["success"]
        page = read(web, prefix)
        assert page.value("chater_users") == 0
        assert_counts_are_locusts(page, web.get(f"{prefix}/stats/requests/csv").decode())
        assert_judgement_is_the_verdicts(page, json.loads((run.folder / "verdict.json").read_text()))
        made += page.total("chater_requests_total")
    assert made <= requests_seen(server)
    text = web.get(f"{prefix}/metrics").decode()
    assert server.token not in text
    assert server.email not in text
    assert "Traceback" not in run.output


def test_without_objectives(locust: Run, server: StandInProcess) -> None:
    """With --no-objectives the page counts requests and writes, and has no objective."""
    web = WebUi()
    locust(*web.options, "--no-objectives", "--tags", "full_flow", env=credentials(server))
    web.wait_until_up()
    assert web.swarm(1, host=server.host)["success"]

    def counts() -> bool:
        text = web.get("/metrics").decode()
        assert "objective" not in text
        return Page(text).total("chater_writes_confirmed_total") > 0

    wait_for(counts, "a write that was seen")


TARGETS = [
    (f"{panel['title']}: {target['expr']}", target)
    for panel in json.loads((ROOT / "k8s/grafana/dashboard.json").read_text())["panels"]
    for target in panel["targets"]
]


@pytest.fixture
def loaded(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> WebUi:
    """The web UI of a run by rate that has asked every endpoint, and goes on."""
    web = WebUi()
    locust(*web.options, env=credentials(server) | small_photo)
    web.wait_until_up()
    assert web.swarm(1, rate="60", host=server.host)["success"]
    wait_for(lambda: read(web).count("chater_requests_total") == 12, "every endpoint")
    return web


def test_the_dashboard_names_what_is_there(loaded: WebUi) -> None:
    """Each metric and each label that the Grafana dashboard names is on the page of a real run, once it has ended."""
    assert loaded.post("/stop")["success"]
    page = read(loaded)
    for where, target in TARGETS:
        metrics = re.findall(r"\bchater_\w+", target["expr"])
        kept = {label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(", ")}
        assert metrics, where
        assert all(kept <= page.labels(metric) for metric in metrics), where
        assert set(re.findall(r"{{(\w+)}}", target.get("legendFormat", ""))) <= kept, where


@pytest.mark.parametrize("server", [FAULTS], indirect=True)
def test_the_dashboard_shows_something(loaded: WebUi, tmp_path: Path) -> None:
    """A real Prometheus takes the page and every expression of the dashboard, and has data for each."""
    with prometheus_of(f"http://127.0.0.1:{loaded.port}", tmp_path) as prometheus:
        while_running = [(where, target) for where, target in TARGETS if "chater_verdict" not in target["expr"]]
        for where, target in while_running:
            expression = target["expr"].replace("$__rate_interval", "10s")
            wait_for(partial(ask_prometheus, prometheus, expression), where)
        assert loaded.post("/stop")["success"]
        for where, target in TARGETS:
            if "chater_verdict" in target["expr"]:
                wait_for(partial(ask_prometheus, prometheus, target["expr"]), where)
        assert [series["value"][1] for series in ask_prometheus(prometheus, "up")] == ["1"]
