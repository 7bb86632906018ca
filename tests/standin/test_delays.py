"""Delays follow the options, and are remembered."""

from statistics import median

import pytest

from chaterload.standin.delays import Delays
from chaterload.standin.options import Options


@pytest.mark.parametrize(
    ("options", "minutes", "waiting", "delay"),
    [
        (Options(), 5, 3, 0),
        (Options(latency_ms=20), 0, 0, 20),
        (Options(slow={"/feedback": 70}), 0, 0, 70),
        (Options(slow={"/set_language": 70}), 0, 0, 0),
        (Options(latency_ms=20, leak=3), 2, 0, 26),
        (Options(service_ms=10, workers=1), 0, 4, 10),
        (Options(service_ms=10, workers=1, degrade=0.5), 0, 4, 30),
    ],
)
def test_each_option_adds_its_part(options, minutes, waiting, delay):
    """Fixed latency, slow paths, leaks and the capacity model add up."""
    assert Delays(options).next("/feedback", minutes, waiting) == delay


@pytest.mark.parametrize(
    ("path", "documented"),
    [
        ("/eater_receive_photo", 3100),
        ("/modify_food_record", 420),
        ("/manual_weight", 260),
        ("/eater_get_today", 800),
        ("/delete_food", 480),
        ("/feedback", 510),
    ],
)
def test_documented_medians(path, documented):
    """The documented latency has the sample report's medians, with noise."""
    delays = Delays(Options(latency="documented"))
    drawn = [delays.next(path, 0, 0) for _ in range(2000)]
    assert median(drawn) == pytest.approx(documented, rel=0.03)
    assert len(set(drawn)) == 2000


def test_a_mix_is_drawn_in_its_shares_and_remembered():
    """The same seed draws the same delays, and each that was used can be read back, in order."""
    mixed = Options(latency_mix=((20, 0.9), (1000, 0.1)), seed=1)
    delays, again = Delays(mixed), Delays(mixed)
    drawn = [delays.next("/feedback", 0, 0) for _ in range(5000)]
    assert drawn == [again.next("/feedback", 0, 0) for _ in range(5000)]
    assert drawn.count(1000) == pytest.approx(500, rel=0.15)
    assert [ms for _, ms in delays.used] == drawn
