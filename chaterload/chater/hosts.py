"""Which hosts may be loaded: a test cluster by default, any other only when it is named."""

import re
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import inet_aton
from urllib.parse import SplitResult, urlsplit

from chaterload.exits import Refused

# Names that no public DNS serves (RFC 2606, RFC 6762, RFC 9476 and Kubernetes' own).
_INTERNAL_SUFFIXES = (".svc", ".svc.cluster.local", ".local", ".internal", ".test", ".localhost")

_NAME = re.compile(r"[a-z0-9._-]+")
"""What a name is made of: `example.com\\.test` may be read as two."""

_PRINTABLE = re.compile(r"[^\s<>\"\x00-\x1f\x7f]+")

_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
"""RFC 3986's characters; a server would refuse others, or a client encode them."""

HOST_SHAPE = "http://NAME:PORT or https://NAME:PORT"


def base_url(text: str) -> str:
    """The one way to write the base URL that `text` means. ValueError, as the end of a sentence, when it means none.

    Whatever way a host comes in, it comes through here: without white space around, in lower case, without a slash at
    the end or two in a row.
    """
    url = text.strip()
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is not a URL") from None
    try:
        port = parts.port
    except ValueError:  # whose text repeats it, and it may be half a password
        raise ValueError("has a port that is no number from 0 to 65535") from None
    problem = _problem(url, parts)
    if problem:
        raise ValueError(problem)
    name = (parts.hostname or "").lower()
    where = f"[{name}]" if ":" in name else name
    path = re.sub("/+", "/", parts.path).rstrip("/")
    return f"{parts.scheme}://{where}{'' if port is None else f':{port}'}{path}"


def _problem(url: str, parts: SplitResult) -> str | None:
    """What is wrong with the shape of `url`, as the end of a sentence."""
    if parts.scheme not in ("http", "https"):
        return "has no http:// or https:// in front"
    if not parts.hostname:
        return "names no host"
    if not parts.hostname.isascii():
        return "has a name beyond ASCII, which resolvers may read as another one"
    if parts.username or parts.password:
        return "carries a user name or password, which would be printed"
    if parts.query or parts.fragment or not _PRINTABLE.fullmatch(url) or not _PATH.fullmatch(parts.path):
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


def take_host(text: str) -> str:
    """`text` as a base URL. Refused when it is none."""
    try:
        return base_url(text)
    except ValueError as problem:
        raise Refused(f"The host {without_password(text)!r} {problem}. Expected {HOST_SHAPE}.") from None


def host_to_load(text: str, allowed: Collection[str]) -> str:
    """`text` as a base URL that may be loaded. Refused otherwise. `allowed` holds names, or base URLs of them."""
    url = take_host(text)
    name = _plain(urlsplit(url).hostname or "")
    if is_internal(name) or name in {allowed_name(host) for host in allowed}:
        return url
    raise Refused(
        f"The host {name!r} is neither local nor internal to a cluster. If you may load it, say so: "
        f"--allow-host {name} or TEST_ALLOW_HOST={name}."
    )


def allowed_name(text: str) -> str:
    """The name that `text` allows, which may be a base URL."""
    with suppress(ValueError):
        text = urlsplit(base_url(text)).hostname or text
    return _plain(text.strip())


def without_password(url: str) -> str:
    """`url` as it may be shown: without what stands before the last @."""
    _, at, tail = url.rpartition("@")
    return f"…@{tail}" if at else url
