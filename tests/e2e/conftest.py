"""Real Locust processes against a real stand-in."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import psutil
import pytest

from chaterload.standin.process import StandInProcess
from tests.photos import small_png
from tests.support.schema import check_files
from tests.support.standins import answers, credentials, page, requests_seen
from tests.support.waiting import PATIENCE_S, free_port, refuses, wait_for
from tests.support.warm import WarmProcess, start_stand_in, warm_locust

__all__ = [
    "PATIENCE_S",
    "answers",
    "credentials",
    "free_port",
    "page",
    "refuses",
    "requests_seen",
    "wait_for",
]

ROOT = Path(__file__).resolve().parents[2]
MARK = "LC_CHATER_E2E_MARK"
"""Inherited by all that a test starts, stand-ins of Locust's own included: what carries it is ours.

Its first letters are those of a locale's variables, which are all that a stand-in inherits of an environment.
"""

TWELVE = {
    "GET /alcohol_latest",
    "GET /eater_get_today",
    "POST /alcohol_range",
    "POST /delete_food",
    "POST /eater_auth",
    "POST /eater_receive_photo",
    "POST /feedback",
    "POST /get_food_custom_date",
    "POST /get_recommendation",
    "POST /manual_weight",
    "POST /modify_food_record",
    "POST /set_language",
}


def started_by(sessions: set[int], mark: str) -> list[psutil.Process]:
    """The live processes of these sessions, and those that carry `mark`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_ours = os.getsid(process.pid) in sessions or process.environ().get(MARK) == mark
            if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


PROMETHEUS = Path("/usr/bin/prometheus")

_SCRAPE = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: target
    static_configs: [{{targets: ["{target}"]}}]
"""


def ask_prometheus(address: str, promql: str) -> list[Any]:
    """The series that a Prometheus has of an expression now; none while it starts."""
    query = urllib.parse.urlencode({"query": promql})
    try:
        with urllib.request.urlopen(f"{address}/api/v1/query?{query}", timeout=5) as answer:
            series: list[Any] = json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        with error:
            if error.code == HTTPStatus.SERVICE_UNAVAILABLE:
                return []
            raise AssertionError(f"{promql}: {error.read().decode()}") from None
    except urllib.error.URLError:
        return []
    return series


@contextlib.contextmanager
def prometheus_of(host: str, folder: Path) -> Iterator[str]:
    """The address of a Prometheus that has scraped the base URL `host`, and goes on once a second."""
    if not PROMETHEUS.exists():
        pytest.skip(f"{PROMETHEUS} is not installed (apt-get install prometheus)")
    configuration = folder / "prometheus.yml"
    configuration.write_text(_SCRAPE.format(target=host.removeprefix("http://")))
    listen = f"127.0.0.1:{free_port()}"
    command = [
        str(PROMETHEUS),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={listen}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(lambda: ask_prometheus(f"http://{listen}", "up"), "Prometheus")
        yield f"http://{listen}"
    finally:
        process.terminate()
        process.wait(20)


LENIENT = Path(__file__).with_name("lenient.toml")
USUAL = ROOT / "chaterload/judge/objectives.toml"


class Locust:
    """One Locust process with our locustfile, its output gathered in files, or on `terminal`, a file descriptor.

    It is a fork of a warm process, unless it is to be started `cold`, by the command that people type. Unless options
    say otherwise it is judged by LENIENT objectives.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        env: dict[str, str],
        folder: Path,
        name: str,
        before: Sequence[str] = (),
        stdin: int | None = None,
        terminal: int | None = None,
        cold: bool = False,
    ) -> None:
        self.folder = folder
        self._stdout, self._stderr = folder / f"{name}.out", folder / f"{name}.err"
        base = {key: value for key, value in os.environ.items() if not key.startswith(("TEST_", "LOCUST_"))}
        if "--no-objectives" not in arguments:
            base["TEST_OBJECTIVES"] = str(LENIENT)
        arguments, env = ["-f", str(ROOT / "locustfile.py"), *arguments], {**base, "PYTHONUNBUFFERED": "1", **env}
        self.process: subprocess.Popen[bytes] | WarmProcess
        with Path(os.devnull).open("rb") as nothing, self._stdout.open("wb") as out, self._stderr.open("wb") as err:
            files = (nothing.fileno() if stdin is None else stdin, out.fileno(), err.fileno())
            streams = files if terminal is None else (terminal, terminal, terminal)
            if cold or before or terminal is not None:  # whose width Locust looks up when it is imported
                command = [*before, sys.executable, "-m", "locust", *arguments]
                stdin, stdout, stderr = streams
                self.process = subprocess.Popen(
                    command, cwd=folder, env=env, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
                )
            else:
                self.process = warm_locust().start(arguments, env, folder, streams)

    @property
    def errors(self) -> str:
        """What it wrote to stderr: its log and its complaints."""
        return self._stderr.read_text(errors="replace")

    @property
    def output(self) -> str:
        """What it wrote to stdout, its tables, and then to stderr."""
        return self._stdout.read_text(errors="replace") + self.errors

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def says(self, text: str, seconds: float = PATIENCE_S) -> None:
        """Wait until the output holds `text`."""
        wait_for(lambda: text in self.output or not self.alive, repr(text), seconds)
        assert text in self.output, self.output

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, seconds: float = 120.0) -> int:
        """The exit code."""
        return self.process.wait(seconds)

    def finish(self, seconds: float = 120.0) -> str:
        """Wait for the end, demand that nobody sees a traceback, and return the output."""
        self.wait(seconds)
        assert "Traceback" not in self.output, self.output
        return self.output

    def kill(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


Run = Callable[..., Locust]


@pytest.fixture
def locust(tmp_path: Path) -> Iterator[Run]:
    """Starts Locust: `locust("--headless", env={...})`, with other words `before` the command if need be.

    What still runs at the end of the test is killed. What ended by itself must have left nothing behind, and
    each verdict JSON that it wrote is what the schema declares.
    """
    started: list[Locust] = []
    mark = uuid.uuid4().hex

    def start(*arguments: str, env: dict[str, str] | None = None, before: Sequence[str] = (), **more: Any) -> Locust:
        env, name = {MARK: mark, **(env or {})}, f"locust-{len(started)}"
        started.append(Locust(arguments, env, tmp_path, name, before, **more))
        return started[-1]

    yield start
    for process in started:
        if process.alive:
            process.kill()
    sessions = {run.process.pid for run in started}
    try:
        wait_for(lambda: not started_by(sessions, mark), "the processes that Locust started to end", 10)
    finally:
        for left in started_by(sessions, mark):
            left.kill()
    check_files(tmp_path)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[StandInProcess]:
    """A stand-in of the test's own; `@pytest.mark.parametrize("server", [[...]], indirect=True)` gives it options."""
    with start_stand_in(getattr(request, "param", ())) as process:
        yield process


@pytest.fixture
def small_photo(tmp_path: Path) -> dict[str, str]:
    """The environment for an upload of few bytes, where many flows matter and the photo does not."""
    path = tmp_path / "small.png"
    path.write_bytes(small_png())
    return {"TEST_PHOTO_PATH": str(path)}


def processes(number: int) -> tuple[str, ...]:
    """The options for so many workers that one command starts, on a port that no other test has."""
    port = str(free_port())
    return ("--processes", str(number), "--master-port", port, "--master-bind-port", port)


class Cluster:
    """A master and its workers, each a process of its own."""

    def __init__(self, locust: Run, workers: int, *arguments: str, env: dict[str, str], late: int = 0) -> None:
        """`late` of the workers are expected and not started: they may join."""
        self._locust, self._env, self.port = locust, env, str(free_port())
        bind = ("--master-bind-host", "127.0.0.1", "--master-bind-port", self.port)
        self.master = locust("--master", *bind, "--expect-workers", str(workers), *arguments, env=env)
        self.workers = [self.join() for _ in range(workers - late)]

    def join(self, *arguments: str, env: dict[str, str] | None = None) -> Locust:
        """One more worker, with the master's environment or its own."""
        master = ("--master-host", "127.0.0.1", "--master-port", self.port)
        return self._locust("--worker", *master, *arguments, env=self._env if env is None else env)


class WebUi:
    """A Locust process's web UI on a free port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.options = ("--web-host", "127.0.0.1", "--web-port", str(self.port))

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def post(self, path: str, **form: object) -> Any:
        """The JSON answer to a form, or to a click where there is none."""
        data = urllib.parse.urlencode(form).encode()
        origin = f"http://127.0.0.1:{self.port}"
        request = urllib.request.Request(f"{origin}{path}", data, {"Origin": origin})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def swarm(self, users: int, **form: object) -> Any:
        """Start, or change to so many users at once."""
        return self.post("/swarm", user_count=users, spawn_rate=1000, **form)

    def stats(self) -> Any:
        return json.loads(self.get("/stats/requests"))

    def wait_until_up(self) -> None:
        wait_for(lambda: not refuses(f"http://127.0.0.1:{self.port}"), "the web UI")


def rows(output: str) -> dict[str, tuple[int, int]]:
    """Requests and failures by "METHOD /path", from the table of endpoints at the end of a run."""
    *_, table = re.split(r"^Endpoint +Requests", output, flags=re.MULTILINE)
    found = re.findall(r"^((?:GET|POST) /\S+) +([\d,]+) +([\d,]+) ", table.split("\n\n")[0], re.MULTILINE)
    return {name: (int(requests.replace(",", "")), int(failed.replace(",", ""))) for name, requests, failed in found}
