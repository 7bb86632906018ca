"""What a stand-in is asked about itself."""

import json
import urllib.request
from typing import Any

from chaterload.standin.process import StandInProcess


def credentials(server: StandInProcess) -> dict[str, str]:
    """The environment that runs against `server`."""
    return {
        "TARGET_HOST": server.host,
        "TEST_USER_TOKEN": server.token,
        "TEST_USER_EMAIL": server.email,
        "TEST_AUTH_TOKEN": server.id_token,
    }


def page(server: StandInProcess, path: str, body: Any = None) -> Any:
    """A JSON page of the stand-in's: records, counters, seed, faults."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{server.host}/_standin/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def requests_seen(server: StandInProcess, endpoint: str | None = None) -> int:
    """How many requests the stand-in saw, to "METHOD /path" or to all."""
    endpoints = page(server, "counters")["endpoints"]
    return sum(counted["requests"] for name, counted in endpoints.items() if endpoint in (None, name))


def answers(server: StandInProcess, status: int) -> int:
    """How many of the stand-in's answers had this status."""
    endpoints = page(server, "counters")["endpoints"]
    return sum(counted["by_status"].get(str(status), 0) for counted in endpoints.values())
