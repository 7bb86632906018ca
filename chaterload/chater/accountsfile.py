"""TEST_ACCOUNTS_FILE: a CSV file of accounts, as spreadsheets, scripts and people write it."""

import csv
import io
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from chaterload.chater.textfiles import read_text
from chaterload.chater.tokens import Token, read_token
from chaterload.exits import Refused, first_ten

logger = logging.getLogger(__name__)

ACCOUNTS_SHAPE = "a readable CSV file of email,token"

_DELIMITERS = ",;\t|"
_EMAIL_COLUMN = ("email", "e-mail")
_TOKEN_COLUMN = ("token", "jwt")


def read_accounts(path: Path) -> list[Token]:
    """The tokens of a file, one for each account. Refused, with the wrong lines, when any is wrong."""
    try:
        rows = list(_rows(read_text(path)))
    except ValueError as error:
        raise Refused(f"TEST_ACCOUNTS_FILE {str(path)!r} {error}. Expected {ACCOUNTS_SHAPE}.") from None
    found: dict[str, tuple[int, Token]] = {}
    problems: list[str] = []
    for line, email, text in rows:
        try:
            token = _read_row(email, text)
            first, _ = found.setdefault(token.email.casefold(), (line, token))
            if first != line:
                raise ValueError(f"the account of line {first} again")
        except ValueError as error:
            problems.append(f"TEST_ACCOUNTS_FILE, line {line}: {error}. Expected email,token.")
    if not rows:
        problems.append(f"TEST_ACCOUNTS_FILE {str(path)!r} holds no account. Expected lines of email,token.")
    if problems:
        raise Refused(*first_ten(problems))
    tokens = [token for _, token in found.values()]
    for what, count in Counter(what for token in tokens for what in token.beside).items():
        logger.warning("TEST_ACCOUNTS_FILE has %s beside %d of its tokens, which are used without.", what, count)
    return tokens


def _rows(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, e-mail and token of each row that is not blank. ValueError when the text is not CSV."""
    start = text.lstrip().partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=max(_DELIMITERS, key=start.count), skipinitialspace=True
    )
    columns = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells)
                if columns:
                    continue
                columns = (0, 1)
            email, token = (cells[column] if column < len(cells) else "" for column in columns)
            yield reader.line_num, email, token
    except csv.Error as error:
        raise ValueError(f"is not CSV: {error}") from None


def _columns(cells: list[str]) -> tuple[int, int] | None:
    """Where a header says that e-mail and token are; None when the cells are no header."""
    names = [cell.casefold() for cell in cells]
    email = next((names.index(name) for name in _EMAIL_COLUMN if name in names), None)
    token = next((names.index(name) for name in _TOKEN_COLUMN if name in names), None)
    return None if email is None or token is None else (email, token)


def _read_row(email: str, text: str) -> Token:
    """The token of a row. ValueError when it is none, or the e-mail address is not its account."""
    if "@" not in email:
        raise ValueError("the first column is no e-mail address")
    try:
        token = read_token(text)
    except ValueError as error:
        raise ValueError(f"the token {error}") from None
    if token.email.casefold() != email.casefold():
        raise ValueError(f"the token is that of {token.email!r}, not of {email!r}")
    return token
