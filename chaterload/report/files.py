"""Report files: whole or not at all, and readable by their owner alone."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write `text` to `path`, which afterwards is either as before or complete. OSError when it cannot be.

    Names of files and texts of others may hold what is no character; it becomes a question mark.
    """
    if path.exists() and not path.is_file():  # a device or a pipe, such as /dev/stdout: not to be replaced by a file
        path.write_text(text, encoding="utf-8", errors="replace")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
