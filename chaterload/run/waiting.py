"""A master whose run starts by itself waits for its workers and checks them before Locust's clock starts."""

import logging
import time

from chaterload.exits import Exit, Refused
from chaterload.run.controller import RunController
from chaterload.run.master import Master
from chaterload.run.strategy import planned_users

logger = logging.getLogger(__name__)

SAY_EVERY_S = 5.0
LONGEST_S = 365 * 24 * 3600.0


def await_workers(controller: RunController, master: Master) -> None:
    """Return once the expected workers are there and work.

    SystemExit with a verdict when they do not come in --expect-workers-max-wait seconds. Refused when host or token do
    not work from there, or when somebody does not want to wait.
    """
    expected, limit = controller.expected_workers, float(controller.options.expect_workers_max_wait or LONGEST_S)
    deadline = time.monotonic() + limit
    try:
        while _come(master, expected, deadline):
            controller.begin(planned_users(controller.environment), controller.environment.host)
            if master.ready() >= expected:
                return
            controller.abandon()  # one of them has left meanwhile
        here = len(master.workers())
        controller.conclude_without_run(f"{here} of {expected} expected workers came within {limit:.0f} s")
        master.quit_workers()  # those that did come end too
        controller.show()
        raise SystemExit(int(Exit.INVALID))
    except KeyboardInterrupt:
        master.quit_workers()
        raise Refused("Interrupted while the master waited for its workers.") from None


def _come(master: Master, expected: int, deadline: float) -> bool:
    """Whether the workers are there in time; says now and then how many are."""
    while (left := deadline - time.monotonic()) > 0:
        if master.wait_for(lambda here: len(here) >= expected, min(left, SAY_EVERY_S)):
            return True
        logger.info("Waiting for workers: %d of %d are connected.", len(master.workers()), expected)
    return False
