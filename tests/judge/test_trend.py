"""A leak is a trend; noise is none, however it is distributed and however its neighbours resemble each other."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.judge import trend as module

SEEDS = range(20)


def trend(times, values):
    """The trend of a series that is long enough."""
    found = module.trend(times, values)
    assert found is not None
    return found


def gauss(rng):
    return rng.gauss(0, 1)


def heavy_tailed(rng):
    """Student's t with two degrees of freedom: its variance is infinite."""
    return rng.gauss(0, 1) / math.sqrt(rng.expovariate(1))


def skewed(rng):
    """As response times are: most near the least, few far above."""
    return rng.expovariate(1) - 1


def series(seed, noise, phi, count, rise=0.0, share=0.1):
    """`count` values around 200 that rise by `rise` of it over the series; the noise is autoregressive with `phi`."""
    rng, state, values = random.Random(seed), 0.0, []
    for number in range(-50, count):
        state = phi * state + noise(rng)
        if number >= 0:
            values.append(200 * (1 + rise * number / count + share * state))
    return list(range(count)), values


@pytest.mark.parametrize("count", [40, 240, 2400])
@pytest.mark.parametrize("phi", [0.0, 0.5])
@pytest.mark.parametrize("noise", [gauss, heavy_tailed, skewed])
def test_noise_is_no_trend(noise, phi, count):
    """A steady noisy series is steady for 20 of 20 seeds, also when neighbours resemble each other."""
    assert [trend(*series(seed, noise, phi, count)).direction for seed in SEEDS] == ["steady"] * 20


@pytest.mark.parametrize("phi", [0.0, 0.5])
@pytest.mark.parametrize("noise", [gauss, heavy_tailed, skewed])
def test_a_leak_is_a_trend(noise, phi):
    """A series that grows by its own size is rising for 20 of 20 seeds, and the slope is about right."""
    for seed in SEEDS:
        found = trend(*series(seed, noise, phi, 600, rise=1.0))
        assert found.direction == "rising"
        assert found.slope == pytest.approx(200 / 600, rel=0.35)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_falls(seed):
    """The mirror image of a leak is falling."""
    times, values = series(seed, gauss, 0.0, 240, rise=1.0)
    assert trend(times, [1000 - value for value in values]).direction == "falling"


def test_false_alarms_are_rare():
    """Of a thousand short steady series, whose neighbours resemble each other, at most two in a hundred are trends."""
    found = [trend(*series(seed, gauss, 0.5, 40)).direction for seed in range(1000)]
    assert found.count("steady") >= 980


@pytest.mark.parametrize("change", [0.0, 0.03, 0.049, -0.047])
def test_a_small_change_does_not_matter(change):
    """A perfect trend of less than 5 % over the run is steady."""
    values = [200 * (1 + change * number / 99) for number in range(100)]
    assert trend(range(100), values).direction == "steady"


def test_a_line():
    """A line's slope, change and median are its own, and chance does not explain it."""
    found = trend([number / 10 for number in range(300)], [50 + 2 * number / 10 for number in range(300)])
    assert found.slope == pytest.approx(2)
    assert found.change == pytest.approx(59.8)
    assert found.median == pytest.approx(79.9, abs=1)
    assert found.p < 1e-6


def test_an_outlier_is_no_trend():
    """One answer of a minute at the end of a steady run does not make it drift."""
    values = [200.0 + number % 7 for number in range(100)]
    assert trend(range(100), [*values[:-1], 60_000.0]).direction == "steady"


@pytest.mark.parametrize("count", [0, 1, 9])
def test_too_few_values(count):
    """Fewer than ten values say nothing, and ten in a line are a trend."""
    assert module.trend(range(count), range(count)) is None
    assert trend(range(10), range(10)).direction == "rising"


def test_nothing_changes():
    """A constant series, zeros among them, is steady."""
    assert trend(range(50), [7.0] * 50).direction == "steady"
    assert trend(range(50), [0.0] * 50).direction == "steady"


def test_a_rise_from_zero():
    """Where the median is 0 every rise matters, but it still has to be more than chance."""
    assert trend(range(60), [0.0] * 59 + [1.0]).direction == "steady"
    assert trend(range(60), [float(max(0, number - 25)) for number in range(60)]).direction == "rising"


@given(st.lists(st.floats(-1e9, 1e9), min_size=10, max_size=100))
def test_any_series(values):
    """Whatever the values, there is one of three directions and a chance, and backwards it is the opposite."""
    times = range(len(values))
    found, back = trend(times, values), trend(times, [-value for value in values])
    assert 0 <= found.p <= 1
    opposite = {"rising": "falling", "falling": "rising", "steady": "steady"}
    assert back.direction == opposite[found.direction]
