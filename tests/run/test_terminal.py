"""The live view on a terminal, in this process: its rate, and what a resized window shows."""

import io
import os
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gevent
import pyte
import pytest
from rich.console import Console

from chaterload.report.live import LiveView
from chaterload.run import terminal
from chaterload.run.terminal import RecentRate, Terminal
from tests.support.waiting import wait_for

BEFORE, AFTER = 100, 60
HOST = "http://chater-ui.chater-ui.svc.cluster.local:5000"
MOMENT = LiveView(HOST, *(18.4, 30.0, 20, 20, 3, 240, 0, 8.02, 3, 0.2), results=())


class Screen:
    """What a window shows of what is printed, where a terminal wraps its lines anew when it becomes narrower."""

    def __init__(self, columns: int) -> None:
        self._show(columns)

    def _show(self, columns: int) -> None:
        self._screen = pyte.Screen(columns, 30)
        self._stream = pyte.Stream(self._screen)

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self._screen.display[: self._screen.cursor.y + 1]]

    def narrow(self, columns: int) -> None:
        lines = self.lines
        self._show(columns)
        self.write("\n".join(lines))

    def write(self, text: str) -> int:
        self._stream.feed(text.replace("\n", "\r\n"))
        return len(text)

    def flush(self) -> None:
        """Nothing is kept back."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("a window of this test's own has no number")


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait while greenlets and signals have their turn."""

    def holds() -> bool:
        gevent.sleep(0)
        return condition()

    wait_for(holds, what, 10)


class View(Terminal):
    """The terminal's view of one moment."""

    def _moment(self) -> LiveView:
        return MOMENT


@pytest.mark.parametrize("last", ["the next refresh", "a line of the log", "the end"])
def test_a_window_that_becomes_narrower(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the terminal wraps the old view's lines, the new view is the only one, and at the end there is none."""
    monkeypatch.setattr(terminal, "REFRESH_S", 60.0)  # only the signal draws anew
    monkeypatch.setattr("sys.stderr", io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    screen: Any = Screen(BEFORE)
    console = Console(file=screen, force_terminal=True, width=BEFORE, height=30, highlight=False, markup=False)
    screen.write("a line of the log\n")
    view = View(SimpleNamespace(), console)  # type: ignore[arg-type]  # which only its moment asks
    view.start()
    wait_until(lambda: "20 of 20 users" in "\n".join(screen.lines), "the view")
    assert any(len(line) > AFTER for line in screen.lines), "no line would be wrapped"
    screen.narrow(AFTER)
    console.width = AFTER
    if last == "the next refresh":
        os.kill(os.getpid(), signal.SIGWINCH)
        alone = ["a line of the log", "Chater load test", f"{HOST}, 3 workers"]
        wait_until(lambda: screen.lines[:3] == alone, "the view in its new width")
        assert sum("20 of 20 users" in line for line in screen.lines) == 1
    elif last == "a line of the log":
        console.print("another line")
    view.stop()
    another = ["another line"] if last == "a line of the log" else []
    assert screen.lines == ["a line of the log", *another, ""]


def test_the_present_rate() -> None:
    """It is right from the first requests on, follows a change within ten seconds, and is 0 when all is silent."""
    rate = RecentRate()
    assert rate.after(0.0, 0) == 0.0
    assert rate.after(1.0, 32) == 32.0
    assert [rate.after(float(second), 32 * second) for second in range(2, 60)] == [32.0] * 58
    assert [rate.after(60.0 + second, 32 * 59 + 8 * second) for second in range(20)][-1] == 8.0
    assert [rate.after(80.0 + second, 32 * 59 + 8 * 19) for second in range(12)][-1] == 0.0


def test_a_drawing_is_as_wide_as_its_words() -> None:
    """Blanks at the end of a line would be wrapped by a narrower window, and are not written."""
    drawing, file = terminal.Drawing(), io.StringIO()
    drawing.moment = MOMENT
    Console(file=file, width=BEFORE, height=30).print(drawing)
    lines = file.getvalue().splitlines()
    assert [line for line in lines if line.endswith(" ")] == []
    widest = max(map(len, lines))
    assert drawing.rows_added(BEFORE) == drawing.rows_added(widest) == 0
    assert drawing.rows_added(widest - 1) == 1
