"""How the process ends: the exit codes, and why it never starts."""

import argparse
import logging
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from enum import IntEnum
from pathlib import Path
from typing import NoReturn, TypeVar

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Exit(IntEnum):
    """How the process ends; the same on a laptop, in a container and in CI."""

    MET = 0
    ERROR = 1
    NEVER_STARTED = 2
    MISSED = 3
    INVALID = 4


class Refused(Exception):
    """The run must not start. Each problem is one sentence for the user, free of secrets."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CommandParser(argparse.ArgumentParser):
    """The parser of a command of ours: a bad argument is one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(Exit.NEVER_STARTED, f"{self.prog}: {message}\n")


class Problems:
    """Gathers what several steps refuse, so that all of it is told at once."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def of(self, step: Callable[[], T]) -> T | None:
        """What a step makes; None where it refused."""
        try:
            return step()
        except Refused as refused:
            self.told += refused.problems
            return None

    def refuse(self) -> None:
        """Refused when there is any."""
        if self.told:
            raise Refused(*self.told)


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn an exception that nobody foresaw in `what` into a refusal: nothing may start, and somebody waits for a word.

    Its own text is not told, since it may hold a secret.
    """
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        stack = traceback.extract_tb(error.__traceback__)
        logger.debug("%s failed:\n%s", what, "".join(traceback.format_list(stack)))
        where = f"{type(error).__name__} in {Path(stack[-1].filename).name}, line {stack[-1].lineno}"
        raise Refused(f"{what} failed: {where}. This is a bug in the load test; please report it.") from None


def as_text(told: object, longest: int = 300) -> str:
    """What others told, as text that can be printed: no control characters, none that turn the writing around.

    A terminal would obey some of them, and a line break would make a line of its own in a log.
    """
    text = str(told)
    shown = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[:longest]
    )
    return shown if len(text) <= longest else f"{shown}…"


SIMILARITY = 0.8
"""difflib's ratio from which a name is taken for a slip: one letter in ten, or a plural."""

MOST_TOLD = 10
"""Problems of one file."""


def first_ten(problems: Sequence[str]) -> list[str]:
    """The first problems, and how many more there are: nobody reads fifty thousand."""
    more = len(problems) - MOST_TOLD
    return [*problems[:MOST_TOLD], *([f"... and {more:,} more like these."] if more > 0 else [])]


def looks_like(name: str, known: Collection[str]) -> str | None:
    """Which of the `known` names `name` may be a slip for."""
    return next(iter(get_close_matches(name, known, n=1, cutoff=SIMILARITY)), None)
