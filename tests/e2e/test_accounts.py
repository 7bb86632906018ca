"""Which account whose is, and tokens that end before the run does."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chaterload.chater.tokens import make_token
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess

from .conftest import Cluster, Run, credentials, page, processes, requests_seen, rows, wait_for

USERS = 20
FLOW = ("--headless", "--users", str(USERS), "--spawn-rate", str(USERS), "--tags", "full_flow")


def minted(server: StandInProcess, number: int, **more: str) -> dict[str, str]:
    """The environment for `number` accounts, with tokens made from the stand-in's secret."""
    return {
        "TARGET_HOST": server.host,
        "TEST_JWT_SECRET": STAND_IN_SECRET,
        "TEST_AUTH_TOKEN": server.id_token,
        "TEST_ACCOUNTS": str(number),
        "TEST_ACCOUNTS_STRICT": "true",
        **more,
    }


def used(server: StandInProcess) -> dict[str, list[Any]]:
    """The photos of each account that sent one."""
    records = page(server, "records")
    sent = {email: account["received"].get("photos", []) for email, account in records.items()}
    return {email: photos for email, photos in sent.items() if photos}


@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "two workers"])
def test_no_account_has_two_users(
    locust: Run, server: StandInProcess, small_photo: dict[str, str], workers: int
) -> None:
    """As many users as accounts use all of the accounts, so no two of them share one."""
    run = locust(*FLOW, *(processes(workers) if workers else ()), env=minted(server, USERS) | small_photo)
    emails = {f"loadtest+{number:04d}@example.com" for number in range(1, USERS + 1)}
    wait_for(lambda: used(server).keys() == emails, "all accounts in use")
    run.send(signal.SIGTERM)
    output = run.finish()
    assert not any(failures for _, failures in rows(output).values())
    assert "found no account" not in output
    assert "share" not in output


def test_the_accounts_of_a_worker_that_left(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """When one worker ends and another joins, its users' accounts are free for those that come after them."""
    cluster = Cluster(locust, 2, *FLOW, "--enable-rebalancing", env=minted(server, USERS) | small_photo)
    wait_for(lambda: len(used(server)) == USERS, "all accounts in use")
    cluster.workers[0].send(signal.SIGTERM)
    cluster.workers[0].finish()
    cluster.master.says(") quit. ")  # of which index, depends on who came first
    cluster.join()
    seen = {email: len(photos) for email, photos in used(server).items()}
    wait_for(lambda: all(len(used(server)[email]) > count + 1 for email, count in seen.items()), "all accounts again")
    cluster.master.send(signal.SIGTERM)
    output = cluster.master.finish()
    assert not any(failures for _, failures in rows(output).values())
    assert "found no account" not in output


def test_more_users_than_accounts(locust: Run, server: StandInProcess, small_photo: dict[str, str]) -> None:
    """Users share accounts evenly where they may, and the run says so."""
    env = minted(server, 4, TEST_ACCOUNTS_STRICT="false") | small_photo
    run = locust(*FLOW, "--run-time", "3s", env=env)
    output = run.finish()
    assert run.wait() == 0, output
    assert "20 users share 4 accounts" in output
    photos = [len(sent) for sent in used(server).values()]
    assert len(photos) == 4
    assert min(photos) >= 5  # each of the five users on it


@pytest.mark.parametrize("workers", [0, 2], ids=["one process", "two workers"])
def test_more_users_than_accounts_are_refused(locust: Run, server: StandInProcess, workers: int) -> None:
    """With TEST_ACCOUNTS_STRICT=true, users that would have to share are refused before any load."""
    run = locust(*FLOW, *(processes(workers) if workers else ()), env=minted(server, 4))
    output = run.finish()
    assert run.wait() == 2, output
    assert "20 users need 20 accounts and there are 4. TEST_ACCOUNTS_STRICT=true forbids sharing." in run.errors
    assert requests_seen(server) == requests_seen(server, "GET /alcohol_latest")


def test_accounts_from_a_file(locust: Run, server: StandInProcess, small_photo: dict[str, str], tmp_path: Path) -> None:
    """TEST_ACCOUNTS_FILE names the accounts and their tokens, and none of the tokens is ever shown."""
    emails = {f"person{number}@example.com" for number in range(3)}
    tokens = {email: make_token(STAND_IN_SECRET, email, timedelta(hours=1)) for email in emails}
    file = tmp_path / "accounts.csv"
    file.write_text("email,token\n" + "".join(f"{email},{token}\n" for email, token in tokens.items()))
    env = {"TARGET_HOST": server.host, "TEST_ACCOUNTS_FILE": str(file), "TEST_ACCOUNTS_STRICT": "true"} | small_photo
    run = locust("--headless", "--users", "3", "--tags", "full_flow", env=env)
    wait_for(lambda: used(server).keys() == emails, "all accounts in use")
    run.send(signal.SIGTERM)
    output = run.finish()
    assert not any(failures for _, failures in rows(output).values())
    assert not any(token in output for token in tokens.values())


def test_a_wrong_accounts_file(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """Each wrong line of TEST_ACCOUNTS_FILE is told with its number, and nothing is sent."""
    token = make_token(STAND_IN_SECRET, server.email, timedelta(hours=1))
    file = tmp_path / "accounts.csv"
    file.write_text(f"email,token\nme@example.com,{token}\nme@example.com,{token}\nnobody,{token}\nyou@example.com\n")
    run = locust(*FLOW, env={"TARGET_HOST": server.host, "TEST_ACCOUNTS_FILE": str(file)})
    output = run.finish()
    assert run.wait() == 2, output
    assert "TEST_ACCOUNTS_FILE, line 2: the token is that of" in run.errors
    assert "TEST_ACCOUNTS_FILE, line 4: the first column is no e-mail address." in run.errors
    assert "TEST_ACCOUNTS_FILE, line 5: the token is empty." in run.errors
    assert token not in output
    assert requests_seen(server) == 0


@contextmanager
def rotated(path: Path, email: str, lifetime: timedelta, every_s: float) -> Iterator[None]:
    """A file that holds a fresh token all the time, replaced as a whole."""
    stop = threading.Event()

    def write() -> None:
        fresh = path.with_suffix(".new")
        fresh.write_text(make_token(STAND_IN_SECRET, email, lifetime))
        fresh.replace(path)

    def rotate() -> None:
        while not stop.wait(every_s):
            write()

    write()
    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_token_file_that_is_rotated(locust: Run, server: StandInProcess, tmp_path: Path) -> None:
    """A run outlives its tokens by far when somebody puts newer ones into TEST_USER_TOKEN_FILE."""
    file = tmp_path / "token"
    env = {"TARGET_HOST": server.host, "TEST_USER_TOKEN_FILE": str(file), "TEST_AUTH_TOKEN": server.id_token}
    with rotated(file, server.email, timedelta(seconds=6), every_s=0.5):
        run = locust("--headless", "--users", "10", "--exclude-tags", "full_flow", "--run-time", "12s", env=env)
        output = run.finish()
    assert run.wait() == 0, output
    assert sum(requests for requests, _ in rows(output).values()) > 20
    assert not any(failures for _, failures in rows(output).values())
    assert "before the run ends" not in output


def test_a_token_that_ends_before_the_run(locust: Run, server: StandInProcess) -> None:
    """A token that nothing renews and that is shorter than the run is announced at the start, with its end."""
    end = int(time.time()) + 3600
    env = credentials(server) | {
        "TEST_USER_TOKEN": make_token(STAND_IN_SECRET, server.email, timedelta(seconds=end - time.time()))
    }
    run = locust("--headless", "--users", "1", "--run-time", "2h", env=env)
    run.says("total users")
    told = {time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(end + offset)) for offset in (-1, 0)}
    assert any(f"The token expires at {moment} UTC, before the run ends." in run.output for moment in told), run.output
    os.kill(run.process.pid, signal.SIGINT)
    run.finish()
