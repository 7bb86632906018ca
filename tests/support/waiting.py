"""Waiting for what is to come, and ports to wait at."""

import contextlib
import random
import socket
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
"""Longer than anything that is waited for takes on a busy machine; only a failing test waits this long."""


def wait_for(condition: Callable[[], Any], what: str = "a condition to hold", seconds: float = PATIENCE_S) -> Any:
    """The first true value of `condition`. Fails, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:.0f} s for {what}")


def free_port() -> int:
    """A port below those that the system gives to outgoing connections, which may take it before Locust does."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def refuses(host: str) -> bool:
    """Whether nobody listens at the base URL `host`."""
    address = urllib.parse.urlsplit(host)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) != 0
