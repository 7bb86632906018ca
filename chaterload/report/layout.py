"""How text and tables fit the width they get: lines break between words, and columns that matter least are left out."""

import os
import re
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleDimensions
from rich.table import Table
from rich.text import Text

GAP = 2
"""Between two columns of a table."""


@dataclass(frozen=True)
class Column:
    """A column of a table. One of rank 0 always stays; of the others, the highest rank goes first."""

    title: str
    rank: int = 0
    numeric: bool = True


Cells = Sequence[Text | str]


def fit_window(console: Console) -> None:
    """Have a console on a terminal be as large as its window is now: COLUMNS may be set, and does not follow it."""
    with suppress(OSError, ValueError):  # there is none to ask
        columns, rows = os.get_terminal_size(console.file.fileno())
        if columns and rows:
            console.size = ConsoleDimensions(columns, rows)


_UNITS = re.compile(r"(?<=\d) (?=(?:s|ms|min|h|MB|req/s|users?)\b|%)")
_OBEYED = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")
"""Characters that a terminal does not show but obeys; the others of their kind are blanks."""
_UNBREAKABLE = "\N{NO-BREAK SPACE}"


def wrapped(text: str, width: int, indent: int = 0, *, cut_long: bool = True) -> list[str]:
    """The text in lines of at most `width` columns; all but the first begin with so many spaces.

    A number stays with its unit. A word that fits no line is cut, or else stays whole and too long. What a terminal
    would obey is replaced.
    """
    text = _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)
    lines = textwrap.wrap(
        _UNITS.sub(_UNBREAKABLE, text),
        max(width, indent + 1),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=cut_long,
    )
    return [line.replace(_UNBREAKABLE, " ") for line in lines] or [text]


def flow(parts: Sequence[tuple[str, str]], width: int, gap: str = "   ") -> list[Text]:
    """Texts, each with its style, one after the other; what does not fit a line as a whole begins the next one."""
    lines: list[Text] = []
    for text, style in parts:
        if lines and lines[-1].cell_len + len(gap) + cell_len(text) <= width:
            lines[-1].append(gap).append(text, style)
        else:
            lines += [Text().append(piece, style) for piece in wrapped(text, width)]
    return lines


def fitted(columns: Sequence[Column], rows: Sequence[Cells], width: int, title: str | None = None) -> Table:
    """The table with the columns that fit; where they still do not, the texts of the first one are wrapped."""
    table = Table(
        title=title, title_justify="left", title_style="bold", box=None, padding=(0, GAP, 0, 0), pad_edge=False
    )
    kept, first = _fit(columns, rows, width)
    for n in kept:
        table.add_column(columns[n].title, justify="right" if columns[n].numeric else "left", no_wrap=True)
    for row in rows:
        table.add_row("\n".join(wrapped(str(row[0]), first)), *(row[n] for n in kept[1:]))
    return table


def heights(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> list[int]:
    """How many lines each row of that table takes."""
    _, first = _fit(columns, rows, width)
    return [len(wrapped(str(row[0]), first)) for row in rows]


def _fit(columns: Sequence[Column], rows: Sequence[Cells], width: int) -> tuple[list[int], int]:
    """The indices of the columns that fit, and how much is left for the first one."""
    widths = [max(cell_len(str(row[n])) for row in [[c.title for c in columns], *rows]) for n in range(len(columns))]
    kept = list(range(len(columns)))
    while (rank := max(columns[n].rank for n in kept)) and sum(widths[n] + GAP for n in kept) - GAP > width:
        kept = [n for n in kept if columns[n].rank < rank]
    return kept, max(1, width - sum(widths[n] + GAP for n in kept[1:]))
