"""`python -m chaterload.report DIR`: the page of all runs in a folder of --results, made anew."""

import sys
from collections.abc import Sequence
from pathlib import Path

from chaterload.exits import CommandParser, Exit, Refused
from chaterload.report.archive import VERDICT, PastRun, read_run
from chaterload.report.files import write_whole
from chaterload.report.history import to_comparison, update_index


def main(arguments: Sequence[str] | None = None) -> Exit:
    """The exit code."""
    parser = CommandParser(prog="python -m chaterload.report", description=__doc__)
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder of --results; what it holds may be copied")
    parser.add_argument(
        "--compare",
        nargs=2,
        metavar=("BEFORE", "NOW"),
        help="also put two runs side by side, each named by its folder in DIR",
    )
    given = parser.parse_args(arguments)
    try:
        if not given.folder.is_dir():
            raise Refused(f"{str(given.folder)!r} is no folder. Expected one of --results.")
        pages = [update_index(given.folder)]
        if given.compare:
            before, now = (_run(given.folder, name) for name in given.compare)
            pages.append(given.folder / f"{now.file.parent.name}-against-{before.file.parent.name}.html")
            write_whole(pages[-1], to_comparison(before, now))
    except (Refused, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return Exit.NEVER_STARTED
    sys.stdout.write("".join(f"{page}\n" for page in pages))
    return Exit.MET


def _run(folder: Path, name: str) -> PastRun:
    run = read_run(folder / Path(name).name / VERDICT)
    if run is None:
        raise Refused(f"{name!r} in {str(folder)!r} holds no {VERDICT} that can be read. Expected the folder of a run.")
    return run


if __name__ == "__main__":
    sys.exit(main())
