"""The command: asks a running Chater UI the cases of the wire contract, and prints what differs."""

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from dotenv import load_dotenv

from chaterload.chater.accounts import make_accounts
from chaterload.chater.dishes import AccountDishes, DishTimes
from chaterload.chater.hosts import refusal
from chaterload.chater.settings import Settings, load_settings
from chaterload.chater.writes import Writes
from chaterload.contract.cases import Case, read_cases
from chaterload.contract.connection import Connection
from chaterload.contract.session import Identity, NotAsked, Session
from chaterload.exits import Exit, Refused


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(Exit.NEVER_STARTED, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Gives the exit code: 0 when every answer is as the contract says, 3 when any is not, 2 when none was asked."""
    options = _parser().parse_args(arguments)
    load_dotenv(Path.cwd() / ".env")
    try:
        session, cases, host = _prepare(options)
    except Refused as refused:
        print("\n".join(refused.problems), file=sys.stderr)
        return Exit.NEVER_STARTED
    print(f"Asking {host} the {len(cases)} cases of the wire contract.")
    return _ask_all(session, cases, everything=options.all)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
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
    host = options.host or settings.host
    problem = refusal(host, (*settings.allow_host, *options.allow_host))
    if problem:
        raise Refused(problem)
    account = make_accounts(settings, lambda: AccountDishes(DishTimes(), Writes()))[0]
    who = Identity(account.email, account.token, *_secrets(settings))
    cases = read_cases()
    connection = Connection(host, tls_verify=settings.tls_verify)
    session = Session(connection, who, settings.photo_path.read_bytes(), cases)
    session.check()
    return session, cases, host


def _secrets(settings: Settings) -> tuple[str | None, str | None]:
    """The signing secret and the provider's ID token, where they were told."""
    told = (settings.jwt_secret, settings.auth_token)
    secret, id_token = (value.get_secret_value() if value else None for value in told)
    return secret, id_token


def _ask_all(session: Session, cases: list[Case], *, everything: bool) -> int:
    differ, skipped = 0, 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends us leaves no dish behind either
    try:
        for case in cases:
            try:
                if case.leaves and not everything:
                    raise NotAsked(f"it leaves {case.leaves}, and --all is not given")
                found = session.run(case)
            except NotAsked as reason:
                skipped += 1
                print(f"not asked  {case.what}: {reason}")
                continue
            differ += bool(found)
            print(f"{'DIFFERS' if found else 'as told':<10} {case.what}{': ' + '; '.join(found) if found else ''}")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return Exit.ERROR
    finally:
        for time_ms in session.remove_dishes():
            print(f"A dish may still be there, at {time_ms} (epoch ms).", file=sys.stderr)
    asked = len(cases) - skipped
    print(f"{asked - differ} of {asked} answers are as the contract says; {skipped} cases were not asked.")
    return Exit.MISSED if differ else Exit.MET


if __name__ == "__main__":
    sys.exit(main())
