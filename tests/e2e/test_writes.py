"""Acknowledged writes that were lost are all reported, and none that was kept."""

import json
import signal
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess

from .conftest import Locust, Run, credentials, page, processes, wait_for

VERIFY_S = 0.5
LOSSY = [f"--drop-{kind}=0.2" for kind in ("photo", "modify", "weight", "delete")]
ENOUGH = 10
"""Lost writes of each kind; few enough to be quick, and enough for a miscount to show."""


def verdict_of(run: Locust) -> Any:
    """The --verdict-json of a run that has ended."""
    return json.loads((run.folder / "verdict.json").read_text())


def own_accounts(server: StandInProcess, number: int) -> dict[str, str]:
    """The environment that gives each of `number` users an account."""
    accounts = {"TEST_JWT_SECRET": STAND_IN_SECRET, "TEST_ACCOUNTS": str(number)}
    return {"TARGET_HOST": server.host, "TEST_AUTH_TOKEN": server.id_token, **accounts}


def indistinguishable(records: Any) -> int:
    """How many weights equal the one before them on their account: whether such a one is lost, nobody can see."""
    return sum(
        earlier == later
        for account in records.values()
        for earlier, later in pairwise([0.0, *account["received"].get("weights", [])])
    )


@pytest.mark.parametrize("server", [LOSSY], indirect=True)
@pytest.mark.parametrize(
    ("own", "workers"),
    [
        pytest.param(False, 0, id="one account, one process"),
        pytest.param(False, 3, id="one account, three workers", marks=pytest.mark.slow),
        pytest.param(True, 0, id="own accounts, one process", marks=pytest.mark.slow),
        pytest.param(True, 3, id="own accounts, three workers"),
    ],
)
def test_every_lost_write_is_reported(
    locust: Run, server: StandInProcess, small_photo: dict[str, str], own: bool, workers: int
) -> None:
    """At 50 users, what is reported as lost is what the stand-in dropped: dishes, modifies, weights and deletes."""
    env = (own_accounts(server, 50) if own else credentials(server)) | small_photo
    run = locust(
        *("--headless", "--users", "50", "--spawn-rate", "50", "--tags", "full_flow"),
        *("--verdict-json", "verdict.json", *(processes(workers) if workers else ())),
        env=env | {"TEST_VERIFY_SECONDS": str(VERIFY_S)},
    )
    wait_for(lambda: all(len(lost) >= ENOUGH for lost in page(server, "counters")["dropped"].values()), "lost writes")
    # No more losses from here on, so that the end of the run cuts no look for one short.
    page(server, "faults", {f"drop_{kind}": 0.0 for kind in ("photo", "modify", "weight", "delete")})
    looked_for = time.monotonic() + 2 * VERIFY_S + 0.5
    wait_for(lambda: time.monotonic() > looked_for, "the last loss to be looked for")
    before = {photo["time"] for photo in received(server, "photos")}
    wait_for(lambda: any(deleted not in before for deleted in received(server, "deletes")), "a flow begun after that")
    run.send(signal.SIGTERM)
    output = run.finish()
    dropped, verdict = page(server, "counters")["dropped"], verdict_of(run)
    writes = verdict["writes"]
    lost = {kind: tally["checked"] - tally["confirmed"] for kind, tally in writes.items()}
    assert lost["dishes"] == len(dropped["photo"]), output
    assert lost["modifies"] == len(dropped["modify"]), output
    assert lost["deletes"] == len({(lost["email"], lost["time"]) for lost in dropped["delete"]}), output
    assert writes["deletes"]["checked"] == writes["deletes"]["acknowledged"]
    records = page(server, "records")
    if own:
        unseeable = indistinguishable(records)
        assert len(dropped["weight"]) - unseeable <= lost["weights"] <= len(dropped["weight"]), output
    else:
        assert writes["weights"]["checked"] == 0
        assert writes["weights"]["acknowledged"] == len(records[server.email]["received"]["weights"])
    assert {row["kind"] for row in verdict["failure_kinds"]} == {"late or lost write", "ghost write"}
    assert not any(account["dishes"] for account in records.values())
    assert verdict["leftovers"] == []


def received(server: StandInProcess, kind: str) -> list[Any]:
    """What all accounts sent of a kind."""
    return [sent for account in page(server, "records").values() for sent in account["received"].get(kind, ())]


@pytest.mark.parametrize("server", [["--late-writes", "700"]], indirect=True)
def test_late_writes_are_not_lost(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """Writes that show 0.7 s after their acknowledgement are found by the second look, and called late."""
    run = locust(
        *("--headless", "--users", "20", "--spawn-rate", "20", "--tags", "full_flow", "--run-time", "6s"),
        *("--verdict-json", "verdict.json"),
        env=own_accounts(server, 20) | small_photo | {"TEST_VERIFY_SECONDS": "1"},
    )
    output = run.finish()
    verdict = verdict_of(run)
    assert verdict["failures"] == 0, output
    for kind in ("dishes", "modifies", "weights"):
        tally = verdict["writes"][kind]
        # on a busy machine the first look of some comes when they show already
        assert tally["checked"] == tally["confirmed"] >= tally["late"] > 0, output
        assert 700 <= tally["latest_ms"] < 5000
    deletes = verdict["writes"]["deletes"]
    assert deletes["checked"] == deletes["confirmed"] == deletes["acknowledged"] > 0
    assert deletes["late"] > 0
    wait_for(lambda: not any(account["dishes"] for account in page(server, "records").values()), "the last delete")


@pytest.mark.parametrize("server", [LOSSY], indirect=True)
def test_nothing_is_looked_for_when_told_so(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """TEST_VERIFY_WRITES=false reports no loss and counts acknowledgements alone."""
    run = locust(
        *("--headless", "--users", "20", "--spawn-rate", "20", "--tags", "full_flow", "--run-time", "3s"),
        *("--verdict-json", "verdict.json"),
        env=own_accounts(server, 20) | small_photo | {"TEST_VERIFY_WRITES": "false"},
    )
    output = run.finish()
    assert run.wait() == 0, output
    verdict = verdict_of(run)
    assert verdict["failures"] == 0
    assert all(lost for lost in page(server, "counters")["dropped"].values())
    for tally in verdict["writes"].values():
        assert tally["acknowledged"] > 0
        assert tally["checked"] == 0


def test_no_false_alarm_with_hundreds_of_users_on_one_account(
    locust: Run, server: StandInProcess, small_photo: dict[str, str]
) -> None:
    """200 users of two workers on one account, none of whose writes is lost, see every one of them."""
    run = locust(
        *("--headless", "--users", "200", "--spawn-rate", "200", "--run-time", "5s", *processes(2)),
        *("--verdict-json", "verdict.json"),
        env=credentials(server) | small_photo,
    )
    output = run.finish()
    verdict = verdict_of(run)
    assert verdict["failures"] == 0, output
    for kind in ("dishes", "modifies", "deletes"):
        tally = verdict["writes"][kind]
        assert tally["checked"] == tally["confirmed"] > 0, output
    times = Counter(photo["time"] for photo in received(server, "photos"))
    assert max(times.values()) == 1, "two flows took the same time"
    assert not page(server, "records")[server.email]["dishes"]
