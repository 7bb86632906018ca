"""Times, dates, images and the weight's two layouts are read as Chater UI reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.weight import ServedWeight
from chaterload.standin.wire import day_of, epoch_ms, is_image
from proto.manual_weight_pb2 import ManualWeightRequest

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
        ("-Infinity", NOW),
        ("1e999999", NOW),
        ("2026-02-30T00:00:00Z", NOW),
    ],
)
def test_times(text, expected):
    """ISO, epoch seconds and milliseconds are understood and truncated; anything else is now."""
    assert epoch_ms(text, NOW) == expected


@given(st.text())
def test_any_time_gives_a_number(text):
    """No text of a time makes trouble."""
    assert -(2**63) <= epoch_ms(text, NOW) < 2**63


@pytest.mark.parametrize("text", ["", "31-02-2024", "2024-01-15", "15/01/2024", "today"])
def test_not_a_date(text):
    """Only dd-mm-yyyy of a day that exists is a date."""
    assert day_of(text) is None


def test_a_date():
    """A date is day, month, year."""
    assert str(day_of("29-02-2024")) == "2024-02-29"


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"BM", b"RIFF\0\0\0\0WEBPVP8 "])
def test_images(data):
    """The usual kinds are known by their first bytes."""
    assert is_image(data)


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
