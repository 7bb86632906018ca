"""How long whoever gave a wrong password has to wait before the next try."""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

FIRST_DELAY_S = 1.0
LONGEST_DELAY_S = 30.0

MOST_ADDRESSES = 1000
"""As many are remembered, those that tried last."""

SITE_PREFIX = 64
"""An IPv6 address's network: whoever has one of its addresses has them all."""


class Throttle:
    """Doubles the wait of an address with each wrong password in a row, and forgets it after a right one."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, tuple[int, float]] = {}
        """By address: how many wrong ones in a row, and from when on the next may come."""

    def wait_s(self, address: str) -> float:
        """For how many more seconds no password of this address's is looked at; 0 when it may try."""
        _, until = self._wrong.get(_site(address), (0, 0.0))
        return max(0.0, until - self._clock())

    def note(self, address: str, is_right: bool) -> None:
        """A password of this address's was looked at."""
        site = _site(address)
        wrong, _ = self._wrong.pop(site, (0, 0.0))
        if is_right:
            return
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(wrong, 10))
        self._wrong[site] = (wrong + 1, self._clock() + delay)
        if len(self._wrong) > MOST_ADDRESSES:
            del self._wrong[next(iter(self._wrong))]


def _site(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address) and not parsed.ipv4_mapped:
        return str(ip_network((parsed, SITE_PREFIX), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
