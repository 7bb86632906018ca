"""A stand-in to ask, impatient so that nobody has to wait."""

from collections.abc import Iterator

import pytest

from chaterload.standin.process import StandInProcess
from tests.support.warm import start_stand_in

PATIENCE = 0.001


@pytest.fixture(scope="module")
def stand_in() -> Iterator[StandInProcess]:
    """One for all tests of a module."""
    with start_stand_in(["--patience-scale", str(PATIENCE)]) as process:
        yield process
