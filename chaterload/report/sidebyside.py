"""Two runs of a history side by side: which pairs have a page, and what it shows."""

import logging
import os
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from chaterload.exits import Refused
from chaterload.judge.baseline import parse_baseline
from chaterload.judge.comparison import Tolerance, Window, compare_windows
from chaterload.judge.significance import FALSE_ALARM
from chaterload.report.archive import PastRun, read_document
from chaterload.report.charts import distribution
from chaterload.report.files import write_whole
from chaterload.report.html import SCRIPT, policy, templates

logger = logging.getLogger(__name__)

FOLDER = "comparisons"

NEWEST = 8
"""Runs that are alike of which each pair has a page: 28 of them, of about 100 kB each."""

MOST_MADE = 84
"""Pages that are made in all, those of the newest runs first."""

MOST_KEPT = 100
"""Pages that stay, the last made ones: those that somebody asked for, too."""

LONGEST_NAME = 240
"""Bytes of a file's name that a file system surely takes."""

_PAGE = templates.get_template("comparison.html")

Pair = tuple[PastRun, PastRun]
"""The earlier run, and the later one."""


def pairs_of(runs: Sequence[PastRun]) -> list[Pair]:
    """Those that have a page without anybody asking for it; the runs are given with the oldest first."""
    newest: dict[str, list[PastRun]] = {}
    for run in reversed(runs):
        alike = newest.setdefault(run.group, [])
        if len(alike) < NEWEST:
            alike.append(run)
    return [(before, now) for alike in newest.values() for now, before in combinations(alike, 2)][:MOST_MADE]


def page_of(pair: Pair) -> str:
    """Where the page of two runs is, as seen from the folder of all runs."""
    before, now = (run.name.replace("/", "_") for run in pair)
    return f"{FOLDER}/{now}-against-{before}.html"


def update_pages(parent: Path, runs: Sequence[PastRun], anew: bool = False) -> dict[str, Pair]:
    """Make the pages of pairs that have none yet, or all `anew`, and remove what is too many or of no run any more.

    Returns the pages that there are now.
    """
    known, pairs = Windows(), pairs_of(runs)
    if pairs:
        (parent / FOLDER).mkdir(mode=0o700, exist_ok=True)
    for pair in pairs:
        page = parent / page_of(pair)
        if len(os.fsencode(page.name)) <= LONGEST_NAME and (anew or not page.exists()):
            try:
                write_page(parent, pair, known)
            except Refused as refused:
                logger.debug("There is no page %s: %s", page, refused)
    return _kept(parent, runs)


def write_page(parent: Path, pair: Pair, known: "Windows | None" = None) -> Path:
    """Refused when one of the runs keeps too little to be compared; OSError when the page cannot be written."""
    page = parent / page_of(pair)
    write_whole(page, to_comparison(pair, known or Windows()))
    return page


def _kept(parent: Path, runs: Sequence[PastRun]) -> dict[str, Pair]:
    names = {run.name.replace("/", "_"): run for run in runs}
    kept: dict[str, Pair] = {}
    for page in sorted((parent / FOLDER).glob("*-against-*.html"), key=_made, reverse=True):
        now, before = (names.get(name) for name in page.stem.split("-against-", 1))
        if before and now and len(kept) < MOST_KEPT:
            kept[page.relative_to(parent).as_posix()] = before, now
        else:
            page.unlink(missing_ok=True)
    return kept


def _made(page: Path) -> float:
    return page.stat().st_mtime


class Windows:
    """The requests of runs, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, Window] = {}

    def of(self, run: PastRun) -> Window:
        """Refused when its JSON does not keep them."""
        if run.file not in self._read:
            self._read[run.file] = parse_baseline(read_document(run.file), str(run.file))
        return self._read[run.file]


def to_comparison(pair: Pair, known: Windows, share: float = 0.1) -> str:
    """The page of two runs, by the tests of --baseline. Refused when one of them keeps too little for that."""
    earlier, later = (known.of(run) for run in pair)
    old, new = earlier.endpoints, later.endpoints
    common = sorted((e for e in new if e in old and new[e].requests and old[e].requests), key=str)
    return _PAGE.render(
        before=pair[0],
        now=pair[1],
        comparisons=compare_windows(earlier, later, Tolerance(share)),
        tolerance=share,
        false_alarm=FALSE_ALARM,
        only_one=sorted({str(e) for e in {*old, *new} if e not in common}),
        charts=[{**distribution(new[e], old[e], [], ("now", "before")), "title": str(e)} for e in common],
        script=SCRIPT,
        policy=policy(SCRIPT),
    )
