"""The server's own faults: when each is on, and how it looks from outside."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.weight import weight_body
from chaterload.standin.faults import Faults, FaultSettings
from chaterload.standin.modes import MODES, Episode
from tests.support.waiting import wait_for

from .conftest import Client

SOON_S = 10.0
"""Long enough for any answer that does not have to wait, on a busy machine."""

EPISODES = st.builds(
    Episode,
    st.sampled_from(sorted(MODES)),
    st.integers(0, 1000).map(float),
    st.integers(1, 1000).map(float) | st.just(inf),
)


@given(EPISODES)
def test_an_episode_is_read_as_it_is_shown(episode):
    """The text of an episode is the episode."""
    if episode.seconds < inf or episode.name not in ("redis-gone", "database-restart"):
        assert Episode.parse(str(episode)) == episode


@pytest.mark.parametrize(
    ("text", "episode"),
    [
        ("frozen-workers", Episode("frozen-workers", 0, inf)),
        ("redis-gone@20", Episode("redis-gone", 20, 5)),
        ("database-restart+2.5", Episode("database-restart", 0, 2.5)),
    ],
)
def test_what_is_left_out_is_as_usual(text, episode):
    """A fault starts at once; those that are known to end by themselves do so, the others stay."""
    assert Episode.parse(text) == episode


def test_a_mode_is_on_for_its_time():
    """The time is counted from the first request, and anew from each change."""
    now = [100.0]
    faults = Faults(FaultSettings(modes=(Episode("redis-gone", 20, 5),)), 0, lambda: now[0])
    assert not faults.on("redis-gone")
    faults.begin()
    seen = []
    for now[0] in (100.0, 119.9, 120.0, 124.9, 125.0):
        seen.append(bool(faults.on("redis-gone")))
    assert seen == [False, False, True, True, False]
    faults.change({"modes": ["redis-gone@1+1"]})
    now[0] += 1.5
    assert faults.on("redis-gone")
    assert not faults.on("frozen-workers")


@pytest.fixture
def later() -> Iterator[Callable[..., Future]]:
    """Calls something in the background; the test ends when all of it has ended."""
    with ThreadPoolExecutor(20) as pool:
        yield pool.submit


def begin(client: Client, *modes: str) -> None:
    """Faults of the server from now on, or none."""
    client.page("faults", {"modes": list(modes)})


def today(client: Client) -> int:
    """The status of today's list."""
    return client.call("/eater_get_today").status


def weigh(client: Client) -> int:
    """The status of a weight, which needs nobody behind the front door."""
    return client.call("/manual_weight", weight_body(client.email, 70)).status


def in_flight(client: Client) -> int:
    number: int = client.page("counters")["in_flight"]
    return number


def test_frozen_workers_answer_when_they_thaw(client, later):
    """Nothing is answered on any path while it lasts, and everything afterwards; our own pages work all the time."""
    begin(client, "frozen-workers")
    paths = ("/eater_get_today", "/manual_weight", "/metrics", "/no/such/path", "/")
    asked = [later(client.call, path, b"x" if path == "/manual_weight" else None) for path in paths]
    time.sleep(0.3)
    assert not any(answer.done() for answer in asked)
    begin(client)
    assert [answer.result(SOON_S).status for answer in asked] == [200, 500, 200, 404, 404]


def test_an_answer_on_its_way_freezes_too(launch, later):
    """A request that was being worked on when the workers froze is answered when they thaw."""
    client = launch("--slow", "/eater_get_today=300")
    asked = later(today, client)
    wait_for(lambda: in_flight(client) == 1)
    begin(client, "frozen-workers@0+1.2")
    began = time.monotonic()
    assert asked.result(SOON_S) == 200
    assert time.monotonic() - began > 1


def test_a_database_restart(client):
    """Whatever reads the database fails at once and as long as it lasts; a weight does not notice."""
    begin(client, "database-restart@0+600")
    assert [today(client), client.call("/alcohol_latest").status, weigh(client)] == [500, 500, 200]
    begin(client)
    assert today(client) == 200


def test_kafka_and_the_backend_give_up_at_different_times(launch):
    """Today's list gives up after 20 s where the backend is dead, and after 30 s where Kafka is gone."""
    client, seconds = launch("--patience-scale", "0.05"), {}
    for mode in ("backend-dead", "kafka-gone"):
        begin(client, mode)
        began = time.monotonic()
        assert today(client) == 503
        seconds[mode] = time.monotonic() - began
    assert seconds["backend-dead"] > 20 * 0.05
    assert seconds["kafka-gone"] > 30 * 0.05


def test_redis_gone(launch, later):
    """Each worker fails at once, then waits 31 s: nothing is answered meanwhile, and what queued is served then."""
    client = launch("--patience-scale", "0.05", "--workers", "2")
    begin(client, "redis-gone@0+600")
    assert [today(client), today(client)] == [500, 500]
    began = time.monotonic()
    asked = [later(today, client) for _ in range(2)]
    wait_for(lambda: in_flight(client) == 2)
    queued = [later(weigh, client) for _ in range(3)]
    assert [answer.result(SOON_S) for answer in asked] == [500, 500]
    assert time.monotonic() - began > 31 * 0.05
    assert [answer.result(SOON_S) for answer in queued] == [200, 200, 200]
    begin(client)
    assert today(client) == 200


def test_hanging_workers(launch, later):
    """After a burst of errors three of four workers hang until they are killed, and the fourth serves alone."""
    client = launch()
    begin(client, "hanging-workers@0+600")
    assert {today(client) for _ in range(8)} == {500}
    hanging = [later(client.call, "/eater_get_today") for _ in range(3)]
    wait_for(lambda: in_flight(client) == 3)
    assert [today(client), weigh(client)] == [200, 200]
    assert not any(answer.done() for answer in hanging)
    begin(client)
    for answer in hanging:
        assert isinstance(answer.exception(SOON_S), OSError)
    assert today(client) == 200


def test_the_one_worker_left_is_one(launch):
    """While the others hang, requests wait for the fourth, one at a time."""
    client = launch("--service-ms", "100")
    begin(client, "hanging-workers@0+600")
    for _ in range(8):
        today(client)
    address = urlsplit(client.host)
    head = f"GET /eater_get_today HTTP/1.1\r\nHost: x\r\nAuthorization: {client.authorization}\r\n\r\n".encode()
    connections = []
    for _ in range(3):
        connections.append(socket.create_connection((address.hostname, address.port)))
        connections[-1].sendall(head)
    wait_for(lambda: in_flight(client) == 3)
    began = time.monotonic()
    threads = [threading.Thread(target=today, args=(client,)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert time.monotonic() - began > 0.45
    for connection in connections:
        connection.close()


def test_metrics_of_one_worker_by_chance(launch):
    """Each of four workers counts its own requests, a scrape shows one of them, and together they are all."""
    client = launch("--mode", "per-worker-metrics")
    for _ in range(40):
        today(client)
    pages = set()
    for _ in range(60):
        lines = client.call("/metrics").body.decode().splitlines()
        pages.add(next(line for line in lines if line.startswith("http_requests_total{")))
    counts = sorted(float(page.split()[-1]) for page in pages)
    assert sum(counts) == 40
    assert len(counts) == 4
