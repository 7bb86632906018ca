"""Numbers are written in one way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge.numbers import change, milliseconds, percent, plain, rate

TEXTS = [
    (percent, 0.0, "0 %"),
    (percent, 0.008, "0.8 %"),
    (percent, 0.01234, "1.2 %"),
    (percent, 0.042, "4.2 %"),
    (percent, 0.123, "12 %"),
    (percent, 0.9998, "99.98 %"),
    (percent, 1.0, "100 %"),
    (percent, 1e-7, "0.00001 %"),
    (change, 0.22, "+22 %"),
    (change, -0.8, "-80 %"),
    (change, 6.27, "+627 %"),
    (change, 0.0, "+0 %"),
    (change, 1e300, "+1e+302 %"),
    (milliseconds, 0.0, "0 ms"),
    (milliseconds, 479.6, "480 ms"),
    (milliseconds, 999.4, "999 ms"),
    (milliseconds, 999.6, "1 s"),
    (milliseconds, 1000.0, "1 s"),
    (milliseconds, 5000.0, "5 s"),
    (milliseconds, 3140.0, "3.14 s"),
    (milliseconds, 61_000.0, "61 s"),
    (milliseconds, 1_200_000.0, "1,200 s"),
    (rate, 0.0, "0.0 req/s"),
    (rate, 0.04, "0.04 req/s"),
    (rate, 52.34, "52.3 req/s"),
    (rate, 2250.0, "2,250.0 req/s"),
    (plain, 0.9, "0.9"),
    (plain, -3.14159, "-3.14"),
    (plain, 1234.5, "1,234"),
    (plain, 5e9, "5,000,000,000"),
    (plain, 1e20, "1e+20"),
]


@pytest.mark.parametrize(("write", "value", "text"), TEXTS)
def test_a_number(write, value, text):
    """Each number has its unit, and no more digits than were measured."""
    assert write(value) == text


@given(st.sampled_from([percent, milliseconds, rate]), st.floats(0, 1), st.floats(0, 1))
def test_the_larger_number_reads_no_smaller(write, one, other):
    """Of two numbers the larger is never written as the smaller one, and none is written with a power of ten."""
    scale = 1 if write is percent else 1e6
    low, high = (write(scale * value) for value in sorted((one, other)))
    assert "e" not in low.split()[0] + high.split()[0]
    assert _read(low) <= _read(high)


@given(st.floats(0, 1, exclude_max=True))
def test_all_of_it_is_told_from_nearly_all(share):
    """Only all of it is 100 %."""
    assert percent(share) != "100 %"


def _read(text: str) -> float:
    number, unit = text.replace(",", "").split()
    return float(number) * (1000 if unit == "s" else 1)
