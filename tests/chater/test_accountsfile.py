"""An accounts file is read as people have it, or refused with its lines; whose a token is, the token says."""

import csv
import io
import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.accountsfile import read_accounts
from chaterload.chater.tokens import make_token
from chaterload.exits import Refused

HOUR = timedelta(hours=1)
TOKEN = make_token("a secret", "a@example.com", HOUR)
SECOND = make_token("a secret", "b@example.com", HOUR)
EXPIRED = make_token("a secret", "old@example.com", HOUR, datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "accounts.csv"


def refusal(path):
    with pytest.raises(Refused) as refused:
        read_accounts(path)
    return list(refused.value.problems)


AS_PEOPLE_WRITE_IT = {
    "plain": f"a@example.com,{TOKEN}\nb@example.com,{SECOND}\n",
    "header, quotes and a blank line": f'email,token\n"a@example.com","{TOKEN}"\n\nb@example.com,{SECOND}',
    "spaces and CRLF": f"email, token\r\n a@example.com , {TOKEN} \r\nb@example.com,{SECOND}\r\n",
    "semicolons": f"a@example.com;{TOKEN}\nb@example.com;{SECOND}\n",
    "tabs, with a header": f"Email\tToken\na@example.com\t{TOKEN}\nb@example.com\t{SECOND}\n",
    "a header in capitals": f"EMAIL,TOKEN\na@example.com,{TOKEN}\nb@example.com,{SECOND}\n",
    "blank first lines": f"\n  \n,,\nEmail,Token\na@example.com,{TOKEN}\nb@example.com,{SECOND}\n",
    "trailing commas": f"a@example.com,{TOKEN},,\nb@example.com,{SECOND},\n",
    "more columns": f"a@example.com,{TOKEN},Ann,x\nb@example.com,{SECOND},Bob,y\n",
    "columns as the header says": f'id;JWT;"E-Mail"\n1;{TOKEN};a@example.com\n2;{SECOND};b@example.com\n',
    "addresses in another case": f"A@Example.com,{TOKEN}\nb@EXAMPLE.COM,{SECOND}\n",
    "Bearer in front, and quotes": f"a@example.com,Bearer {TOKEN}\nb@example.com,'{SECOND}'\n",
    "old Mac line ends": f"a@example.com,{TOKEN}\rb@example.com,{SECOND}\r",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("form", AS_PEOPLE_WRITE_IT)
def test_as_people_write_it(path, form, encoding):
    """Delimiters, headers, blank lines, further columns and encodings of spreadsheets make no difference."""
    path.write_bytes(AS_PEOPLE_WRITE_IT[form].encode(encoding))
    found = [(token.email, token.text) for token in read_accounts(path)]
    assert found == [("a@example.com", TOKEN), ("b@example.com", SECOND)]


def test_names_beyond_ascii(path):
    """A spreadsheet's Latin-1 is read as such, and does not keep the accounts from being read."""
    path.write_bytes(f"Name;Email;Token\nJürgen;a@example.com;{TOKEN}\n".encode("latin-1"))
    assert [token.email for token in read_accounts(path)] == ["a@example.com"]


def test_what_stood_beside_tokens_is_told_once(path, caplog):
    """What is left out beside tokens is told in a line, however many rows have it."""
    rows = [f"{n}@example.com,Bearer {make_token('s', f'{n}@example.com', HOUR)}\n" for n in range(20)]
    path.write_text("".join(rows))
    read_accounts(path)
    assert caplog.messages == [
        "TEST_ACCOUNTS_FILE has the word Bearer beside 20 of its tokens, which are used without."
    ]


def test_every_wrong_line_is_reported(path):
    """Each wrong line of an accounts file has its number and reason, and no token is shown."""
    path.write_text(
        f"email,token\na@example.com,{TOKEN}\n{TOKEN},b@example.com\nc@example.com\n"
        f"a@example.com,{TOKEN}\ne@example.com,{TOKEN[:-50]}.\nf@example.com,{EXPIRED}\n"
        f'g@example.com,"{TOKEN[:50]}\n{TOKEN[50:]}"\nh@example.com;{TOKEN},x\n,{TOKEN}\n',
        encoding="utf-8",
    )
    problems = refusal(path)
    line = "TEST_ACCOUNTS_FILE, line {}: {}. Expected email,token."
    assert problems == [
        line.format(3, "the first column is no e-mail address"),
        line.format(4, "the token is empty"),
        line.format(5, "the account of line 2 again"),
        line.format(6, "the token is not a JWT: it was cut, or changed"),
        line.format(7, "the token expired at 2024-01-02 04:04:05 UTC"),
        line.format(9, "the token has white space or a line break inside"),
        line.format(10, "the token is not a JWT: it has 1 part with dots between, not 3"),
        line.format(11, "the first column is no e-mail address"),
    ]


def test_whose_account_it_is(path):
    """One token in every row, and rows shifted by one, name the rows whose token is somebody else's."""
    path.write_text(f"a@example.com,{TOKEN}\nb@example.com,{TOKEN}\n")
    line = "TEST_ACCOUNTS_FILE, line {}: the token is that of {!r}, not of {!r}. Expected email,token."
    assert refusal(path) == [line.format(2, "a@example.com", "b@example.com")]
    path.write_text(f"a@example.com,{SECOND}\nb@example.com,{TOKEN}\n")
    assert refusal(path) == [
        line.format(1, "b@example.com", "a@example.com"),
        line.format(2, "a@example.com", "b@example.com"),
    ]


def test_one_account_twice(path):
    """Two tokens of one account, and one token twice, are one account, in any case of letters."""
    other = make_token("a secret", "A@example.com", 2 * HOUR)
    path.write_text(f"a@example.com,{TOKEN}\nA@example.com,{other}\na@example.com,{TOKEN}\n")
    line = "TEST_ACCOUNTS_FILE, line {}: the account of line 1 again. Expected email,token."
    assert refusal(path) == [line.format(2), line.format(3)]


def test_at_most_ten_problems_are_told(path):
    """Of very many wrong lines ten are told, and how many more there are."""
    path.write_text("somebody,x\n" * 50_000)
    problems = refusal(path)
    assert len(problems) == 11
    assert problems[-1] == "... and 49,990 more like these."


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "holds no account. Expected lines of email,token."),
        (b"email,token\n\n,\n", "holds no account. Expected lines of email,token."),
        (b"\xff\xfe", "holds no account. Expected lines of email,token."),
        (b"a@b\0,c", "is not text. Expected a readable CSV file of email,token."),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not text. Expected a readable CSV file of email,token."),
        (b"x" * 200_000, "is not CSV: field larger than field limit (131072). Expected a readable CSV file of"),
        (None, "does not exist. Expected a readable CSV file of email,token."),
    ],
    ids=["empty", "only a header", "only a byte order mark", "a null", "a picture", "one endless cell", "gone"],
)
def test_a_file_without_accounts(path, content, problem):
    """A file that holds no account or cannot be read is named in one sentence."""
    if content is not None:
        path.write_bytes(content)
    (told,) = refusal(path)
    assert told.startswith(f"TEST_ACCOUNTS_FILE {str(path)!r} {problem}")


CELLS = st.text(max_size=10) | st.sampled_from(
    ["a@b", "email", "Token", TOKEN, f"Bearer {SECOND}", EXPIRED, "a@example.com", "MARKED", '"', ",", "\n", ";", "\t"]
)
CSV = st.lists(st.lists(CELLS, max_size=4), max_size=6)


def written(rows, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


CONTENTS = (
    st.builds(written, CSV, st.sampled_from(",;\t|")).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | CSV.map(lambda rows: "\n".join(map(",".join, rows)).encode("utf-16", "surrogatepass"))
    | st.binary()
)


@given(CONTENTS)
def test_any_accounts_file_is_read_or_refused(tmp_path_factory, content):
    """No content of an accounts file does more than give accounts or be refused, and no token of it is shown."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content)
    found, sentences = [], ""
    try:
        found = read_accounts(path)
    except Refused as refused:
        sentences = str(refused)
    assert bool(found) is not bool(sentences)
    assert len(sentences.splitlines()) <= 11
    assert not any(text in sentences for text in ("MARKED", TOKEN, SECOND, EXPIRED))
    assert all(token.text in (TOKEN, SECOND) for token in found)
    assert len({token.email for token in found}) == len(found)


def test_a_hundred_thousand_accounts(path, monkeypatch):
    """Each token is decoded once: what 100,000 accounts cost is a decoding each and little else."""
    decoded = 0
    decode = json.loads

    def count(*arguments, **named):
        nonlocal decoded
        decoded += 1
        return decode(*arguments, **named)

    tokens = [make_token("s", f"{n}@example.com", HOUR) for n in range(1000)]
    path.write_text("".join(f"{n}@example.com,{token}\n" for n, token in enumerate(tokens)))
    began = time.process_time()
    monkeypatch.setattr("jwt.api_jws.json.loads", count)
    assert len(read_accounts(path)) == 1000
    assert decoded == 2000  # header and claims
    assert time.process_time() - began < 1
