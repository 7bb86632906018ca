"""Report files: whole or not at all, and readable by their owner alone."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from chaterload.report.html import to_html
from chaterload.report.junit import to_junit
from chaterload.report.model import Report, to_json

WRITERS: dict[str, Callable[[Report], str]] = {
    "verdict_json": lambda report: json.dumps(to_json(report), indent=2) + "\n",
    "verdict_html": to_html,
    "verdict_junit": to_junit,
}
"""How each option's file is made from a report."""


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, which afterwards is either as before or complete. OSError when it cannot be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
