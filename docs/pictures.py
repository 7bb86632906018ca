"""Makes README's pictures, from real runs against a stand-in: `python docs/pictures.py`. Needs /usr/bin/chromium."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright
from rich.console import CONSOLE_SVG_FORMAT, Console
from rich.text import Text

HERE = Path(__file__).resolve().parent
LOCUST = (sys.executable, "-m", "locust", "-f", str(HERE.parent / "locustfile.py"), "--stand-in", "--tags", "full_flow")
LOAD = ("--users", "20", "--spawn-rate", "5", "--run-time", "40s", "--stand-in-options")
WEB = ("--web-host", "127.0.0.1", "--web-port", "18089", "--autostart")
ENVIRONMENT = {**os.environ, "TEST_ACCOUNTS": "20", "FORCE_COLOR": "1", "COLUMNS": "100"}


def verdict() -> None:
    """What a run that loses writes prints at its end; Locust's own tables go to stderr."""
    faults = "--latency documented --slow /manual_weight=700 --drop-weight 0.02"
    run = subprocess.run([*LOCUST, "--headless", *LOAD, faults], env=ENVIRONMENT, stdout=subprocess.PIPE, check=False)
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(Text.from_ansi(run.stdout.decode().strip("\n")), no_wrap=True)
    without_web_fonts = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    console.save_svg(str(HERE / "verdict.svg"), title="The end of a run", code_format=without_web_fonts)


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
        page = browser.new_page(viewport={"width": 1200, "height": 616})
        page.goto("http://127.0.0.1:18089/")
        page.get_by_role("tab", name="Objectives").click()
        page.get_by_text("So far: FAIL").wait_for()
        page.screenshot(path=HERE / "objectives-tab.png")
        run.terminate()


if __name__ == "__main__":
    verdict()
    tab()
