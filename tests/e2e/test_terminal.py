"""A headless run as people see it: on a terminal, while it goes on and when it is ended."""

import os
import pty
import re
import select
import signal
import termios
from collections.abc import Callable, Iterator

import pyte
import pytest

from chaterload.standin.process import StandInProcess

from .conftest import Locust, Run, credentials, processes, requests_seen, wait_for

FLOW = ("--headless", "--users", "10", "--spawn-rate", "10", "--run-time", "10m", "--tags", "full_flow")
FAULTY = pytest.mark.parametrize("server", [["--fail", "/set_language=1"]], indirect=True, ids=["faulty"])
ENDING = "Ending: users finish their last request (up to"
TABLE = "# fails"
"""In the heading of each of Locust's periodic tables of requests, and of no other."""

TERM = {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"}
"""COLUMNS is what the window is not: its own size counts."""


class Window:
    """A terminal of so many columns and rows."""

    def __init__(self, columns: int, rows: int) -> None:
        self._ours, self.theirs = pty.openpty()
        self.raw = b""
        self._open(columns, rows)

    def _open(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self.theirs, (rows, columns))
        self._screen = pyte.HistoryScreen(columns, rows, history=2000)
        self._stream = pyte.ByteStream(self._screen)

    def narrow(self, columns: int, run: Locust) -> None:
        """Make it narrower, as terminals do: what no longer fits is wrapped, and the process hears of it."""
        lines, hidden = self.text.splitlines()[: self._screen.cursor.y + 1], self._screen.cursor.hidden
        self._open(columns, self._screen.lines)
        self._screen.cursor.hidden = hidden
        self._stream.feed("\r\n".join(lines).encode())
        run.send(signal.SIGWINCH)

    def _take(self) -> None:
        while select.select([self._ours], [], [], 0)[0]:
            data = os.read(self._ours, 65_536)
            self.raw += data
            self._stream.feed(data)

    @property
    def text(self) -> str:
        """What it shows."""
        self._take()
        return "\n".join(line.rstrip() for line in self._screen.display).rstrip()

    @property
    def scrolled(self) -> str:
        """What scrolled out of it, and what it shows."""
        shown = self.text
        out = ("".join(line[x].data for x in range(self._screen.columns)).rstrip() for line in self._screen.history.top)
        return "\n".join([*out, shown])

    @property
    def words(self) -> str:
        """All that without line breaks: long lines are wrapped."""
        return " ".join(self.scrolled.split())

    @property
    def has_cursor(self) -> bool:
        self._take()
        return not self._screen.cursor.hidden

    def shows(self, *parts: str) -> None:
        """Wait until it shows all of them at once."""

        def has_all() -> bool:
            text = self.text
            return all(part in text for part in parts)

        wait_for(has_all, f"a window that shows {parts}")

    def finish(self, run: Locust) -> int:
        """Wait for the end of `run`, and return its exit code."""
        wait_for(lambda: self.text and not run.alive, "the end")
        assert "Traceback" not in self.scrolled
        return run.wait()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def window() -> Iterator[Callable[[int, int], Window]]:
    """Opens a window: `window(80, 24)`."""
    opened: list[Window] = []

    def open_one(columns: int, rows: int) -> Window:
        opened.append(Window(columns, rows))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def assert_verdict_is_last(window: Window, code: int) -> None:
    """The run's last words are the verdict, the cursor is back, and Locust printed no table."""
    assert window.text.splitlines()[-1].startswith("Verdict: "), window.text
    assert window.text.endswith(f"(exit code {code})")
    assert window.has_cursor
    assert TABLE not in window.scrolled
    assert "Response time percentiles" not in window.scrolled
    assert len(re.findall("^Endpoint  .* p95", window.scrolled, re.MULTILINE)) == 1
    assert window.scrolled.count("Measured") == 1, "the view is still there"


@FAULTY
def test_the_view_and_ctrl_c(locust: Run, server: StandInProcess, window: Callable[[int, int], Window]) -> None:
    """One view shows progress, objectives and failures, in a narrowed window too; Ctrl-C leaves the verdict alone."""
    terminal = window(100, 40)
    run = locust(*FLOW, "language", env=credentials(server) | TERM, terminal=terminal.theirs)
    terminal.shows(
        "Ramping to 10 users", " of 10:00", "10 of 10 users", "✓ met", "Last failures", "at POST /set_language"
    )
    assert not terminal.has_cursor
    assert TABLE not in terminal.scrolled
    terminal.narrow(60, run)
    wait_for(lambda: terminal.text.count("10 of 10 users") == 1 and max(map(len, terminal.text.splitlines())) <= 60)
    terminal.shows("✓ met", "Last failures", "at POST /set_language")
    assert len(re.findall("^Chater load test ", terminal.text, re.MULTILINE)) == 1, "the old view is still there"
    run.send(signal.SIGINT)
    assert terminal.finish(run) == 3
    assert ENDING in terminal.words
    assert "cut short by a signal" in terminal.scrolled
    assert_verdict_is_last(terminal, 3)


def test_a_strategy_and_sigterm(locust: Run, server: StandInProcess, window: Callable[[int, int], Window]) -> None:
    """A strategy's stages are told in 80 columns, and SIGTERM leaves the terminal as Ctrl-C does."""
    terminal = window(80, 24)
    run = locust("--headless", "--strategy", "stress", env=credentials(server) | TERM, terminal=terminal.theirs)
    terminal.shows("stress: stage 1 of 10, 20 users", " of 15:00", "20 of 20 users", "✓ met")
    run.send(signal.SIGTERM)
    assert terminal.finish(run) == 4
    assert ENDING in terminal.words
    assert_verdict_is_last(terminal, 4)


def test_plain(locust: Run, server: StandInProcess, window: Callable[[int, int], Window]) -> None:
    """With --plain the tables come as in a log, and nothing moves or hides the cursor."""
    terminal = window(100, 40)
    run = locust(*FLOW, "--plain", env=credentials(server) | TERM, terminal=terminal.theirs)
    wait_for(lambda: terminal.scrolled.count(TABLE) > 1, "two tables")
    run.send(signal.SIGINT)
    assert terminal.finish(run) == 4
    assert terminal.text.splitlines()[-1] == "Verdict: INVALID (exit code 4)"
    assert not [code for code in (b"\x1b[?25l", b"\x1b[2K", b"\x1b[1A") if code in terminal.raw]


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
    assert "10 of the run's dishes are left or may be" in output
