"""A headless run as people see it: on a terminal, while it goes on and when it is ended."""

import signal

import pytest

from chaterload.standin.process import StandInProcess

from .conftest import Run, credentials, processes, requests_seen, wait_for

FLOW = ("--headless", "--users", "10", "--spawn-rate", "10", "--run-time", "10m", "--tags", "full_flow")
ENDING = "Ending: users finish their last request and remove what they made (up to"


@pytest.mark.parametrize("server", [["--slow", "/get_recommendation=600000"]], indirect=True, ids=["stuck"])
@pytest.mark.parametrize("mode", [(), processes(2)], ids=["local", "processes"])
def test_a_second_ctrl_c(locust: Run, server: StandInProcess, mode: tuple[str, ...]) -> None:
    """A second Ctrl-C waits for no user; the verdict lists the dishes that were left."""
    run = locust(*FLOW, *mode, "--stop-timeout", "600", env=credentials(server))
    wait_for(lambda: requests_seen(server, "POST /manual_weight") == 10, "every user to have a dish")
    run.send(signal.SIGINT)
    run.says(ENDING)
    run.send(signal.SIGINT)
    output = run.finish()
    assert run.wait() == 4, output
    assert "10 dishes could not be removed" in output
