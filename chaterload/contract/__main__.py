"""The command: asks a running Chater UI the cases of the wire contract, and prints what differs."""

import argparse
import signal
import sys
from collections import Counter
from collections.abc import Sequence

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accounts import make_accounts
from chaterload.chater.dishes import DishIndex
from chaterload.chater.environment import load_settings, read_env_file
from chaterload.chater.hosts import host_to_load
from chaterload.chater.settings import Settings
from chaterload.chater.textfiles import read_bytes
from chaterload.chater.times import DishTimes, SecondsOfDay
from chaterload.chater.writes import Writes
from chaterload.contract.cases import Case, read_cases
from chaterload.contract.connection import RawConnection
from chaterload.contract.session import Identity, NotAsked, Session
from chaterload.exits import CommandParser, Exit, Refused

AS_TOLD, DIFFERS, NOT_ASKED = "as told", "DIFFERS", "not asked"


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives the exit code: 0 when every answer is as the contract says, 3 when any is not, 2 when none was asked."""
    options = _parser().parse_args(arguments)
    try:
        read_env_file()
        session, cases, host = _prepare(options)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return Exit.NEVER_STARTED
    print(f"Asking {host} the {len(cases)} cases of the wire contract.")
    return _ask_all(session, cases, everything=options.all)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="python -m chaterload.contract",
        description="Ask a running Chater UI the cases of the wire contract and print what differs. Token, account "
        "and photo come from the settings of the load test. It removes the dishes that it makes.",
        epilog="Exit code: 0 every answer is as the contract says, 3 at least one is not, 2 nothing was asked.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", metavar="URL", help="base URL of Chater UI; else TARGET_HOST")
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="a host outside the cluster that may be asked"
    )
    parser.add_argument(
        "--all", action="store_true", help="also the cases that leave something behind: a weight, feedback, a language"
    )
    return parser


def _prepare(options: argparse.Namespace) -> tuple[Session, list[Case], str]:
    """Whom to ask, what, and as whom. Refused, with every reason, when that does not work out."""
    settings = load_settings()
    host = host_to_load(options.host or settings.host, (*settings.allow_host, *options.allow_host))
    account = make_accounts(settings, lambda: AccountDishes(DishIndex(), DishTimes(SecondsOfDay()), Writes(), 0.0))[0]
    who = Identity(account.email, account.token, *_secrets(settings))
    cases = read_cases()
    connection = RawConnection(host, tls_verify=settings.tls_verify)
    session = Session(connection, who, read_bytes(settings.photo_path), cases)
    session.check()
    return session, cases, host


def _secrets(settings: Settings) -> tuple[str | None, str | None]:
    """The signing secret and the provider's ID token, where they were told."""
    told = (settings.jwt_secret, settings.auth_token)
    secret, id_token = (value.get_secret_value() if value else None for value in told)
    return secret, id_token


def _ask_all(session: Session, cases: list[Case], *, everything: bool) -> int:
    results: Counter[str] = Counter()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us leaves no dish behind either
    try:
        for case in cases:
            result, why = _ask(session, case, everything=everything)
            results[result] += 1
            print(f"{result:<10} {case.what}{why and ': '}{why}", flush=True)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return Exit.ERROR
    finally:
        left = session.remove_dishes()
        for time_ms in left:
            print(f"A dish may still be there, at {time_ms} (epoch ms).", file=sys.stderr)
    asked = results[AS_TOLD] + results[DIFFERS]
    print(f"{results[AS_TOLD]} of {asked} answers are as the contract says; {results[NOT_ASKED]} cases were not asked.")
    return Exit.MISSED if results[DIFFERS] or left else Exit.MET


def _ask(session: Session, case: Case, *, everything: bool) -> tuple[str, str]:
    """One of the three results, and why."""
    if case.leaves and not everything:
        return NOT_ASKED, f"it leaves {case.leaves}, and --all is not given"
    try:
        found = session.run(case)
    except NotAsked as reason:
        return NOT_ASKED, str(reason)
    return (DIFFERS, "; ".join(found)) if found else (AS_TOLD, "")


if __name__ == "__main__":
    sys.exit(main())
