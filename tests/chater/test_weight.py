"""A weight arrives at a server of either numbering."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.weight import HEAVIEST_KG, LIGHTEST_KG, ServedWeight, plausible_weight, weight_body
from proto.manual_weight_pb2 import ManualWeightRequest

LAYOUTS = pytest.mark.parametrize("layout", [ManualWeightRequest, ServedWeight])
TEXTS = st.text(st.characters(codec="utf-8"))


@LAYOUTS
@given(email=TEXTS, weight=st.floats(width=32, allow_nan=False))
def test_either_numbering_reads_the_body(layout, email, weight):
    """The documented message and the one that the running server reads give the same e-mail and weight."""
    read = layout.FromString(weight_body(email, weight))
    assert (read.user_email, read.weight) == (email, weight)


@LAYOUTS
@pytest.mark.parametrize("length", [126, 127, 128, 254, 16_384])
def test_long_emails(layout, length):
    """An e-mail whose length takes more than one byte to write arrives whole."""
    email = "a" * (length - 2) + "@b"
    read = layout.FromString(weight_body(email, 80.5))
    assert (read.user_email, read.weight) == (email, 80.5)


def test_the_swapped_layout_on_the_wire():
    """The running server's layout is field 1 as a 32-bit float and field 2 as a string."""
    encoded = ServedWeight(user_email="a@b", weight=80.5).SerializeToString()
    assert encoded == b"\x0d" + struct.pack("<f", 80.5) + b"\x12\x03a@b"


def test_plausible_weights():
    """Weights are from 40 to 150 kg, to 100 g, many, and what a 32-bit float holds, so that they compare equal."""
    weights = {plausible_weight() for _ in range(2000)}
    assert len(weights) > 500
    for weight in weights:
        assert LIGHTEST_KG <= weight <= HEAVIEST_KG
        assert abs(weight * 10 - round(weight * 10)) < 1e-3
        assert struct.unpack("<f", struct.pack("<f", weight))[0] == weight
