"""Which accounts the simulated users sign in as, and the tokens that say so."""

import logging
import math
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from chaterload.chater.account_dishes import AccountDishes
from chaterload.chater.accountsfile import read_accounts
from chaterload.chater.settings import Settings
from chaterload.chater.textfiles import read_text
from chaterload.chater.tokens import TOKEN_SHAPE, Token, make_token, read_token, read_token_of
from chaterload.chater.wire import GRPC, PROTOBUF, head_line
from chaterload.exits import Refused

logger = logging.getLogger(__name__)

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

    def token(self) -> Token: ...


class FixedToken:
    """The one token that there is."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def token(self) -> Token:
        return self._token


class MintedToken:
    """A new token each time, signed like Chater UI's own."""

    def __init__(self, secret: str, email: str) -> None:
        self._secret = secret
        self._email = email

    def token(self) -> Token:
        now = datetime.now(UTC)
        text = make_token(self._secret, self._email, TOKEN_LIFETIME, now)
        return Token(text, self._email, now + TOKEN_LIFETIME)


class FileToken:
    """A token in a file that somebody rotates. A pipe holds one for good: it can be read only once."""

    def __init__(self, path: Path) -> None:
        """ValueError, as the end of a sentence, when the file holds no token."""
        self._path = path
        self._problem = ""
        self._token = read_token_of("TEST_USER_TOKEN_FILE", read_text(path).strip())

    def token(self) -> Token:
        """The file's token; the last good one while the rotation is late or half-way through."""
        try:
            token = read_token(read_text(self._path).strip())
            if token.email != self._token.email:
                raise ValueError(f"holds a token of {token.email!r}, another account")
            self._token, self._problem = token, ""
        except ValueError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                logger.warning("TEST_USER_TOKEN_FILE %s. The token before stays in use.", error)
        return self._token


class Account:
    """One account: its e-mail, its current token, and the dishes made on it."""

    def __init__(self, email: str, source: TokenSource, dishes: AccountDishes) -> None:
        self.email = email
        self.dishes = dishes
        self.shared = False
        """Whether another simulated user of the run has, or had, this account at the same time."""
        self._source = source
        self._renew_at = -math.inf  # with the first request: most of 100,000 accounts may never send one
        self._fields: dict[str | None, bytes] = {}

    @property
    def expires(self) -> datetime | None:
        """When its token ends, None when it never does or something renews it."""
        return self._source.token().expires if isinstance(self._source, FixedToken) else None

    @property
    def token(self) -> str:
        """The token at hand."""
        return self._source.token().text

    def fields(self, content_type: str | None) -> bytes:
        """The lines in the head of a request with a body of `content_type`, or without a body."""
        if time.time() >= self._renew_at:
            self.renew()
        return self._fields[content_type]

    def renew(self) -> None:
        """Ask the source for a newer token."""
        token = self._source.token()
        self._renew_at = math.inf
        if token.expires is not None and not isinstance(self._source, FixedToken):
            # at most once a second, also when the source has nothing newer
            self._renew_at = max((token.expires - RENEW_BEFORE).timestamp(), time.time() + 1)
        bearer = head_line("Authorization", f"Bearer {token.text}")
        self._fields = {None: bearer}
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
        return [Account(token.email, FixedToken(token), dishes()) for token in read_accounts(settings.accounts_file)]
    if settings.jwt_secret:
        secret = settings.jwt_secret.get_secret_value()
        return [Account(email, MintedToken(secret, email), dishes()) for email in _minted_emails(settings)]
    return [_single_account(settings, dishes())]


def _minted_emails(settings: Settings) -> list[str]:
    if settings.accounts == 1 and settings.user_email:
        return [settings.user_email]
    return [f"loadtest+{number:04d}@example.com" for number in range(1, settings.accounts + 1)]


def _token_source(settings: Settings) -> FileToken | FixedToken:
    """Of the one token. Refused when there is none; it may have expired since the settings were read."""
    name = "TEST_USER_TOKEN_FILE" if settings.user_token_file else "TEST_USER_TOKEN"
    try:
        if settings.user_token_file:
            return FileToken(settings.user_token_file)
        if settings.user_token:
            return FixedToken(read_token(settings.user_token.get_secret_value()))
    except ValueError as error:
        raise Refused(f"{name} (hidden) {error}. Expected {TOKEN_SHAPE}.") from None
    raise Refused(NO_TOKEN)


def _single_account(settings: Settings, dishes: AccountDishes) -> Account:
    source = _token_source(settings)
    email, configured = source.token().email, settings.user_email
    if configured and configured.casefold() != email.casefold():
        raise Refused(
            f"TEST_USER_EMAIL {configured!r} is not the token's account, which is {email!r} (its sub claim). "
            "Expected the same, or no TEST_USER_EMAIL."
        )
    return Account(email, source, dishes)


def expiring(accounts: list[Account], until: datetime) -> datetime | None:
    """When the first token that nothing renews ends, if that is before `until`."""
    ends = (account.expires for account in accounts)
    return min((end for end in ends if end is not None and end < until), default=None)


def now_ms() -> int:
    """Epoch milliseconds, UTC: what a dish's time is made from."""
    return time.time_ns() // 1_000_000
