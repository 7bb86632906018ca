"""Which hosts may be loaded: a test cluster by default, any other only when it is named."""

import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from urllib.parse import urlsplit

# Names that no public DNS serves (RFC 2606, RFC 6762, RFC 9476 and Kubernetes' own).
_INTERNAL_SUFFIXES = (".svc", ".svc.cluster.local", ".local", ".internal", ".test", ".localhost")

_NAME = re.compile(r"[a-z0-9._-]+")
"""What a name is made of: `example.com\\.test` may be read as two."""

HOST_SHAPE = "http://NAME:PORT or https://NAME:PORT"


def host_problem(url: str) -> str | None:
    """What is wrong with the shape of `url`, as the end of a sentence; None when it is a usable base URL."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError where it is no number from 0 to 65535
    except ValueError as error:
        return f"is not a URL ({error})"
    if parts.scheme not in ("http", "https"):
        return "has no http:// or https:// in front"
    if not parts.hostname:
        return "names no host"
    if not parts.hostname.isascii():
        return "has a name beyond ASCII, which resolvers may read as another one"
    if parts.username or parts.password:
        return "carries a user name or password, which would be printed"
    if parts.query or parts.fragment or any(c in '<>"' or c.isspace() or ord(c) < 32 for c in url):
        return "is more than a base URL"
    return None


def is_internal(hostname: str) -> bool:
    """Loopback, private and link-local addresses, single-label and cluster-internal names."""
    name = _plain(hostname)
    address = _address(name)
    if address is None:
        return _NAME.fullmatch(name) is not None and ("." not in name or name.endswith(_INTERNAL_SUFFIXES))
    return address.is_loopback or address.is_private or address.is_link_local


def _plain(hostname: str) -> str:
    """`hostname` as names are compared: in lower case, without the dot of the root."""
    return hostname.lower().rstrip(".")


def _address(name: str) -> IPv4Address | IPv6Address | None:
    """The address that `name` spells, also in the shorthands that resolvers accept (`134744072`, `0x8.8`)."""
    try:
        address = ip_address(name)
    except ValueError:
        try:
            return ip_address(inet_aton(name))
        except (OSError, ValueError):
            return None
    return getattr(address, "ipv4_mapped", None) or address


def refusal(url: str, allowed: Collection[str]) -> str | None:
    """Why `url` must not be loaded, as a whole sentence, or None. `allowed` holds host names, without ports."""
    problem = host_problem(url)
    if problem:
        return f"The host {without_password(url)!r} {problem}. Expected {HOST_SHAPE}."
    name = _plain(urlsplit(url).hostname or "")
    if is_internal(name) or name in {_plain(host) for host in allowed}:
        return None
    return (
        f"The host {name!r} is neither local nor internal to a cluster. If you may load it, say so: "
        f"--allow-host {name} or TEST_ALLOW_HOST={name}."
    )


def without_password(url: str) -> str:
    """`url` as it may be shown: without what stands before the last @."""
    _, at, tail = url.rpartition("@")
    return f"…@{tail}" if at else url
