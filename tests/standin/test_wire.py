"""Times, dates, images and the weight's two layouts are read as Chater UI reads them."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.weight import ServedWeight
from chaterload.standin.photos import epoch_ms, is_image
from chaterload.standin.wire import day_of
from proto.manual_weight_pb2 import ManualWeightRequest
from tests.photos import small_png

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-02T03:04:05.678+00:00", 1767323045678),
        ("2026-01-02T05:04:05.678+02:00", 1767323045678),
        ("2026-01-02T03:04:05.678Z", 1767323045678),
        ("2026-01-02T03:04:05.678999Z", 1767323045678),
        ("2026-01-02T03:04:05", 1767323045000),
        ("1767323045", 1767323045000),
        ("1767323045.678", 1767323045678),
        ("1767323045678", 1767323045678),
        ("1767323045678.9", 1767323045678),
        ("", NOW),
        ("yesterday", NOW),
        ("NaN", NOW),
        ("-5", NOW),
        ("-Infinity", NOW),
        ("inf", inf),
        ("1e20", inf),
        ("1e999999", inf),
        ("2026-02-30T00:00:00Z", NOW),
    ],
)
def test_times(text, expected):
    """ISO, epoch seconds and milliseconds are understood and truncated; anything else is now."""
    assert epoch_ms(text, NOW) == expected


@given(st.text())
def test_any_time_gives_a_number(text):
    """No text of a time makes trouble: it is one that an int64 holds, or beyond all times."""
    found = epoch_ms(text, NOW)
    assert found == inf or -(2**63) <= found < 2**63


@pytest.mark.parametrize("text", ["", "31-02-2024", "2024-01-15", "15/01/2024", "today"])
def test_not_a_date(text):
    """Only dd-mm-yyyy of a day that exists is a date."""
    assert day_of(text) is None


def test_a_date():
    """A date is day, month, year."""
    assert str(day_of("29-02-2024")) == "2024-02-29"


WHOLE = {
    "png": small_png(),
    "jpeg": b"\xff\xd8\xff\xe0 and so on \xff\xd9",
    "gif": b"GIF89a and so on \x3b",
    "bmp": b"BM" + (40).to_bytes(4, "little") + bytes(34),
    "heic": b"\0\0\0\x14ftypheic\0\0\0\0mif1\0\0\0\x10meta and so \0\0\0\x10mdat and so ",
    "avif": b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x10mdat and so \0\0\0\x10meta and so ",
    "webp": b"RIFF" + (30).to_bytes(4, "little") + b"WEBPVP8 " + bytes(22),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_images(data):
    """The usual kinds are images as a whole, also with something behind them."""
    assert is_image(data)
    assert is_image(data + b"\0\0")


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_parts_of_images(data):
    """Whatever is cut off, what is left is no image."""
    assert [length for length in range(len(data)) if is_image(data[:length])] == []


@pytest.mark.parametrize("data", [b"", b"%PDF", b"RIFF\0\0\0\0WAVE", b"\x89PNG"])
def test_not_images(data):
    """Other files are no images."""
    assert not is_image(data)


@given(st.floats(1, 300, width=32), st.emails())
def test_both_weight_layouts_together_are_read_right(weight, email):
    """Both layouts in a row, in either order, give the weight; the documented one alone does not."""
    documented = ManualWeightRequest(user_email=email, weight=weight).SerializeToString()
    served = ServedWeight(user_email=email, weight=weight).SerializeToString()
    for body in (documented + served, served + documented):
        read = ServedWeight.FromString(body)
        assert (read.weight, read.user_email) == (weight, email)
    assert not ServedWeight.FromString(documented).weight
