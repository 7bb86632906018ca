"""--otel sends what Locust measures to a collector, by endpoint and outcome, and never in the way of a run."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from chaterload.standin.process import StandInProcess

from .conftest import Cluster, Run, credentials, processes, requests_seen

LIGHT = ("--headless", "--users", "10", "--spawn-rate", "10", "--tags", "language", "feedback")
DURATION, USERS = "locust.client.duration", "locust.users.count"


class Collector(ThreadingHTTPServer):
    """Keeps what comes by OTLP/HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received: list[tuple[str, bytes]] = []
        """Paths and bodies."""

    @property
    def env(self) -> dict[str, str]:
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{self.server_port}"}

    def metrics(self, name: str) -> dict[str, Metric]:
        """The last that each process sent of the metric `name`: each export counts from the start."""
        found: dict[str, Metric] = {}
        for _, body in self.received:
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                instance = strings(resource.resource.attributes)["service.instance.id"]
                for metric in (metric for scope in resource.scope_metrics for metric in scope.metrics):
                    if metric.name == name:
                        found[instance] = metric
        return found

    def durations(self) -> Counter[tuple[str, str | None]]:
        """How many requests by endpoint and kind of failure, None for a success; of all processes."""
        total: Counter[tuple[str, str | None]] = Counter()
        for metric in self.metrics(DURATION).values():
            for point in metric.exponential_histogram.data_points:
                attributes = strings(point.attributes)
                assert attributes.keys() <= {"name", "error.type"}
                total[attributes["name"], attributes.get("error.type")] += point.count
        return total


def strings(attributes: Iterable[KeyValue]) -> dict[str, str]:
    return {attribute.key: attribute.value.string_value for attribute in attributes}


class Receiver(BaseHTTPRequestHandler):
    """Takes any POST."""

    server: Collector

    def do_POST(self) -> None:
        self.server.received.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps quiet."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector on loopback."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("server", [["--fault-5xx", "0.3", "--fault-garbage", "0.2"]], indirect=True)
def test_endpoints_and_outcomes(locust: Run, server: StandInProcess, collector: Collector) -> None:
    """Every request arrives under its path and its kind of failure; only metrics are sent, and no token in them."""
    options = ("--run-time", "3s", "--verdict-json", "v.json", "--otel")
    run = locust(*LIGHT, *options, env=credentials(server) | collector.env)
    run.finish()
    document = json.loads((run.folder / "v.json").read_text())
    expected = Counter({(row["path"], row["kind"]): row["count"] for row in document["failure_kinds"]})
    for row in document["endpoints"]:
        expected[row["path"], None] = row["requests"] - row["failures"]
    assert len({kind for _, kind in expected}) >= 3
    assert collector.durations() == expected
    assert collector.metrics(USERS)
    assert {path for path, _ in collector.received} == {"/v1/metrics"}
    sent = b"".join(body for _, body in collector.received)
    assert server.token.encode() not in sent
    assert b"eyJ" not in sent
    assert b"Bearer" not in sent


@pytest.mark.slow
def test_workers_report_for_themselves(locust: Run, server: StandInProcess, collector: Collector) -> None:
    """Each worker sends what it did, and the master the number of users."""
    env = credentials(server) | collector.env
    env |= {"LOCUST_ENABLE_OPENTELEMETRY": "true", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    cluster = Cluster(locust, 2, *LIGHT, "--run-time", "3s", env=env)
    for process in (cluster.master, *cluster.workers):
        process.finish()
    preflights = 2
    assert collector.durations().total() == requests_seen(server) - preflights
    of_master, of_workers = collector.metrics(USERS).keys(), collector.metrics(DURATION).keys()
    assert (len(of_master), len(of_workers)) == (1, 2)
    assert not of_master & of_workers


@pytest.mark.parametrize("listens", [True, False], ids=["silent", "refusing"])
def test_a_collector_that_does_not_answer(locust: Run, server: StandInProcess, listens: bool) -> None:
    """Without a collector the run goes its way, its exit code is as ever, and its end waits a few seconds at most."""
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        if listens:
            hole.listen()
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{hole.getsockname()[1]}"}
        env["OTEL_METRIC_EXPORT_INTERVAL"] = "500"
        run = locust(*LIGHT, "--run-time", "3s", "--otel", env=credentials(server) | env)
        run.says("Verdict: PASS")
        told = time.monotonic()
        output = run.finish()
    assert time.monotonic() - told < 9  # of the 10 s that `docker stop` gives; twice 2 s are expected
    assert run.wait() == 0, output
    assert "Failed to export metrics" in output


def test_forked_workers_are_refused(locust: Run, server: StandInProcess, collector: Collector) -> None:
    """--processes forks workers that a collector could not tell apart, so --otel beside it is refused."""
    run = locust(*LIGHT, "--otel", *processes(2), env=credentials(server) | collector.env)
    assert run.wait() == 2, run.output  # OpenTelemetry's own thread may complain of the fork, before we are asked
    assert "--otel is given together with --processes" in run.errors, run.output
    assert requests_seen(server) == 0
