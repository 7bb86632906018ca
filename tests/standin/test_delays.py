"""Delays follow the options, and are remembered."""

from statistics import median

import pytest

from chaterload.standin.delays import Delays
from chaterload.standin.endpoints import ENDPOINTS
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
        ("/modify_food_record", 511),
        ("/manual_weight", 260),
        ("/eater_get_today", 800),
        ("/delete_food", 514),
        ("/feedback", 514),
        ("/eater_auth", 6),
    ],
)
def test_documented_medians(path, documented):
    """The documented latency has the sample report's medians, with noise, where one poll is not longer."""
    delays = Delays(Options(latency="documented"))
    drawn = [delays.next(path, 0, 0) for _ in range(2000)]
    assert median(drawn) == pytest.approx(documented, rel=0.03)
    assert len(set(drawn)) > 1900
    assert max(drawn) <= max(1.5 * documented, 521)


@pytest.mark.parametrize("latency", ["idle", "documented"])
def test_nothing_that_polls_comes_before_its_poll(latency):
    """Every half a second the server asks Redis: no endpoint that waits for the backend is quicker."""
    delays = Delays(Options(latency=latency))
    for endpoint in ENDPOINTS:
        drawn = [delays.next(endpoint.path, 0, 0) for _ in range(200)]
        assert (min(drawn) >= 500) == endpoint.polls, endpoint.path


def test_delays_are_drawn_anew_and_remembered():
    """The same seed draws the same delays, and each that was used can be read back, in order."""
    noisy = Options(latency="documented", seed=1)
    delays, again = Delays(noisy), Delays(noisy)
    drawn = [delays.next("/feedback", 0, 0) for _ in range(50)]
    assert drawn == [again.next("/feedback", 0, 0) for _ in range(50)]
    assert [ms for _, ms in delays.used] == drawn
