"""Half an hour at 50 requests per second: does the generator itself stay as it is, and are its counts exact?

`python benchmarks/soak.py --time 30m` loads a stand-in with the whole mix, each user on an account of its own, and
ends with 1 when the generator's CPU, or its memory beyond what it has to remember, rises (chaterload.judge.trend,
the first tenth left out), when requests were not counted as often as the stand-in saw them, or when the exit code is
not 0.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil
from locust.util.timespan import parse_timespan

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.bench import page  # noqa: E402
from chaterload.run.conclusion import WARM_UP  # noqa: E402
from chaterload.chater.routes import ALCOHOL_LATEST  # noqa: E402
from chaterload.standin import process as stand_in  # noqa: E402
from chaterload.standin.options import STAND_IN_SECRET  # noqa: E402
from chaterload.standin.process import StandInProcess  # noqa: E402
from chaterload.judge.trend import trend  # noqa: E402

USERS_PER_RPS = 0.54
"""A user thinks for a second between two tasks, and looks again for what is not there yet."""

SAMPLE_S = 2.0

RECORDS_MB_PER_HOUR = 14.0
"""What a run remembers at 50 requests per second, measured one by one: Locust's requests per second of each path (6.0)
and its history (0.7), our samples (3.9), the dishes of the day (3). All of it ends with the run. More is a leak."""


def watch(generator: psutil.Process) -> list[tuple[float, float, float]]:
    """Until it ends: seconds since the start, resident memory in bytes, CPU in percent since the sample before."""
    samples: list[tuple[float, float, float]] = []
    began = last = time.monotonic()
    busy = 0.0
    while generator.is_running() and generator.status() != psutil.STATUS_ZOMBIE:
        time.sleep(SAMPLE_S)
        try:
            memory, times = generator.memory_info().rss, generator.cpu_times()
        except psutil.NoSuchProcess:
            break
        now, total = time.monotonic(), times.user + times.system
        samples.append((now - began, memory, 100 * (total - busy) / (now - last)))
        last, busy = now, total
    return samples


def drifts(samples: list[tuple[float, float, float]], seconds: float) -> list[str]:
    """Tell of memory and CPU, and return those that rise."""
    rising = []
    samples = [sample for sample in samples if WARM_UP * seconds + 10 < sample[0] < seconds]
    times = [sample[0] for sample in samples]
    memory = [sample[1] / 1e6 for sample in samples]
    beyond = [mb - RECORDS_MB_PER_HOUR * at / 3600 for mb, at in zip(memory, times, strict=True)]
    series = {"memory": memory, "memory beyond the run's records": beyond, "CPU": [sample[2] for sample in samples]}
    for name, values in series.items():
        found = trend(times, values)
        if found is None:
            print(f"{name}: too few samples")
            continue
        per_hour = found.slope * 3600
        print(f"{name}: median {median(values):.1f}, {found.direction}, {per_hour:+.2f} per hour (p {found.p:.2g})")
        if found.direction == "rising" and name != "memory":
            rising.append(f"{name} rises by {found.change:.1f}")
    return rising


def miscounts(document: dict[str, list[dict[str, object]]], server: StandInProcess) -> list[str]:
    """Where the report has not as many requests as the stand-in saw; one preflight is not in it."""
    endpoints = page(server, "counters")["endpoints"]
    seen = {name: row["requests"] for name, row in endpoints.items() if row["requests"]}
    seen[str(ALCOHOL_LATEST)] -= 1
    counted = {f"{row['method']} {row['path']}": row["requests"] for row in document["endpoints"]}
    print(f"counted {sum(map(int, map(str, counted.values())))} requests, the stand-in saw {sum(seen.values())}")
    wrong = {name for name in seen.keys() | counted.keys() if seen.get(name, 0) != counted.get(name, 0)}
    return [f"{name}: counted {counted.get(name, 0)}, seen {seen.get(name, 0)}" for name in sorted(wrong)]


def main() -> int:
    """Run it and say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time", default=os.environ.get("SOAK_TIME", "30m"))
    parser.add_argument("--rps", type=int, default=50)
    options = parser.parse_args()
    seconds, users = parse_timespan(options.time), round(options.rps * USERS_PER_RPS)
    with tempfile.TemporaryDirectory() as folder, stand_in.start() as server:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("TEST_", "LOCUST_"))}
        env |= {"TARGET_HOST": server.host, "TEST_AUTH_TOKEN": server.id_token}
        env |= {"TEST_JWT_SECRET": STAND_IN_SECRET, "TEST_ACCOUNTS": str(users)}
        command = [sys.executable, "-m", "locust", "-f", str(ROOT / "locustfile.py"), "--headless", "--only-summary"]
        command += ["--users", str(users), "--spawn-rate", "10", "--run-time", f"{seconds}s"]
        command += ["--verdict-json", "v.json"]
        print(f"{users} users for {seconds} s ...", flush=True)
        run = subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.DEVNULL)
        samples = watch(psutil.Process(run.pid))
        code = run.wait()
        document = json.loads(Path(folder, "v.json").read_text())
        problems = [*drifts(samples, seconds), *miscounts(document, server)]
        print(f"{document['throughput_rps']:.1f} requests per second, {document['failures']} failed, exit code {code}")
        problems += [f"exit code {code}: {'; '.join(document['reasons'])}"] * bool(code)
        problems += [f"{len(document['leftovers'])} dishes are left"] * bool(document["leftovers"])
    print("\n".join(problems) or "flat and exact")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
