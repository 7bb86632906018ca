"""The exit codes, named in one place."""

from enum import IntEnum


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
