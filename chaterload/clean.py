"""`python -m chaterload.clean FILE`: remove later what a run left, by the JSON of its verdict, which lists it.

Only dishes of the listed times, on the listed accounts, are deleted, and each only when its account's list shows it.
"""

import locust  # noqa: F401  # first: it patches sockets for gevent  # isort: skip

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accounts import make_accounts
from chaterload.chater.cleanup import Cleanup
from chaterload.chater.courier import Courier
from chaterload.chater.dishes import DishIndex, Leftover, Trace
from chaterload.chater.environment import load_settings, read_env_file
from chaterload.chater.hosts import host_to_load, take_host
from chaterload.chater.settings import Settings
from chaterload.chater.textfiles import is_folder, read_bytes
from chaterload.chater.times import DishTimes, SecondsOfDay
from chaterload.chater.writes import Writes
from chaterload.exits import CommandParser, Exit, Refused


class _Left(BaseModel):
    """An entry of the JSON's `leftovers`."""

    model_config = ConfigDict(strict=True)
    email: str
    time: int
    trace: str


class _Run(BaseModel):
    model_config = ConfigDict(strict=True)
    host: str


class _Verdict(BaseModel):
    """What is read of the JSON."""

    model_config = ConfigDict(strict=True)
    run: _Run
    leftovers: list[_Left]


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives the exit code: 0 when nothing is left, 3 when a dish is still there, 4 when one may be, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        read_env_file()
        settings = load_settings()
        told = options.host or os.environ.get("LOCUST_HOST") or settings.host
        host = host_to_load(told, (*settings.allow_host, *options.allow_host))
        listed = read_leftovers(options.file, host)
        left = remove(listed, settings, host) if listed else []
    except Refused as refused:
        print(refused, file=sys.stderr)
        return Exit.NEVER_STARTED
    return _tell(len(listed), left)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m chaterload.clean",
        description="Remove what a run left on its accounts. Host, tokens and accounts come from the settings of the "
        "load test, as for the run. Only listed dishes are deleted, and what was in doubt is left alone.",
        epilog="Exit code: 0 nothing is left, 3 something is, 4 something may be, 2 nothing was tried.",
        allow_abbrev=False,
    )
    parser.add_argument("file", type=Path, help="a --verdict-json, or a folder of --results")
    parser.add_argument("--host", metavar="URL", help="base URL of Chater UI; else LOCUST_HOST, else TARGET_HOST")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a host outside the cluster that may be asked"
    )
    return parser


def read_leftovers(path: Path, host: str) -> list[Leftover]:
    """What the file lists. Refused when it is no verdict, or one on another host, which must not get our tokens."""
    file = path / "verdict.json" if is_folder(path) else path
    try:
        raw = read_bytes(file)
    except ValueError as problem:
        raise Refused(f"{str(file)!r} {problem}. Expected a --verdict-json.") from None
    try:
        verdict = _Verdict.model_validate_json(raw)
        left = [Leftover(entry.email, entry.time, Trace(entry.trace)) for entry in verdict.leftovers]
    except ValueError as error:  # pydantic's own is one
        first = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise Refused(f"{str(file)!r} lists no leftovers ({first}). Expected a --verdict-json.") from None
    if take_host(verdict.run.host) != host:
        raise Refused(
            f"{str(file)!r} is of a run on {verdict.run.host!r}, and the host here is {host!r}. Expected the same: "
            "give --host or TARGET_HOST."
        )
    return left


def remove(listed: Sequence[Leftover], settings: Settings, host: str) -> list[Leftover]:
    """Delete what is listed and there; what is still left. Refused where there is no token for one of the accounts."""
    index, writes, times = DishIndex(), Writes(), DishTimes(SecondsOfDay())

    def dishes() -> AccountDishes:
        return AccountDishes(index, times, writes, settings.verify_seconds)

    accounts = {account.email: account for account in make_accounts(settings, dishes)}
    if missing := sorted({entry.email for entry in listed} - accounts.keys()):
        raise Refused(f"There is no token for {', '.join(missing)}. Expected the accounts of the run.")
    for email, account in accounts.items():
        account.dishes.email = email
    for entry in listed:
        accounts[entry.email].dishes.adopt(entry, time.monotonic())
    cleanup = Cleanup(accounts, index, Courier(host, tls_verify=settings.tls_verify).ask)
    try:
        cleanup.finish(lambda left: print(f"{left} of {len(listed)} dishes are left to do."))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
    return index.leftovers()


def _tell(listed: int, left: Sequence[Leftover]) -> int:
    print(f"{listed - len(left)} of {listed} listed dishes are not there, or not any more.")
    for entry in left:
        print(f"{entry.email} time {entry.time}: {entry.trace}")
    if not left:
        return Exit.MET
    return Exit.MISSED if any(entry.certain for entry in left) else Exit.INVALID


if __name__ == "__main__":
    sys.exit(main())
