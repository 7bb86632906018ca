"""The project's own users; each request's start and time, as the run tells them, go to the file that LOGGED names."""

import json
import os
import sys
from pathlib import Path
from typing import Any

from locust import events

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from locustfile import *  # noqa: F403

times: list[tuple[float, float]] = []


@events.request.add_listener
def note(start_time: float, response_time: float, **_: Any) -> None:
    """Seconds since 1970, and ms."""
    times.append((start_time, response_time))


@events.quit.add_listener
def write(**_: Any) -> None:
    """Everything at once: a file beside the load would cost it time."""
    Path(os.environ["LOGGED"]).write_text(json.dumps(times), encoding="utf-8")
