"""What Ctrl-C does to a process: Python would raise it in whichever user happens to run."""

import signal
from dataclasses import dataclass

import gevent

from chaterload.run.controller import RunController
from chaterload.run.lifecycle import Phase
from chaterload.run.node import Node


@dataclass
class Process:
    """This process of a run: what is there of it so far, for the listeners that are registered before it is."""

    node: Node | None = None
    controller: RunController | None = None
    """None on a worker."""
    interrupted: bool = False

    def take_interrupts(self, *, is_forked: bool) -> None:
        """Have Ctrl-C end this process as SIGTERM does. A worker forked by its master leaves it to that."""
        if is_forked:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # its master hears the same Ctrl-C, and ends it in order
        else:
            gevent.signal_handler(signal.SIGINT, self._interrupt)

    def _interrupt(self) -> None:
        """A second one, or one that comes while a run is ending already, makes the users end at once."""
        if self.interrupted or self._is_ending:
            if self.node:
                self.node.abort_users()
            return
        self.interrupted = True
        if self.controller:
            self.controller.ended_by_hand = True
        hub = gevent.get_hub()
        hub.loop.run_callback(hub.parent.throw, KeyboardInterrupt)

    @property
    def _is_ending(self) -> bool:
        return self.controller is not None and self.controller.phase is Phase.STOPPING
