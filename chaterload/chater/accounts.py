"""Which accounts the simulated users sign in as, and the tokens that say so."""

import csv
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from chaterload.chater.dishes import AccountDishes
from chaterload.chater.settings import Settings, check_token, expiry, token_claims
from chaterload.chater.tokens import make_token
from chaterload.chater.wire import GRPC, PROTOBUF, head_line
from chaterload.exits import Refused

TOKEN_LIFETIME = timedelta(hours=1)
"""Of the tokens made from TEST_JWT_SECRET: short, and longer than any request."""

RENEW_BEFORE = timedelta(minutes=5)
"""How long before its end a token is replaced: longer than a request may take."""

NO_TOKEN = (
    "There is no token to sign in with. Set TEST_USER_TOKEN (or TEST_USER_TOKEN_FILE, TEST_ACCOUNTS_FILE or "
    "TEST_JWT_SECRET), run against a stand-in with --stand-in, or run --tags auth, which needs none."
)


class TokenSource(Protocol):
    """Where an account's token comes from, again and again."""

    def token(self) -> str: ...


class FixedToken:
    """The one token that there is."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self) -> str:
        return self._token


class MintedToken:
    """A new token each time, signed like Chater UI's own."""

    def __init__(self, secret: str, email: str) -> None:
        self._secret = secret
        self._email = email

    def token(self) -> str:
        return make_token(self._secret, self._email, TOKEN_LIFETIME)


class FileToken:
    """A token in a file that somebody rotates."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def token(self) -> str:
        """The file's token. ValueError or OSError when it holds none."""
        text = self._path.read_text(encoding="utf-8").strip()
        check_token(text)
        return text


class Account:
    """One account: its e-mail, its current token, and the dishes made on it."""

    def __init__(self, email: str, source: TokenSource, dishes: AccountDishes) -> None:
        self.email = email
        self.dishes = dishes
        self.shared = False
        """Whether another simulated user of the run has, or had, this account at the same time."""
        self._source = source
        self._take(source.token())

    @property
    def expires(self) -> datetime | None:
        """When the token at hand ends, unless its source has a newer one."""
        return expiry(self._token)

    @property
    def token(self) -> str:
        """The token at hand."""
        return self._token

    @property
    def renewable(self) -> bool:
        return not isinstance(self._source, FixedToken)

    def fields(self, content_type: str | None) -> bytes:
        """The lines in the head of a request with a body of `content_type`, or without a body."""
        if time.time() >= self._renew_at:
            self.renew()
        return self._fields[content_type]

    def renew(self) -> None:
        """Ask the source for a newer token. A source that has none leaves the old one in use."""
        try:
            token = self._source.token()
        except (OSError, ValueError):
            # The rotation is late or half-way through: the next request looks again in a second.
            self._renew_at = time.time() + 1
            return
        self._take(token)

    def _take(self, token: str) -> None:
        self._token = token
        end = expiry(token)
        self._renew_at = float("inf")
        if end is not None and self.renewable:
            # at most once a second, also when the source has nothing newer
            self._renew_at = max((end - RENEW_BEFORE).timestamp(), time.time() + 1)
        bearer = head_line("Authorization", f"Bearer {token}")
        self._fields: dict[str | None, bytes] = {None: bearer}
        self._fields.update({kind: head_line("Content-Type", kind) + bearer for kind in (PROTOBUF, GRPC)})

    def __repr__(self) -> str:
        return f"Account({self.email!r})"


def make_accounts(settings: Settings, dishes: Callable[[], AccountDishes]) -> list[Account]:
    """The accounts that the settings name, at least one. Refused when they name none or a wrong one."""
    if settings.accounts_file and settings.jwt_secret:
        raise Refused("TEST_ACCOUNTS_FILE and TEST_JWT_SECRET are both set. Expected one of them.")
    if settings.accounts > 1 and not settings.jwt_secret:
        raise Refused(f"TEST_ACCOUNTS is {settings.accounts} and needs TEST_JWT_SECRET, which is not set.")
    if settings.accounts_file:
        return [Account(email, FixedToken(token), dishes()) for email, token in read_accounts(settings.accounts_file)]
    if settings.jwt_secret:
        secret = settings.jwt_secret.get_secret_value()
        return [Account(email, MintedToken(secret, email), dishes()) for email in _minted_emails(settings)]
    return [_single_account(settings, dishes())]


def _minted_emails(settings: Settings) -> list[str]:
    if settings.accounts == 1 and settings.user_email:
        return [settings.user_email]
    return [f"loadtest+{number:04d}@example.com" for number in range(1, settings.accounts + 1)]


def _single_account(settings: Settings, dishes: AccountDishes) -> Account:
    source: TokenSource
    if settings.user_token_file:
        source = FileToken(settings.user_token_file)
    elif settings.user_token:
        source = FixedToken(settings.user_token.get_secret_value())
    else:
        raise Refused(NO_TOKEN)
    try:
        account = Account(settings.user_email or "", source, dishes)
        subject = token_claims(source.token()).get("sub")
    except (OSError, ValueError) as error:
        reason = "cannot be read" if isinstance(error, (OSError, UnicodeError)) else str(error)
        raise Refused(f"TEST_USER_TOKEN_FILE (hidden) {reason}. Expected a JWT that has not expired.") from None
    email = settings.user_email or subject
    if not isinstance(email, str) or "@" not in email:
        raise Refused("TEST_USER_EMAIL is not set and the token names no account (sub). Expected an e-mail address.")
    account.email = email
    return account


def read_accounts(path: Path) -> list[tuple[str, str]]:
    """The (email, token) pairs of a CSV file, with or without a header line. Refused, with every wrong line."""
    problems: list[str] = []
    accounts: dict[str, str] = {}
    try:
        reader = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
        rows = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise Refused(
            f"TEST_ACCOUNTS_FILE {str(path)!r} cannot be read ({type(error).__name__}). Expected CSV."
        ) from None
    for number, row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or (number == 1 and cells[:2] == ["email", "token"]):
            continue
        problem = _row_problem(cells, accounts)
        if problem:
            problems.append(f"TEST_ACCOUNTS_FILE, line {number}: {problem}. Expected email,token.")
        else:
            accounts[cells[0]] = cells[1]
    if not accounts and not problems:
        problems.append(f"TEST_ACCOUNTS_FILE {str(path)!r} holds no account. Expected lines of email,token.")
    if problems:
        raise Refused(*problems)
    return list(accounts.items())


def _row_problem(cells: list[str], accounts: dict[str, str]) -> str | None:
    if len(cells) != 2:
        return f"{len(cells)} columns"
    email, token = cells
    if "@" not in email:
        return "the first column is no e-mail address"
    if email in accounts:
        return "the e-mail address stands there twice"
    try:
        check_token(token)
    except ValueError as error:
        return f"the token {error}"
    return None


def expiring(accounts: list[Account], until: datetime) -> datetime | None:
    """When the first token that nothing renews ends, if that is before `until`."""
    ends = [account.expires for account in accounts if not account.renewable]
    return min((end for end in ends if end is not None and end < until), default=None)


def now_ms() -> int:
    """Epoch milliseconds, UTC: what a dish's time is made from."""
    return time.time_ns() // 1_000_000
