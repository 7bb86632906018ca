"""What the generator costs, measured: `make bench`. Writes results.json and the table of README.md beside it.

Each generator is a process of its own, pinned to one core, with the server pinned to the other; rounds alternate
between the contestants and medians are told. CPU per request is process CPU time over the requests that the server
counted, both taken twice in the middle of a run: the slope leaves start-up out.
"""

import argparse
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from chaterload.standin import process as stand_in  # noqa: E402
from chaterload.standin.process import StandInProcess  # noqa: E402
from chaterload.chater.routes import CUSTOM_DATE  # noqa: E402
from chaterload.chater.tokens import make_token  # noqa: E402

GENERATOR_CORE, SERVER_CORE = 0, 1
TICKS = os.sysconf("SC_CLK_TCK")
Result = dict[str, Any]


@dataclass
class Target:
    """What a generator has to know of a server, and we to measure."""

    host: str
    token: str
    email: str


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kib(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return float(found[1])


def page(server: StandInProcess | Target, path: str) -> Any:
    """A JSON page of the stand-in's."""
    with urllib.request.urlopen(f"{server.host}/_standin/{path}", timeout=30) as answer:
        return json.load(answer)


def requests_of(server: StandInProcess | Target) -> int:
    """How many requests the server has counted."""
    return sum(row["requests"] for row in page(server, "counters")["endpoints"].values())


@contextmanager
def server(*options: str, core: int = SERVER_CORE) -> Iterator[StandInProcess]:
    """A stand-in on a core of its own."""
    with stand_in.start(options) as process:
        os.sched_setaffinity(process.process.pid, {core})
        yield process


@contextmanager
def fast_server(delays: str = "") -> Iterator[Target]:
    """The cheap server on a core of its own; `delays` as MS:SHARE with commas between."""
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, str(HERE / "fastserver.py"), delays]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        token = make_token("any", "loadtest@example.com", timedelta(hours=1))
        yield Target(f"http://127.0.0.1:{process.stdout.readline().strip()}", token, "loadtest@example.com")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def generator(command: list[str], target: StandInProcess | Target, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    """A load generator on the other core; ended with SIGINT."""
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",  # where it is set, each start compiles our modules anew
        "PYTHONPATH": str(ROOT),
        "TARGET_HOST": target.host,
        "LOCUST_HOST": target.host,
        "TEST_USER_TOKEN": target.token,
        "TEST_USER_EMAIL": target.email,
        "TEST_AUTH_TOKEN": getattr(target, "id_token", "any"),  # the cheap server takes any
        "TEST_PHOTO_PATH": str(ROOT / "image.png"),
        **env,
    }
    pinned = ["taskset", "-c", str(GENERATOR_CORE), *command]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(pinned, env=environment, cwd=ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def locust(file: str, users: int, *options: str) -> list[str]:
    """The command of a headless run of one of our files."""
    command = [sys.executable, "-m", "locust", "-f", str(HERE / file), "--headless", "--only-summary"]
    return [*command, "--users", str(users), "--spawn-rate", str(max(100, users)), *options]


def k6(users: int, seconds: float) -> list[str] | None:
    """The command of the same mix in k6; None where it is not installed."""
    program = shutil.which("k6") or shutil.which("k6", path=str(Path(sys.executable).parent))
    if program is None:
        return None
    os.environ.update(USERS=str(users), SECONDS=str(int(seconds)))
    return [program, "run", "--quiet", "--no-usage-report", str(HERE / "flow.js")]


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Wait for a condition; TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def cpu_per_request_us(command: list[str], seconds: float, warm: int = 300, **env: str) -> tuple[float, float]:
    """Microseconds of CPU for each request, and requests per second."""
    with fast_server() as target, generator(command, target, **env) as process:
        wait_until(lambda: requests_of(target) >= warm)
        cpu, count, start = cpu_seconds(process.pid), requests_of(target), time.monotonic()
        time.sleep(seconds)
        cpu, count = cpu_seconds(process.pid) - cpu, requests_of(target) - count
        return cpu / count * 1e6, count / (time.monotonic() - start)


def measure_cpu(rounds: int, seconds: float) -> Result:
    """Ours, Locust's floor, the classic way, and k6."""
    contestants: dict[str, list[str] | None] = {
        "ours": locust("ours.py", 20),
        "bare FastHttpUser": locust("bare.py", 20),
        "classic HttpUser": locust("classic.py", 20),
        "k6": k6(20, 1e6),
    }
    figures: dict[str, list[float]] = {name: [] for name, command in contestants.items() if command}
    for _ in range(rounds):
        for name in figures:
            command = contestants[name]
            assert command
            figures[name].append(cpu_per_request_us(command, seconds)[0])
    medians = {name: statistics.median(values) for name, values in figures.items()}
    ratios = {
        f"ours / {name}": statistics.median(a / b for a, b in zip(figures["ours"], values, strict=True))
        for name, values in figures.items()
        if name != "ours"
    }
    return {"CPU per request, us": medians, "ratios": ratios}


def measure_memory() -> Result:
    """Resident memory of one process with so many idle users."""
    totals = {}
    for users in (100, 1_000, 10_000):
        with server() as target, generator(locust("idle.py", users, "--spawn-rate", "2000"), target) as process:
            _settled(process.pid)
            totals[users] = memory_kib(process.pid)
    return {
        "KiB in all": totals,
        "KiB per user from 100 to 10,000": (totals[10_000] - totals[100]) / 9_900,
    }


def _settled(pid: int) -> None:
    """Wait until a process's memory has not grown for three seconds."""
    seen: list[float] = []

    def steady() -> bool:
        seen.append(memory_kib(pid))
        time.sleep(0.25)
        return len(seen) > 20 and seen[-1] - seen[-12] < 64

    wait_until(steady)


def measure_scaling(seconds: float) -> Result:
    """CPU per request as users grow, at about 200 requests per second in all."""
    figures = {}
    for users in (10, 100, 1_000, 5_000):
        pause = str(users / 110)  # a task makes about 1.9 requests
        figures[users] = cpu_per_request_us(locust("ours.py", users), seconds, warm=2 * users, BENCH_PAUSE=pause)[0]
    return {"CPU per request, us": figures, "5,000 users / 10": figures[5_000] / figures[10]}


def measure_processes(seconds: float) -> Result:
    """Throughput with one, two and three worker processes, all on two cores with the server among them."""
    cores, rates = {GENERATOR_CORE, SERVER_CORE}, {}
    for processes in (1, 2, 3):
        with fast_server() as target, generator(locust("ours.py", 60, "--processes", str(processes)), target):
            _pin_all(cores)
            wait_until(lambda target=target: requests_of(target) >= 1_000)  # type: ignore[misc]
            _pin_all(cores)  # the workers too, which have started since
            count, start = requests_of(target), time.monotonic()
            time.sleep(seconds)
            rates[processes] = (requests_of(target) - count) / (time.monotonic() - start)
    return {"requests per second": rates, "two / one": rates[2] / rates[1], "three / one": rates[3] / rates[1]}


def _pin_all(cores: set[int]) -> None:
    """Let our children, and theirs, run on all of `cores`."""
    for process in psutil.Process().children(recursive=True):
        process.cpu_affinity(list(cores))


DELAYS = {"20 ms": "20:1", "100 ms": "100:1", "1000 ms": "1000:1", "mixture": "20:0.9,200:0.08,1000:0.02"}


def measure_clock(seconds: float) -> Result:
    """The reported percentiles against the times that the server really took, from a connection to its answer."""
    figures: Result = {}
    for name, delays in DELAYS.items():
        for rate in (50, 200):
            figures[f"{name} at {rate}/s"] = _clock(delays, 200, 200 / rate, seconds)
    figures["100 ms, a busy generator"] = _clock("100:1", 240, 0.0, seconds)
    return figures


def _clock(delays: str, users: int, pause: float, seconds: float) -> Result:
    """One run of one small request by so many users, without its ramp."""
    ramp = 4
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder, "verdict.json")
        options = ("--spawn-rate", str(users / ramp), "--reset-stats", "--verdict-json", str(verdict))
        command = locust("clock.py", users, *options, "--run-time", f"{int(seconds * 2 + ramp)}s")
        with fast_server(delays) as target, generator(command, target, BENCH_PAUSE=str(pause)) as process:
            wait_until(lambda: requests_of(target) > users)
            time.sleep(ramp)
            busy, start = cpu_seconds(process.pid), time.monotonic()
            time.sleep(seconds)
            busy = (cpu_seconds(process.pid) - busy) / (time.monotonic() - start)
            process.wait(120)
            truth = page(target, "delays")
        row = next(r for r in json.loads(verdict.read_text())["endpoints"] if r["path"] == CUSTOM_DATE.path)
    truth.sort()
    told = {0.5: row["median_ms"], 0.95: row["p95_ms"], 0.99: row["p99_ms"]}
    true = {share: truth[min(len(truth) - 1, int(share * len(truth)))] for share in told}
    percentiles = {f"p{share * 100:.0f} ms, told - true": f"{told[share]:.0f} - {true[share]:.1f}" for share in told}
    return {"generator's CPU": busy, "requests": len(truth), **percentiles}


def measure_start(rounds: int) -> Result:
    """Seconds from the command to the first request of the load, ours and bare."""
    figures: dict[str, list[float]] = {"ours": [], "bare": []}
    for _ in range(rounds):
        for name, file in (("ours", "clock.py"), ("bare", "bare_start.py")):
            with server() as target:
                start = time.monotonic()
                with generator(locust(file, 1), target):
                    wait_until(lambda target=target: str(CUSTOM_DATE) in page(target, "counters")["endpoints"])  # type: ignore[misc]
                    figures[name].append(time.monotonic() - start)
    medians = {name: statistics.median(values) for name, values in figures.items()}
    return {"seconds": medians, "ours - bare": medians["ours"] - medians["bare"]}


def measure_end() -> Result:
    """Seconds from a two-hour history to all of the verdict's files."""
    from benchmarks.end import conclude, two_hours

    history, figures = two_hours()
    start = time.monotonic()
    conclude(history, figures)
    return {"seconds": time.monotonic() - start}


def show(results: Result) -> str:
    """The results as Markdown."""
    lines = ["| figure | measured |", "|---|---|"]

    def walk(name: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{name}: {key}" if name else str(key), inner)
        else:
            lines.append(f"| {name} | {value:.3g} |" if isinstance(value, float) else f"| {name} | {value} |")

    walk("", results)
    return "\n".join(lines)


def write(results: Result) -> None:
    """results.json, and the table between the marks of README.md; parts that were not measured keep their figures."""
    path = HERE / "results.json"
    merged = {**(json.loads(path.read_text()) if path.exists() else {}), **results}
    path.write_text(json.dumps(merged, indent=2) + "\n")
    readme = HERE / "README.md"
    head, _, rest = readme.read_text().partition("<!-- results -->")
    _, _, tail = rest.partition("<!-- end -->")
    readme.write_text(f"{head}<!-- results -->\n{show(merged)}\n<!-- end -->{tail}")


def main() -> None:
    """Measure all, or the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="cpu, memory, scaling, processes, clock, start, end; all by default")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each measurement")
    options = parser.parse_args()
    parts: dict[str, Callable[[], Result]] = {
        "cpu": lambda: measure_cpu(options.rounds, options.seconds),
        "memory": measure_memory,
        "scaling": lambda: measure_scaling(options.seconds),
        "processes": lambda: measure_processes(options.seconds),
        "clock": lambda: measure_clock(options.seconds),
        "start": lambda: measure_start(options.rounds),
        "end": measure_end,
    }
    unknown = set(options.parts) - parts.keys()
    if unknown:
        parser.error(f"no part is called {', '.join(sorted(unknown))}; expected {', '.join(parts)}")
    for name in options.parts or parts:
        found = {name: parts[name]()}
        print(show(found), flush=True)
        write(found)


if __name__ == "__main__":
    main()
