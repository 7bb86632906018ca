"""Text and tables in any width."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, Group

from chaterload.report.layout import Column, fitted, flow, heights, wrapped

WORDS = st.text("abcdefgh/-", min_size=1, max_size=12)
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map(" ".join)
WIDTHS = st.integers(20, 200)
COLUMNS = (
    Column("Endpoint", numeric=False),
    Column("Requests"),
    Column("Median", 1),
    Column("p99", 2),
    Column("Maximum", 3),
)
ROW = ("POST /get_food_custom_date", "1,234", "480 ms", "1.2 s", "3.14 s")


def printed(what, width):
    file = io.StringIO()
    Console(file=file, width=width, highlight=False, markup=False).print(what)
    return file.getvalue().splitlines()


@given(TEXTS, st.integers(30, 200), st.integers(0, 12))
def test_wrapped(text, width, indent):
    """No line is too wide, none is cut within a word, and all but the first are indented."""
    lines = wrapped(text, width, indent)
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == text.split()
    assert all(line.startswith(" " * indent) for line in lines[1:])


def test_wrapped_keeps_what_is_no_word():
    """A label keeps its place, an empty text is a line, a long word is broken, and nothing moves the cursor."""
    assert wrapped("Writes      dishes 45 acknowledged", 25, 12) == [
        "Writes      dishes 45",
        "            acknowledged",
    ]
    assert wrapped("", 80) == [""]
    assert wrapped("a \x1b[2Jb\r\nc\x9b\x00", 80) == [
        "a \N{REPLACEMENT CHARACTER}[2Jb  c" + 2 * "\N{REPLACEMENT CHARACTER}"
    ]
    assert wrapped("a" * 70, 60) == ["a" * 60, "a" * 10]


@given(st.lists(TEXTS, min_size=1, max_size=6), WIDTHS)
def test_flow(parts, width):
    """Each part that fits a line stays whole, and no line is wider than the window."""
    lines = [line.plain for line in flow([(part, "") for part in parts], width)]
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == "".join(parts).replace(" ", "")
    assert all(any(part in line for line in lines) for part in parts if len(part) <= width)


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (30, "Endpoint Requests"),
        (36, "Endpoint Requests"),
        (44, "Endpoint Requests Median"),
        (51, "Endpoint Requests Median p99"),
        (60, "Endpoint Requests Median p99 Maximum"),
        (200, "Endpoint Requests Median p99 Maximum"),
    ],
)
def test_columns_go_by_their_rank(width, titles):
    """The column of the highest rank goes first, those of rank 0 stay, and then the first one is wrapped."""
    lines = printed(fitted(COLUMNS, [ROW], width), width)
    assert " ".join(lines[0].split()) == titles
    assert max(map(len, lines)) <= width
    assert " ".join(lines[1].split()[:2]) == ("POST /get_food_custo" if width < 36 else "POST /get_food_custom_date")
    assert heights(COLUMNS, [ROW], width) == [len(lines) - 1]


@given(st.lists(st.tuples(TEXTS, *[st.integers(0, 99_999).map(str)] * 4), min_size=1, max_size=5), st.integers(50, 200))
def test_a_table_never_overflows(rows, width):
    """Whatever its rows hold, the table fits, no number is cut, and it is as high as was said."""
    lines = printed(Group(fitted(COLUMNS, rows, width)), width)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert all(row[1] in words for row in rows)
    assert sum(heights(COLUMNS, rows, width)) == len(lines) - 1
