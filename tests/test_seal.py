"""What is sealed with the key of a cluster can be neither forged nor changed nor sent again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.seal import MAC, NOBODY, NUMBER, SESSION, Seal

KEY = b"a key of the cluster"


@given(worker=st.binary(), payload=st.binary())
def test_what_was_sealed_can_be_opened(worker: bytes, payload: bytes) -> None:
    """The receiver has the message, its sender and its number, and takes it once."""
    sender, receiver = Seal(KEY), Seal(KEY)
    opened = receiver.open(worker, sender.close(worker, receiver.session, payload))
    assert opened == (sender.session, receiver.session, 1, payload)
    assert receiver.is_new(opened)
    assert not receiver.is_new(opened)


@given(st.binary(max_size=200))
def test_anything_else_cannot(frame: bytes) -> None:
    """Bytes that the key did not seal are nothing, whatever their number."""
    assert Seal(KEY).open(b"worker", frame) is None


@given(at=st.integers(0, MAC + 2 * SESSION + NUMBER + 6), bit=st.integers(0, 7))
def test_a_changed_bit(at: int, bit: int) -> None:
    """No bit of a sealed message can be changed, and none cut off."""
    frame = bytearray(Seal(KEY).close(b"worker", NOBODY, b"message"))
    frame[at] ^= 1 << bit
    assert Seal(KEY).open(b"worker", bytes(frame)) is None
    assert Seal(KEY).open(b"worker", bytes(frame[:at])) is None


@pytest.mark.parametrize("worker", [b"another", b"", b"worke", b"workerm"])
def test_another_worker(worker: bytes) -> None:
    """What one worker said is not what another said, wherever its name ends."""
    assert Seal(KEY).open(worker, Seal(KEY).close(b"worker", NOBODY, b"message")) is None


def test_another_key() -> None:
    """Another key opens nothing."""
    assert Seal(b"another key").open(b"worker", Seal(KEY).close(b"worker", NOBODY, b"message")) is None


def test_the_order_of_numbers() -> None:
    """An earlier message is not taken after a later one; senders count for themselves."""
    receiver, first, second = Seal(KEY), Seal(KEY), Seal(KEY)
    early, late = (first.close(b"a", receiver.session, text) for text in (b"early", b"late"))
    other = second.close(b"b", receiver.session, b"other")
    taken = []
    for worker, frame in ((b"a", late), (b"a", early), (b"b", other), (b"b", other)):
        opened = receiver.open(worker, frame)
        assert opened
        taken.append(receiver.is_new(opened))
    assert taken == [True, False, True, False]


def test_a_message_for_somebody_else() -> None:
    """What was sealed for another session is opened, to see who sent it, and not taken; nor is one's own."""
    sender, receiver = Seal(KEY), Seal(KEY)
    for meant_for in (NOBODY, Seal(KEY).session, sender.session):
        opened = receiver.open(b"worker", sender.close(b"worker", meant_for, b"message"))
        assert opened
        assert not receiver.is_new(opened)
