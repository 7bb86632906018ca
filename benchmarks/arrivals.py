"""Load by arrivals, measured: each row of the table in benchmarks/README.md, printed as it is found.

`python benchmarks/arrivals.py [rates gaps stall capacity cpu lost idle]`. It takes a quarter of an hour, all rows
together; the server is on one core and the generator on the other, where there are two.
"""

import argparse
import itertools
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.lab import ROOT, Target, cpu_seconds, fast_server, page, requests_of, server, wait_until

from chaterload.load.arrivals import ArrivalProcess, TaskCosts
from chaterload.load.rates import ArrivalPlan

SEED = 7
ONE_REQUEST = ("--tags", "custom_date")
"""Tasks of one request each, to the path that the cheap server can delay."""


def row(figure: str, measured: str, wanted: str) -> None:
    """A line of the table."""
    print(f"| {figure} | {measured} | {wanted} |", flush=True)


@contextmanager
def locust(target: Any, folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A headless run whose verdict goes to `folder`."""
    environment = {
        **os.environ,
        "TEST_USER_TOKEN": target.token,
        "TEST_USER_EMAIL": target.email,
        "TEST_AUTH_TOKEN": getattr(target, "id_token", "any"),
    }
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    if "-f" not in options:
        command += ["-f", str(ROOT / "locustfile.py")]
    command += ["--host", target.host, "--verdict-json", str(folder / "verdict.json"), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
        try:
            yield process
            process.wait(1200)
        finally:
            process.kill()
            process.wait()


def verdict(target: Any, *options: str, during: Callable[[subprocess.Popen[bytes]], object] | None = None) -> Any:
    """The verdict JSON of a run."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with locust(target, folder, *options) as process:
            if during:
                during(process)
        return json.loads((folder / "verdict.json").read_text())


def kolmogorov(gaps: list[float]) -> float:
    """The probability of gaps so unlike an exponential distribution of their rate, or more so (Stephens, 1970)."""
    n, rate = len(gaps), len(gaps) / sum(gaps)
    shares = [1 - math.exp(-rate * gap) for gap in sorted(gaps)]
    distance = max(max((i + 1) / n - share, share - i / n) for i, share in enumerate(shares))
    x = (math.sqrt(n) + 0.12 + 0.11 / math.sqrt(n)) * distance
    return 1.0 if x < 0.2 else 2 * sum((-1) ** (k - 1) * math.exp(-2 * k * k * x * x) for k in range(1, 101))


def measure_rates() -> None:
    """The whole mix, a minute each."""
    for rate in (15, 75, 200, 1000):
        with fast_server() as target:
            found = verdict(target, "--rate", str(rate), "--run-time", "60s")["rate"]
        late = f"{found['late_ratio']:.2%} late"
        row(f"reached / asked, {rate} req/s, 60 s", f"{found['reached_rps'] / rate:.4f}, {late}", "0.98 to 1.02")


def due_times(seed: int | None, rate: float, seconds: float) -> list[float]:
    """When tasks of one request each are due in a process of a run, from its first moment on."""
    process = ArrivalProcess("poisson", Random(ArrivalPlan("poisson", seed, 1).own_seed), TaskCosts(1.0), 0.0)
    process.ask(0.0, rate)
    found = []
    while process.next < seconds:
        arrival = process.arrive()
        process.end(process.begin(arrival, "task", 1.0), "task", 1)
        found.append(arrival.due)
    return found


def measure_gaps() -> None:
    """As drawn, for ten seeds; and as a server saw them, for one."""
    drawn = [due_times(seed, 75, 60) for seed in range(10)]
    good = sum(kolmogorov([b - a for a, b in itertools.pairwise(times)]) > 0.01 for times in drawn)
    row("gaps as drawn: Kolmogorov-Smirnov p > 0.01", f"{good} of 10 seeds", "9 of 10")
    with fast_server() as target:
        verdict(target, "--rate", "75", "--run-time", "60s", "--arrivals-seed", str(SEED), *ONE_REQUEST)
        came = sorted(connected for connected, _ in page(target, "moments"))
    p = kolmogorov([b - a for a, b in itertools.pairwise(came)])
    row("gaps as the server saw them, one seed", f"p = {p:.2f}", "p > 0.01")


def percentile(values: list[float], share: float) -> float:
    """Of values, the smallest that so large a share is at most."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def freeze(target: Target, at_s: float = 25.0, for_s: float = 5.0) -> Callable[[object], None]:
    """Stops the server for some seconds in the middle of a run."""

    def during(_: object) -> None:
        wait_until(lambda: requests_of(target) > 20)
        time.sleep(at_s)
        port = int(target.host.rsplit(":", 1)[1])
        (process,) = {
            p
            for p in psutil.Process().children(recursive=True)
            for c in p.net_connections("tcp")
            if c.laddr.port == port and c.status == "LISTEN"
        }
        process.send_signal(signal.SIGSTOP)
        time.sleep(for_s)
        process.send_signal(signal.SIGCONT)

    return during


Times = list[tuple[float, float]]
"""Of each request, as the run tells it: when it began, or should have, in s of the run, and how many ms it took."""

BY_RATE = ("--rate", "75", "--arrivals-seed", str(SEED))
BY_USERS = ("--users", "76", "--spawn-rate", "76")
"""They think for a second and wait for 20 ms: 75 requests per second as well."""


def stalled(*load: str) -> tuple[Any, Times, list[tuple[float, float]]]:
    """A minute of load on a server that stands still for five seconds: the verdict's figures, what the run tells of
    each request, and when the server got and answered each."""
    with fast_server("20:1") as target, tempfile.TemporaryDirectory() as folder:
        os.environ["LOGGED"] = str(Path(folder) / "times.json")
        options = (*load, "--run-time", "60s", *ONE_REQUEST, "-f", str(ROOT / "benchmarks" / "logged.py"))
        told = verdict(target, *options, during=freeze(target))["endpoints"][0]
        log = sorted(page(target, "moments"))
        times = sorted(json.loads(Path(os.environ["LOGGED"]).read_text()))
    return told, [(start - times[0][0], took) for start, took in times], log


def measure_stall() -> None:
    """The same server, frozen for five seconds, told of by arrivals and by users."""
    told, _, log = stalled(*BY_RATE)
    due = due_times(SEED, 75, 62)[: len(log)]
    origin = statistics.median(came - time for (came, _), time in zip(log[:200], due, strict=False))
    answers = sorted(answered for _, answered in log)
    true = percentile([(answer - origin - time) * 1000 for answer, time in zip(answers, due, strict=True)], 0.99)
    ratio = f"{told['p99_ms']:.0f} / {true:.0f} ms = {told['p99_ms'] / true:.3f}"
    row("p99 told / from the intended arrivals, 5 s of SIGSTOP", ratio, "0.95 to 1.05")
    users, _, _ = stalled(*BY_USERS)
    for share in ("p95", "p99"):
        both = f"{told[share + '_ms']:.0f} and {users[share + '_ms']:.0f} ms"
        row(f"{share} told by rate, and by 76 users", both, "beside it")


def measure_capacity() -> None:
    """A search by rate on servers of a known capacity."""
    with tempfile.TemporaryDirectory() as folder:
        objectives = Path(folder) / "objectives.toml"
        objectives.write_text('["all requests"]\np95 = 0.5\n')
        for workers in (1, 2, 4):
            with server("--workers", str(workers), "--service-ms", "25") as target:
                options = ("--strategy", "capacity", "--by", "rate", "--objectives", str(objectives))
                found = verdict(target, *options, "--strategy-scale", "0.3")["analysis"]["capacity"]
            share = found["requests_per_second"] / (workers * 40)
            told = f"{share:.3f} (asked {found['asked_rps']:.0f}, broken at {found['first_broken_rps']})"
            row(f"capacity by rate / K/S = {workers * 40} req/s", told, "0.85 to 1, never above")


def cpu_us(*options: str) -> float:
    """Microseconds of CPU for each request of a run that goes on."""
    found: list[float] = []

    def during(process: subprocess.Popen[bytes]) -> None:
        wait_until(lambda: requests_of(target) >= 400)
        cpu, count = cpu_seconds(process.pid), requests_of(target)
        time.sleep(15)
        found.append((cpu_seconds(process.pid) - cpu) / (requests_of(target) - count) * 1e6)

    with fast_server() as target:
        verdict(target, *options, "--run-time", "25s", *ONE_REQUEST, during=during)
    return found[0]


def measure_cpu() -> None:
    """The same load by 200 users and by 200 req/s, in turn."""
    ratios = []
    for _ in range(5):
        by_users = cpu_us("--users", "200", "--spawn-rate", "200")
        ratios.append(cpu_us("--rate", "200") / by_users)
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    row("CPU per request by rate / by users, 200 req/s", f"{statistics.median(ratios):.3f} ({told})", "at most 1.05")


def measure_lost() -> None:
    """One of three workers is killed in a run of 75 req/s."""
    rates: list[float] = []

    def during(process: subprocess.Popen[bytes]) -> None:
        wait_until(lambda: requests_of(target) >= 400)
        time.sleep(5)
        psutil.Process(process.pid).children()[0].kill()
        time.sleep(10)
        count, start = requests_of(target), time.monotonic()
        time.sleep(20)
        rates.append((requests_of(target) - count) / (time.monotonic() - start))

    with fast_server() as target:
        options = ("--processes", "3", "--enable-rebalancing", "--rate", "75", "--run-time", "50s")
        found = verdict(target, *options, during=during)
    row(
        "rate / asked, from 10 s after a lost worker on",
        f"{rates[0] / 75:.3f}, {found['verdict']}",
        "0.95 to 1.05, invalid",
    )


def measure_idle() -> None:
    """How many users there are beyond those that are busy."""
    with fast_server("50:1") as target:
        found = verdict(target, "--rate", "200", "--run-time", "30s", *ONE_REQUEST)["run"]["users"]
    row("idle and busy users at 200 req/s on answers of 50 ms", str(found), "fewer than 100 idle")


PARTS = {
    "rates": measure_rates,
    "gaps": measure_gaps,
    "stall": measure_stall,
    "capacity": measure_capacity,
    "cpu": measure_cpu,
    "lost": measure_lost,
    "idle": measure_idle,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which rows; all where none is named")
    for part in parser.parse_args().parts or PARTS:
        PARTS[part]()
