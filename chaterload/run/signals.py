"""What Ctrl-C and a closed terminal do to a process: Python would raise the one in a user, and die of the other."""

import os
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
        """Have Ctrl-C and SIGHUP end this process as SIGTERM does. A worker forked by its master leaves it to that."""
        hears_hangup = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN  # as it is after nohup
        if is_forked:  # its master hears the same, and ends it in order
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        else:
            gevent.signal_handler(signal.SIGINT, self._interrupt)
            if hears_hangup:
                gevent.signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)

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
