"""What grows with a run, measured alone: `python benchmarks/scaling.py`, about a minute of one core, no load."""

from locust import events  # first: Locust patches sockets for gevent  # isort: skip

import json
import sys
import tempfile
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import locustfile  # noqa: E402
from locust.env import Environment  # noqa: E402

from benchmarks.end import two_hours  # noqa: E402
from chaterload.chater.accountsfile import read_accounts  # noqa: E402
from chaterload.chater.day_list import DayList  # noqa: E402
from chaterload.chater.leases import AccountPool  # noqa: E402
from chaterload.chater.load_context import make_shared  # noqa: E402
from chaterload.chater.settings import Settings  # noqa: E402
from chaterload.chater.times import SecondsOfDay, day_of  # noqa: E402
from chaterload.chater.tokens import make_token  # noqa: E402
from chaterload.judge.objectives_file import DEFAULT_FILE, load  # noqa: E402
from chaterload.judge.verdict import Verdict  # noqa: E402
from chaterload.run.conclusion import judge_run  # noqa: E402
from chaterload.run.criteria import PassCriteria  # noqa: E402
from chaterload.run.handouts import Handouts  # noqa: E402
from chaterload.run.lifecycle import Prepared, Run  # noqa: E402
from chaterload.run.node import Node  # noqa: E402
from chaterload.run.protocol import LeaseRequest  # noqa: E402

SECRET = "signs the tokens of a measurement, and nothing else"  # no secret


def context(accounts: int) -> Any:
    """What the users of so many accounts share."""
    settings = Settings(jwt_secret=SECRET, accounts=accounts)
    return make_shared(settings, lambda _: None, lambda *_: None, SecondsOfDay(), accounts=True)


def bytes_per_report() -> str:
    """20 s at a daily limit: 30 uploads a second that are refused, a report every 3 s."""
    shared, sizes, closed = context(1), [], list[int]()
    shared.index.on_closed = lambda dish: closed.append(dish.time_ms)
    dishes, now = shared.accounts[0].dishes, int(time.time() * 1000)
    dishes.reconcile(DayList(day_of(now), {}, 0.0, 0.0))
    for number in range(600):
        dish = dishes.begin(now + 1000 * number, 1.0, f"user {number % 30}")
        if dish is not None:
            dishes.refused(dish)
        if number % 90 == 89:
            sizes.append(len(json.dumps({**shared.report(), "closed": closed})))
            closed.clear()
    return f"{sizes[0]} bytes in the first report, {sizes[-1]} in the last"


def shared_accounts() -> str:
    """10,000 users of 64 workers on one account."""
    sent: Counter[str] = Counter()
    channel: Any = SimpleNamespace(
        listen=lambda *_, **__: None, send=lambda message, _: sent.update([type(message).__name__])
    )
    handouts = Handouts(channel)
    handouts.book = AccountPool(1)
    began = time.process_time()
    for number in range(10_000):
        handouts._on_lease(f"worker {number % 64}", LeaseRequest(number))
    return f"{time.process_time() - began:.2f} s of the master, {dict(sent)} messages"


def poll_after_12_hours() -> str:
    """What a look at the web page costs beside 12 hours of samples."""
    history, figures = two_hours()
    history.samples = history.samples * 6
    run = Run(Prepared("id", "http://localhost", None, []), history=history)
    environment = Environment(user_classes=[locustfile.ChaterUser], events=events)
    environment.parsed_options = SimpleNamespace(tags=None, exclude_tags=None, stand_in=False)
    environment.available_user_tasks = {"ChaterUser": locustfile.ChaterUser.tasks}
    environment.available_user_classes = {"ChaterUser": locustfile.ChaterUser}
    environment.create_local_runner()
    for endpoint, m in figures.endpoints.items():
        entry = environment.stats.get(endpoint.path, endpoint.method)
        entry.num_requests, entry.response_times = m.requests, dict(m.times)
    node: Any = Node(environment, Settings(), ())
    criteria = PassCriteria(load(DEFAULT_FILE)[0])
    verdict: Verdict | None = None
    began = time.process_time()
    for _ in range(10):
        verdict = judge_run(environment, node, criteria, run).verdict
    assert verdict is not None
    return f"{(time.process_time() - began) * 100:.1f} ms a look, {len(history.samples)} samples"


def leftovers_of_100000() -> str:
    """What a report costs that looks through every account."""
    shared = context(100_000)
    began = time.process_time()
    for _ in range(100):
        shared.leftovers()
    return f"{(time.process_time() - began) * 10:.3f} ms"


def tokens_of_100000() -> str:
    """A file of 100,000 accounts, read and checked."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "accounts.csv"
        lines = (
            f"{number}@example.com,{make_token(SECRET, f'{number}@example.com', timedelta(hours=1))}\n"
            for number in range(100_000)
        )
        path.write_text("".join(lines), encoding="utf-8")
        path.chmod(0o600)
        began = time.process_time()
        found = len(read_accounts(path))
        return f"{time.process_time() - began:.1f} s for {found}"


PARTS = {
    "a worker's report at a daily limit": bytes_per_report,
    "10,000 users on one account": shared_accounts,
    "a poll of the web page after 12 hours": poll_after_12_hours,
    "leftovers of 100,000 accounts": leftovers_of_100000,
    "tokens of 100,000 accounts": tokens_of_100000,
}

if __name__ == "__main__":
    for name, measure in PARTS.items():
        print(f"{name}: {measure()}", flush=True)
