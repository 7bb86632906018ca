"""Report files: whole or not at all, and readable by their owner alone, but for the one that is Kubernetes' own."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from chaterload.report.console import to_text
from chaterload.report.html import to_html
from chaterload.report.junit import to_junit
from chaterload.report.message import to_message
from chaterload.report.model import Report, to_json


def to_json_text(report: Report) -> str:
    """The verdict JSON as a file holds it."""
    return json.dumps(to_json(report), indent=2) + "\n"


WRITERS: dict[str, Callable[[Report], str]] = {
    "verdict_json": to_json_text,
    "verdict_html": to_html,
    "verdict_junit": to_junit,
    "verdict_message": to_message,
}
"""How each option's file is made from a report."""

RESULTS: dict[str, Callable[[Report], str]] = {
    "verdict.txt": to_text,
    "verdict.json": to_json_text,
    "verdict.html": to_html,
    "verdict.xml": to_junit,
}
"""How each file of --results is made from a report."""

IN_PLACE = frozenset(("verdict_message",))
"""Options whose file is there already and can be filled but not replaced: Kubernetes mounts its termination log."""


def write_report(option: str, path: Path, report: Report) -> None:
    """Write the file that `option` names. OSError when it cannot be written."""
    text = WRITERS[option](report)
    if option in IN_PLACE:
        path.write_text(text, encoding="utf-8")
    else:
        write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, which afterwards is either as before or complete. OSError when it cannot be."""
    if path.exists() and not path.is_file():  # a device or a pipe, such as /dev/stdout: not to be replaced by a file
        path.write_text(text, encoding="utf-8")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
