"""Faults, delays, capacity and the stand-in's own pages, over HTTP."""

import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from google.protobuf.message import DecodeError
from prometheus_client.parser import text_string_to_metric_families

from chaterload.chater.weight import ServedWeight
from proto.delete_food_pb2 import DeleteFoodRequest
from proto.modify_food_record_pb2 import ModifyFoodRecordRequest
from proto.today_food_pb2 import TodayFood
from tests.support.waiting import wait_for

from .conftest import Client, now_ms


def write_all(client, at):
    """A photo, its modify, a weight and the delete: one write of each kind."""
    client.photo(at)
    client.call("/modify_food_record", ModifyFoodRecordRequest(time=at, percentage=200).SerializeToString())
    client.call("/manual_weight", ServedWeight(user_email=client.email, weight=70).SerializeToString())
    client.call("/delete_food", DeleteFoodRequest(time=at).SerializeToString())


def hanging_request(client):
    """A request on a socket of its own, of which nobody reads the answer yet."""
    address = urlsplit(client.host)
    connection = socket.create_connection((address.hostname, address.port))
    connection.sendall(
        f"GET /eater_get_today HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\n\r\n".encode()
    )
    return connection


@pytest.mark.parametrize(("fault", "status", "body"), [("5xx", 500, b"Internal"), ("failed", 200, b"Failed")])
def test_failing_requests_write_nothing(client, fault, status, body):
    """An injected 500 or `Failed` comes instead of the write."""
    client.page("faults", {f"fault_{fault}": 1})
    answer = client.photo(now_ms())
    assert (answer.status, answer.content_type) == (status, "text/html; charset=utf-8")
    assert answer.body.startswith(body)
    assert client.records() == {}


@pytest.mark.parametrize("fault", ["truncated", "garbage"])
def test_garbled_answers_come_after_the_write(client, fault):
    """The write is done, the type is right, the length fits, and the body cannot be read."""
    client.page("faults", {f"fault_{fault}": 1})
    assert client.photo(now_ms()).status == 200
    answer = client.call("/eater_get_today")
    assert (answer.status, answer.content_type) == (200, "application/protobuf")
    assert len(client.records()["dishes"]) == 1
    with pytest.raises(DecodeError):
        TodayFood.FromString(answer.body)


def test_the_share_of_faults_is_counted(launch):
    """The counters page tells how many faults of each kind were given, and it is what clients saw."""
    client = launch("--fault-5xx", "0.3", "--fault-failed", "0.2", "--seed", "5")
    answers = [client.call("/alcohol_latest") for _ in range(200)]
    counters = client.page("counters")
    failed = sum(answer.body == b"Failed" for answer in answers)
    errors = sum(answer.status == 500 for answer in answers)
    assert counters["faults"] == {"5xx": errors, "failed": failed}
    assert errors == pytest.approx(60, abs=20)
    assert failed == pytest.approx(40, abs=18)
    assert counters["endpoints"]["GET /alcohol_latest"] == {
        "requests": 200,
        "by_status": {"200": 200 - errors, "500": errors},
    }


def test_a_hang_ends_when_the_client_leaves(client):
    """A hanging request is in flight until its client gives up."""
    client.page("faults", {"fault_hang": 1})
    before = client.page("counters")["faults"].get("hang", 0)
    connection = hanging_request(client)
    wait_for(lambda: client.page("counters")["faults"].get("hang", 0) == before + 1)
    assert client.page("counters")["in_flight"] == 1
    connection.close()
    wait_for(lambda: client.page("counters")["in_flight"] == 0)


def test_a_client_that_leaves_while_sending_is_no_error(client):
    """Half an upload is counted as a client that left."""
    address = urlsplit(client.host)
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(b"POST /eater_receive_photo HTTP/1.1\r\nContent-Length: 1000\r\n\r\nhalf")
    wait_for(lambda: "499" in client.page("counters")["endpoints"]["POST /eater_receive_photo"]["by_status"])


@pytest.mark.parametrize("kind", ["photo", "modify", "weight", "delete"])
def test_dropped_writes_are_named(client, kind):
    """A dropped write was acknowledged, is not done, and is on the list of what was dropped."""
    at = now_ms()
    client.page("seed", {"email": client.email, "dishes": [{"time": at, "calories": 100}] if kind != "photo" else []})
    client.page("faults", {f"drop_{kind}": 1})
    write_all(client, at)
    dropped = [lost for lost in client.page("counters")["dropped"][kind] if lost["email"] == client.email]
    value = {"weight": 70} if kind == "weight" else {"time": at}
    assert dropped == [{"email": client.email, **value}]
    assert client.records()["weights"] == ([] if kind == "weight" else [70])
    assert [d["calories"] for d in client.records()["dishes"]] == ([200] if kind == "delete" else [])


def test_late_writes_come_after_their_answer(client):
    """An acknowledged write that is late is not there yet, and then it is."""
    client.page("faults", {"late_writes": 300})
    client.photo(now_ms())
    assert not client.today().dishes_today
    wait_for(lambda: client.today().dishes_today)


def test_the_platforms_own_losses(launch):
    """Two photos of one millisecond, or two weights of one second, on any accounts: the second is lost."""
    client = launch("--same-instant-loss")
    other, at = Client(client.host, "other@example.com"), now_ms()
    for sender in (client, other):
        assert sender.photo(at).status == 200
    assert (len(client.today().dishes_today), len(other.today().dishes_today)) == (1, 0)
    for _ in range(10):
        client.call("/manual_weight", ServedWeight(user_email=client.email, weight=70).SerializeToString())
    dropped = client.page("counters")["dropped"]
    assert dropped["photo"] == [{"email": other.email, "time": at}]
    assert len(dropped["weight"]) + len(client.records()["weights"]) == 10
    assert len(dropped["weight"]) >= 8


def test_one_path_can_be_slow_or_fail(launch):
    """--slow and --fail touch their path only."""
    client = launch("--slow", "/eater_get_today=150", "--fail", "/feedback=1", "--latency-ms", "1")
    began = time.monotonic()
    client.today()
    assert time.monotonic() - began > 0.14
    assert client.call("/feedback", b"x").status == 500
    assert client.page("delays?path=/eater_get_today") == [151]
    assert client.page("delays") == [151, 1]


def test_capacity_is_workers_by_service_time(launch):
    """Two workers of 20 ms answer 100 requests a second, and a queue is not counted as their own time."""
    client = launch("--workers", "2", "--service-ms", "20")

    def ask():
        for _ in range(7):
            client.call("/alcohol_latest")

    threads = [threading.Thread(target=ask) for _ in range(10)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    assert 70 / took < 105  # a starved machine is slower, none is faster
    samples = metrics(client)
    own = samples["http_request_latency_seconds_sum"] / samples["http_request_latency_seconds_count"]
    assert 0.018 < own < took / 7 / 2  # each of ten threads waited for most of the time


def metrics(client):
    """The samples of /metrics that belong to one endpoint and status."""
    families = text_string_to_metric_families(client.call("/metrics").body.decode())
    labels = {"method": "GET", "endpoint": "/alcohol_latest"}
    return {s.name: s.value for f in families for s in f.samples if s.labels in (labels, {**labels, "status": "200"})}


def test_metrics_are_chater_uis(launch):
    """The histogram and the counter have Chater UI's names and labels; own pages are not in them."""
    client = launch()
    for _ in range(3):
        client.call("/alcohol_latest")
        client.page("counters")
    samples = metrics(client)
    assert samples["http_requests_total"] == samples["http_request_latency_seconds_count"] == 3
    assert b"_standin" not in client.call("/metrics").body


def test_seeded_dishes_were_there_before(client):
    """A seed adds dishes, which today's list then shows."""
    at = now_ms()
    client.page("seed", {"email": client.email, "dishes": [{"time": at, "calories": 321}]})
    assert [(d.time, d.estimated_avg_calories) for d in client.today().dishes_today] == [(at, 321)]


@pytest.mark.parametrize(
    ("page", "body"),
    [
        ("faults", {"gremlins": 1}),
        ("faults", [1]),
        ("seed", {}),
        ("seed", {"email": "a", "dishes": [{"name": "x"}]}),
    ],
)
def test_own_pages_refuse_nonsense(client, page, body):
    """A change that makes no sense is a 400 with a sentence."""
    answer = client.call(f"/_standin/{page}", json.dumps(body).encode())
    assert answer.status == 400
    assert answer.json()["error"]


def test_strays_are_counted_under_one_name(client):
    """Unknown paths and wrong methods show in the counters, without a row for each path."""
    client.call("/one/stray")
    client.call("/another/stray")
    client.call("/feedback")
    endpoints = client.page("counters")["endpoints"]
    assert endpoints["GET (unknown path)"]["by_status"]["404"] >= 2
    assert endpoints["GET /feedback"]["by_status"]["405"] >= 1
    assert not any("stray" in name for name in endpoints)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 200),
        ("{host}", 200),
        ("http://evil.example", 403),
        ("http://127.0.0.1:1", 403),
        ("null", 403),
        ("http://[", 403),
    ],
)
def test_no_other_site_changes_anything(client, origin, status):
    """A page of another site, or of another port, may not post to the stand-in's own pages, nor read them."""
    headers = {} if origin is None else {"Origin": origin.format(host=client.host)}
    answer = client.call("/_standin/faults", b"{}", **headers)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (status, None)


def test_a_name_that_was_made_to_resolve_to_us_changes_nothing(client):
    """A site that points its own name at this machine is another site all the same."""
    headers = {"Origin": "http://evil.example:5000", "Host": "evil.example:5000"}
    assert client.call("/_standin/faults", b"{}", **headers).status == 403
