"""Keeps the exceptions of our event listeners from being swallowed: Locust logs them and goes on."""

import logging
from collections.abc import Callable
from typing import Any

logger = logging.getLogger(__name__)


class Listeners:
    """Those of one process."""

    def __init__(self) -> None:
        self.failed = False
        """An unexpected exception was caught, and told: the exit code is 1."""

    def guard(self, listener: Callable[..., None]) -> Callable[..., None]:
        """`listener`, whose unexpected exceptions are told in a sentence."""

        def listen(**kwargs: Any) -> None:
            try:
                listener(**kwargs)
            except Exception as error:
                self.failed = True
                logger.error("The load test failed by its own fault: %s: %s", type(error).__name__, error)
                logger.debug("Where it failed", exc_info=True)

        return listen
