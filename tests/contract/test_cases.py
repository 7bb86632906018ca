"""The stand-in keeps the wire contract, case by case."""

from collections.abc import Iterator

import pytest

from chaterload.contract.cases import Case, read_cases
from chaterload.contract.connection import RawConnection
from chaterload.contract.session import Identity, Session
from chaterload.standin.options import STAND_IN_SECRET
from chaterload.standin.process import StandInProcess
from tests.photos import small_png

from .conftest import PATIENCE

CASES = read_cases()


@pytest.fixture(scope="module")
def session(stand_in: StandInProcess) -> Iterator[Session]:
    """Somebody who knows every secret, and removes the dishes in the end."""
    who = Identity(stand_in.email, stand_in.token, STAND_IN_SECRET, stand_in.id_token)
    session = Session(RawConnection(stand_in.host), who, small_png(), CASES, patience=PATIENCE)
    yield session
    assert session.remove_dishes() == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_the_stand_in_answers_as_the_contract_says(session: Session, case: Case) -> None:
    """Status, type, body and headers are the contract's, and so is what today's list then shows."""
    assert session.run(case) == []
