"""Makes the pictures, from real runs against a stand-in: `make pictures`, or this file with some of their names.

The tab and the pages need /usr/bin/chromium.
"""

import io
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.arrivals import BY_RATE, BY_USERS, Times, stalled  # noqa: E402

LOCUST = (sys.executable, "-m", "locust", "-f", str(HERE.parent / "locustfile.py"), "--stand-in", "--tags", "full_flow")
FIRST_NOTE, WITH_NOTES = 92, 140
LOAD = ("--users", "20", "--spawn-rate", "5", "--run-time", "40s", "--stand-in-options")
WEB = ("--web-host", "127.0.0.1", "--web-port", "18089", "--autostart")
ENVIRONMENT = {**os.environ, "TEST_ACCOUNTS": "20", "FORCE_COLOR": "1", "COLUMNS": "100"}


@dataclass(frozen=True)
class Ending:
    """A run whose end is a picture: what it is started with, how it has to end, and what is noted beside its lines."""

    title: str
    exit_code: int
    arguments: tuple[str, ...]
    notes: dict[str, str]
    """The first line that begins with the key has the note."""


def load(users: int, seconds: int, stand_in: str) -> tuple[str, ...]:
    """The options of a run by users."""
    return ("--users", str(users), "--spawn-rate", "5", "--run-time", f"{seconds}s", "--stand-in-options", stand_in)


LIMITS = {"POST /eater_receive_photo p95": "an objective, its limit, and what was measured"}
ENDINGS = {
    "pass": Ending(
        "PASS",
        0,
        load(5, 25, "--latency documented"),
        LIMITS
        | {
            "Failures ": "no request failed",
            "Writes ": "every write that was acknowledged was there",
            "Verdict": "CI goes on",
        },
    ),
    "verdict": Ending(
        "FAIL",
        3,
        load(20, 40, "--latency documented --slow /manual_weight=700 --drop-weight 0.02"),
        LIMITS
        | {
            "POST /manual_weight p95": "slower than it may be",
            "            weights": "acknowledged, and not there in time",
            "Diagnosis": "what it points to, and what to do",
            "  - ": "the reasons, the most important first",
            "Verdict": "the build fails",
        },
    ),
    "invalid": Ending(
        "INVALID",
        4,
        load(2, 4, "--latency documented"),
        LIMITS
        | {
            "POST /delete_food p95": "nobody came so far: nothing to judge",
            "  - ": "why this run proves nothing",
            "Verdict": "let it run longer, and repeat it",
        },
    ),
    "capacity": Ending(
        "Capacity",
        0,
        ("--strategy", "capacity", "--strategy-scale", "0.1", "--stand-in-options", "--workers 1 --service-ms 60"),
        {
            "Objective  ": "the best step that was found",
            "Capacity": "the most that it takes",
            "Throughput against": "from here on, more users only wait longer",
            "    POST /delete_food": "most of the time is waiting",
        },
    ),
}


def ending(name: str) -> None:
    """What a run prints at its end, with notes; the log goes to stderr."""
    told = ENDINGS[name]
    command = [*LOCUST, "--headless", *told.arguments]
    run = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    if run.returncode != told.exit_code:
        sys.exit(f"The run for {name} ended with {run.returncode}: is the machine busy?\n{run.stdout.decode()}")
    notes = dict(told.notes)
    console = Console(record=True, width=WITH_NOTES, file=io.StringIO())
    for line in Text.from_ansi(run.stdout.decode().strip("\n")).split():
        start = next((start for start in notes if line.plain.startswith(start)), None)
        if start is not None:
            line.rstrip()
            line.pad_right(max(1, FIRST_NOTE - len(line.plain)))
            line.append(f"\u25c0 {notes.pop(start)}", "italic bright_cyan")
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    without_web_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(str(HERE / f"{name}.svg"), title=told.title, code_format=without_web_fonts)


def tab() -> None:
    """The tab of the web UI, in the middle of a run."""
    faults = "--latency documented --slow /manual_weight=700"
    with (
        subprocess.Popen([*LOCUST, *WEB, *LOAD, faults], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as run,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"]) as browser,
    ):
        assert run.stderr
        next(line for line in run.stderr if "All users spawned" in line)
        page = browser.new_page(viewport={"width": 1200, "height": 850})
        page.goto("http://127.0.0.1:18089/")
        page.get_by_role("tab", name="Objectives").click()
        page.locator("tr[data-mark=fail]").wait_for()
        page.locator("tbody:not(:has([data-mark=open]))").wait_for()  # each objective has requests enough
        page.screenshot(path=HERE / "objectives-tab.png")
        run.terminate()


BUILDS, SLOW_FROM = 12, 6
"""How many builds the history has, and the number of the first one that is slower."""


def pages() -> None:
    """The page of a run that failed, and the history of some builds, where one figure changed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"]) as browser,
    ):
        keep = (*LOCUST, "--headless", "--results", folder, "--build")
        for number in range(BUILDS):
            slow = " --slow /manual_weight=300" if number >= SLOW_FROM else ""
            options = load(10, 8, f"--latency idle{slow}")
            subprocess.run([*keep, f"1.{number}.0", *options], env=ENVIRONMENT, capture_output=True, check=False)
        failed = [*keep, "2.0.0", *ENDINGS["verdict"].arguments]
        subprocess.run(failed, env=ENVIRONMENT, capture_output=True, check=False)
        page = browser.new_page(viewport={"width": 1280, "height": 1360})
        page.goto(max(Path(folder).glob("*/verdict.html")).as_uri())
        page.screenshot(path=HERE / "page.png")
        page.goto((Path(folder) / "index.html").as_uri())
        page.screenshot(path=HERE / "history.png")


WIDTH, HEIGHT, LEFT, TOP = 760, 150, 60, 40
FROM_S, TO_S, MOST_MS = 15.0, 45.0, 6000.0


def panel(title: str, times: Times, color: str, top: int) -> str:
    """A point for each request: when it should have begun, and how long its answer took."""
    scale_x, scale_y = WIDTH / (TO_S - FROM_S), HEIGHT / MOST_MS
    shown = [(at, ms) for at, ms in times if FROM_S <= at <= TO_S]
    points = "".join(
        f'<circle cx="{LEFT + (at - FROM_S) * scale_x:.1f}" cy="{top + HEIGHT - ms * scale_y:.1f}" r="1.5"/>'
        for at, ms in shown
    )
    lines = "".join(
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{y}" y2="{y}" stroke="#e2e8f0"/>'
        f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end">{seconds} s</text>'
        for seconds in (0, 2, 4, 6)
        for y in (round(top + HEIGHT - seconds * 1000 * scale_y),)
    )
    return f'<text x="{LEFT}" y="{top - 12}" font-weight="bold">{title}</text>{lines}<g fill="{color}">{points}</g>'


def open_model() -> None:
    """One server that stands still for five seconds, at 75 req/s by users and by arrivals."""
    panels = []
    for number, (name, load, color) in enumerate(
        (("76 users", BY_USERS, "#2563eb"), ("75 arrivals per second", BY_RATE, "#dc2626"))
    ):
        told, times, _ = stalled(*load)
        slow = sum(ms > 1000 for _, ms in times)
        title = (
            f"{name}: p95 {told['p95_ms'] / 1000:.2f} s, p99 {told['p99_ms'] / 1000:.2f} s, {slow} requests above 1 s"
        )
        panels.append(panel(title, times, color, TOP + number * (HEIGHT + 60)))
    height = TOP + 2 * (HEIGHT + 60)
    ticks = "".join(
        f'<text x="{LEFT + x * WIDTH / 6:.0f}" y="{height - 25}" text-anchor="middle">{FROM_S + 5 * x:.0f}</text>'
        for x in range(7)
    )
    (HERE / "open-model.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="#0f172a">'
        f'<rect width="100%" height="100%" fill="white"/>{"".join(panels)}{ticks}'
        f'<text x="{LEFT}" y="{height - 6}">seconds of the run at which a request should have begun, and how long its '
        "answer took; the server stands still for 5 s</text></svg>\n",
        encoding="utf-8",
    )


PICTURES = {**{name: partial(ending, name) for name in ENDINGS}, "tab": tab, "pages": pages, "open-model": open_model}

if __name__ == "__main__":
    for name in sys.argv[1:] or PICTURES:
        PICTURES[name]()
