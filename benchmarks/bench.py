"""What the generator costs, measured: `make bench`. Writes results.json and the table of README.md beside it.

Each generator is a process of its own, pinned to one core, with the server pinned to the other; rounds alternate
between the contestants and medians are told. CPU per request is process CPU time over the requests that the server
counted, both taken twice in the middle of a run: the slope leaves start-up out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.lab import (  # noqa: E402
    GENERATOR_CORE,
    HERE,
    SERVER_CORE,
    cpu_seconds,
    fast_server,
    generator,
    k6,
    locust,
    memory_kib,
    page,
    requests_of,
    server,
    wait_until,
)
from chaterload.chater.routes import CUSTOM_DATE  # noqa: E402

Result = dict[str, Any]


def cpu_per_request_us(
    command: list[str], seconds: float, warm: int = 300, *, keep: bool = False, **env: str
) -> tuple[float, float]:
    """Microseconds of CPU for each request, and requests per second."""
    with fast_server(keep=keep) as target, generator(command, target, **env) as process:
        wait_until(lambda: requests_of(target) >= warm)
        cpu, count, start = cpu_seconds(process.pid), requests_of(target), time.monotonic()
        time.sleep(seconds)
        cpu, count = cpu_seconds(process.pid) - cpu, requests_of(target) - count
        return cpu / count * 1e6, count / (time.monotonic() - start)


def measure_cpu(rounds: int, seconds: float) -> Result:
    """Ours, Locust's floor, the classic way, and k6, on a server that closes connections and on one that keeps them."""
    contestants: dict[str, list[str] | None] = {
        "ours": locust("ours.py", 20),
        "bare FastHttpUser": locust("bare.py", 20),
        "classic HttpUser": locust("classic.py", 20),
        "k6": k6(20, 1e6),
    }
    commands = {name: command for name, command in contestants.items() if command}
    kinds = {"closing server": False, "keeping server": True}
    figures: dict[str, dict[str, list[float]]] = {kind: {name: [] for name in commands} for kind in kinds}
    for _ in range(rounds):
        for kind, keep in kinds.items():
            for name, command in commands.items():
                figures[kind][name].append(cpu_per_request_us(command, seconds, keep=keep)[0])
    return {kind: _compare(found) for kind, found in figures.items()}


def _compare(figures: dict[str, list[float]]) -> Result:
    """Medians, and the medians of the rounds' ratios."""
    ratios = {
        f"ours / {name}": statistics.median(a / b for a, b in zip(figures["ours"], values, strict=True))
        for name, values in figures.items()
        if name != "ours"
    }
    return {"us per request": {name: statistics.median(values) for name, values in figures.items()}, **ratios}


def measure_memory() -> Result:
    """Resident memory of one process with so many idle users."""
    totals = {}
    for users in (100, 1_000, 10_000):
        with server() as target, generator(locust("idle.py", users, "--spawn-rate", "2000"), target) as process:
            _settled(process.pid)
            totals[users] = memory_kib(process.pid)
    return {
        "KiB in all": totals,
        "KiB per idle user, from 100 to 10,000": (totals[10_000] - totals[100]) / 9_900,
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


DELAYS = {"20 ms": "20:1", "100 ms": "100:1", "mixture": "20:0.9,200:0.08,1000:0.02"}


def measure_clock(seconds: float) -> Result:
    """The reported percentiles against the times that the server really took, from a connection to its answer."""
    figures: Result = {}
    for name, delays in DELAYS.items():
        figures[f"{name} at 200/s"] = _clock(delays, 200, 1.0, seconds)
    figures["100 ms at 2,000/s"] = _clock("100:1", 400, 0.1, seconds)
    figures["100 ms at 2,000/s, keeping server"] = _clock("100:1", 400, 0.1, seconds, keep=True)
    figures["100 ms, a busy generator"] = _clock("100:1", 480, 0.0, seconds)
    return figures


def _clock(delays: str, users: int, pause: float, seconds: float, *, keep: bool = False) -> Result:
    """One run of one small request by so many users, without its ramp: clock.py forgets what was before."""
    ramp = 4
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder, "verdict.json")
        options = ("--spawn-rate", str(users / ramp), "--verdict-json", str(verdict))
        command = locust("clock.py", users, *options, "--run-time", f"{int(seconds * 2 + ramp)}s")
        with fast_server(delays, keep=keep) as target, generator(command, target, BENCH_PAUSE=str(pause)) as process:
            wait_until(lambda: requests_of(target) > users)
            time.sleep(ramp)
            before = len(page(target, "delays"))
            busy, start = cpu_seconds(process.pid), time.monotonic()
            time.sleep(seconds)
            busy = (cpu_seconds(process.pid) - busy) / (time.monotonic() - start)
            process.wait(120)
            truth = page(target, "delays")[before:]
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
