"""A folder of a run's own, and what is kept there to repeat the run."""

import logging
import shlex
import textwrap
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

logger = logging.getLogger(__name__)

NAME = "%Y-%m-%dT%H-%M-%SZ"
"""When the run started, in UTC. A colon would break `docker -v` and Windows."""


def new_folder(parent: Path, start: datetime) -> Path:
    """A folder for its owner alone, named by `start`, which is UTC. OSError when it cannot be made."""
    parent.mkdir(parents=True, exist_ok=True)
    name = start.strftime(NAME)
    folder, number = parent / name, 1
    while True:
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:  # of another run that started in the same second
            number += 1
            folder = parent / f"{name}-{number}"
        else:
            return folder


def to_env(given: Mapping[str, str], arguments: list[str]) -> str:
    """A .env file of the variables `given`; Locust's `arguments` stand in a comment."""
    command = textwrap.indent(shlex.join(["locust", *arguments]), "#   ")
    lines = [f"{name}={_quoted(value)}" for name, value in sorted(given.items())]
    return "\n".join(["# What was given, without secrets, to this command:", command, *lines, ""])


def _quoted(value: str) -> str:
    """As in a .env file, with quotes only where it needs them: `docker --env-file` knows none."""
    if value and value == value.strip() and not set(value) & set("#'\"\r\n"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def could_write(what: str, write: Callable[[], object]) -> bool:
    """Whether `write` worked. When it did not, the log says why."""
    try:
        write()
    except OSError as error:
        logger.error("%s could not be written: %s", what, error.strerror)
        return False
    return True
