"""Drives the web UI of the documentation's master, as a person would, and looks at what its workers did."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from adapt import WORKERS

UI = "http://127.0.0.1:8089"
PATIENCE_S = 60
USERS = 20
REQUESTS = 200


def ask(path: str, **form: object) -> Any:
    """The JSON answer of the web UI; None when there is none yet."""
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(f"{UI}{path}", data, {"Origin": UI})  # noqa: S310  # our own
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError):
        return None


def wait_for(what: str, key: str, least: int) -> Any:
    """The statistics as soon as `key` has reached `least`."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        stats = ask("/stats/requests") or {}
        held = stats.get(key)
        if (len(held) if isinstance(held, list) else held or 0) >= least:
            return stats
        time.sleep(0.5)
    raise SystemExit(f"FAILED: waited {PATIENCE_S} s for {what}")


if __name__ == "__main__":
    wait_for("the workers", "workers", WORKERS)
    started = ask("/swarm", user_count=USERS, spawn_rate=USERS)
    if not (started and started["success"]):
        raise SystemExit(f"FAILED: /swarm said {started}")
    wait_for("the users", "user_count", USERS)
    deadline = time.monotonic() + PATIENCE_S
    while (total := ask("/stats/requests")["stats"][-1]["num_requests"]) < REQUESTS:
        if time.monotonic() > deadline:
            raise SystemExit(f"FAILED: {total} requests in {PATIENCE_S} s")
        time.sleep(0.5)
    ask("/stop", click="Stop")
    stats = ask("/stats/requests")
    total, failed = (stats["stats"][-1][key] for key in ("num_requests", "num_failures"))
    print(f"{len(stats['workers'])} workers, {total} requests, {failed} failed")  # noqa: T201  # what CI reads
    if failed:
        raise SystemExit("FAILED: there should be no failures")
