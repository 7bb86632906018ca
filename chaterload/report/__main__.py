"""`python -m chaterload.report DIR`: the pages of all runs in a folder of --results, made anew."""

import sys
from collections.abc import Sequence
from pathlib import Path

from chaterload.exits import CommandParser, Exit, Refused
from chaterload.report.archive import VERDICT, PastRun, read_runs
from chaterload.report.history import update_index
from chaterload.report.sidebyside import write_page


def main(arguments: Sequence[str] | None = None) -> Exit:
    """The exit code."""
    given = _parser().parse_args(arguments)
    try:
        if not given.folder or not Path(given.folder).is_dir():
            raise Refused(f"{given.folder!r} is no folder. Expected one of --results.")
        folder = Path(given.folder)
        pages = []
        if given.compare:
            runs, _ = read_runs(folder)
            before, now = (_run(runs, folder, name) for name in given.compare)
            pages.append(write_page(folder, (before, now)))
        pages.insert(0, update_index(folder, anew=True))
    except (Refused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return Exit.NEVER_STARTED
    sys.stdout.write("".join(f"{page}\n" for page in pages))
    return Exit.MET


def _run(runs: Sequence[PastRun], folder: Path, name: str) -> PastRun:
    """The run in `folder` that is called so, or whose folder is."""
    for run in runs:
        if run.name == name.rstrip("/") or run.file.parent == Path(name):
            return run
    raise Refused(f"{name!r} in {str(folder)!r} holds no {VERDICT} that can be read. Expected the folder of a run.")


def _parser() -> CommandParser:
    parser = CommandParser(prog="python -m chaterload.report", description=__doc__)
    parser.add_argument("folder", metavar="DIR", help="a folder of --results; what it holds may be copied")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("BEFORE", "NOW"),
        help="also put these two runs side by side, each named by its folder in DIR; the newest ones are anyhow",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
