"""How many dishes each strategy leaves on a stand-in that answers: `python benchmarks/leftovers.py`, some five minutes.

Every strategy runs once, small, on a quick stand-in, on one with an idle Chater UI's times, and on one whose workers
are too few for its users. What counts is what the server itself still has afterwards.
"""

import json
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from chaterload.load.strategies import NAMES  # noqa: E402
from chaterload.standin import process as stand_in  # noqa: E402

SCALES = {"smoke": 0.2, "load": 0.02, "stress": 0.02, "spike": 0.025, "endurance": 0.0018, "capacity": 0.02}
"""Of the strategies' times: some twelve seconds each."""
SERVERS = {
    "quick": (),
    "idle Chater UI": ("--latency", "idle"),
    "overloaded": ("--workers", "4", "--service-ms", "60"),
}
USERS = "40"


def left_by(strategy: str, options: tuple[str, ...]) -> tuple[int, int]:
    """How many dishes a run made, and how many the server has when it has ended."""
    with stand_in.start(options) as server, tempfile.TemporaryDirectory() as folder:
        command = [str(ROOT / ".venv/bin/locust"), "-f", str(ROOT / "locustfile.py"), "--headless", "--only-summary"]
        command += ["--strategy", strategy, "--strategy-scale", str(SCALES.get(strategy, 0.02))]
        command += ["--strategy-users", USERS, "--verdict-json", "verdict.json"]
        env = {"PATH": "/usr/bin:/bin", "TARGET_HOST": server.host, "TEST_USER_TOKEN": server.token}
        subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=300, check=False)
        document = json.loads((Path(folder) / "verdict.json").read_text(encoding="utf-8"))
        with urllib.request.urlopen(f"{server.host}/_standin/records", timeout=10) as answer:
            records = json.load(answer)
        left = sum(len(account["dishes"]) for account in records.values())
        return document["writes"]["dishes"]["acknowledged"], left


def main() -> None:
    """All of them; exit code 1 when anything is left."""
    total = 0
    for strategy in NAMES:
        for server, options in SERVERS.items():
            made, left = left_by(strategy, options)
            total += left
            print(f"{strategy} on a stand-in that is {server}: {made} dishes made, {left} left", flush=True)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
