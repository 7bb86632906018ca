"""health_level, the scenario that waits to be named."""

from typing import Any

import pytest

from chaterload.chater.accounts import now_ms
from chaterload.chater.wire import DAY_MS
from chaterload.standin.process import StandInProcess

from .conftest import Run, credentials, page, processes, requests_seen, rows

RUN = ("--headless", "--users", "4", "--spawn-rate", "4", "--run-time", "3s", "--tags", "health_level", "feedback")
ASKED = {"GET /eater_get_today", "POST /food_health_level", "GET /get_photo"}
MADE = {"POST /eater_receive_photo"}


def asked_about(server: StandInProcess) -> set[int]:
    """The times of the dishes whose health level was asked."""
    received: dict[str, Any] = page(server, "records")[server.email]["received"]
    return {sent["time"] for sent in received["health_levels"]}


def test_somebodys_dish_is_only_read(locust: Run, server: StandInProcess) -> None:
    """Where today's list has dishes, the newest one is asked about, and nothing is made or changed."""
    midday = now_ms() // DAY_MS * DAY_MS + DAY_MS // 2
    dishes = [{"time": midday + offset} for offset in (-1, 0)]
    now = page(server, "seed", {"email": server.email, "dishes": dishes})
    run = locust(*RUN, env=credentials(server))
    output = run.finish()
    assert run.wait() == 0, output
    assert rows(output).keys() == (ASKED | {"POST /feedback"}) - {"GET /get_photo"}  # a seeded dish has no photo
    assert asked_about(server) == {max(dish["time"] for dish in now["dishes"])}
    assert page(server, "records")[server.email]["dishes"] == now["dishes"]


@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "two workers"])
def test_an_empty_list(locust: Run, server: StandInProcess, small_photo: dict[str, str], workers: int) -> None:
    """Where the list is empty, users make dishes of their own, ask about them, and remove them in the end."""
    run = locust(*RUN, *(processes(workers) if workers else ()), env=credentials(server) | small_photo)
    output = run.finish()
    assert run.wait() == 0, output
    assert rows(output).keys() == ASKED | MADE | {"POST /feedback"}
    received = page(server, "records")[server.email]["received"]
    assert asked_about(server) <= {photo["time"] for photo in received["photos"]}
    assert len(received["photos"]) <= 4
    assert page(server, "records")[server.email]["dishes"] == []
    assert requests_seen(server, "GET /get_photo") > 0
