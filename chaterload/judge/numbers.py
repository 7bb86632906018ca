"""How a number is written, in every sentence and table alike: 4.2 %, +22 %, 480 ms, 3.14 s, 52.3 req/s. Pure."""

from datetime import UTC, datetime
from decimal import Decimal

LONGEST = 1e15
"""From here on a number is written with a power of ten: nobody reads sixteen digits."""


def percent(share: float) -> str:
    """A share from 0 to 1. Only all of it is 100 %: 99.98 % is not."""
    digits = 2
    while (text := _positional(100 * share, digits)) == "100" and share < 1:
        digits += 1
    return f"{text} %"


def change(share: float) -> str:
    """By how much something grew or fell: +22 %, -80 %."""
    return f"{100 * share:+,.0f} %" if abs(share) < LONGEST else f"{100 * share:+.3g} %"


def milliseconds(ms: float) -> str:
    """A time that is given in ms: below a second in ms, else in seconds, to three digits."""
    return f"{ms:.0f} ms" if ms < 999.5 else f"{plain(ms / 1000)} s"


def rate(per_second: float) -> str:
    """Requests per second."""
    if 0 < per_second < 0.1:
        return f"{_positional(per_second, 2)} req/s"
    return f"{per_second:,.1f} req/s"


def clock(epoch_s: float) -> str:
    """A time of day, UTC: 16:52:43."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%H:%M:%S}"


def silence(seconds: float) -> str:
    """The longest time without an answer; 0 stands for one too short to be kept."""
    return milliseconds(seconds * 1000) if seconds else "below 1 s"


def plain(value: float) -> str:
    """A number without a unit, to three digits, or to the whole where that has more."""
    if abs(value) >= LONGEST:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else _positional(value, 3)


def _positional(value: float, digits: int) -> str:
    """So many significant digits, without a power of ten and without zeros at the end."""
    text = f"{Decimal(f'{value:.{digits - 1}e}'):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
