"""What stands before every page of the web UI: whom it answers, how much it reads, what it tells browsers.

A page on a foreign site can make the browser of somebody who works here send requests to this web UI. So a request that
changes something has to come from a page of our own, and every request has to call the web UI by a name that it knows:
a foreign name that suddenly resolves to this machine (DNS rebinding) would make a foreign page one of ours.
"""

import io
import logging
import re
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import Any

from chaterload.exits import Refused
from chaterload.web.server import BODY_IS_READ, LOCAL_ADDRESS

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
StartResponse = Callable[..., Callable[[bytes], object]]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]

MOST_BODY_BYTES = 64 * 1024
"""A form has some hundred, the class picker's dialogue some thousand."""

READING = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods by which no page of Locust's or ours changes anything."""

ALWAYS_KNOWN = frozenset(("localhost", "127.0.0.1", "[::1]"))
ANY_ADDRESS = frozenset(("", "*", "0.0.0.0", "::", "[::]"))  # noqa: S104  # compared, not bound

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")
_NAME = re.compile(r"[a-z0-9._-]+")

FIXED_HEADERS: Headers = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
]


class _Turned(Exception):
    """A request is turned away, with this status and for this reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def known_names(web_host: str, known_as: Iterable[str]) -> frozenset[str]:
    """The names under which the web UI answers, as they stand in a Host header. Refused when one is no name."""
    names = {_as_in_header(name.strip()) for entry in known_as for name in entry.split(",") if name.strip()}
    bound = set() if web_host in ANY_ADDRESS else {_as_in_header(web_host)}
    return ALWAYS_KNOWN | names | bound


def _as_in_header(name: str) -> str:
    """A name in lower case, an IPv6 address in brackets."""
    name = name.lower()
    try:
        address = ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        if not _NAME.fullmatch(name):
            raise Refused(
                f"--web-known-as {name!r} is no host name. Expected a name or an address, such as load.example.com, "
                "without scheme, port and path; several with commas between."
            ) from None
        return name
    return f"[{address}]" if address.version == 6 else str(address)


class Gate:
    """A WSGI application around the web UI's own."""

    def __init__(self, application: Application, names: frozenset[str], *, any_address: bool) -> None:
        """`any_address` when the web UI listens on each address of this machine: then it is known by all of them."""
        self._application = application
        self._names = names
        self._any_address = any_address

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], object]:
            return start_response(status, _guarded(headers), exc_info)

        try:
            _check_length(environ)
            self._check_name(environ)
            if environ["REQUEST_METHOD"] not in READING:
                _check_origin(environ)
            _read_body(environ)
        except _Turned as turned:
            return _turn_away(environ, turned, start)
        return self._application(environ, start)

    def _check_name(self, environ: Environ) -> None:
        host = environ.get("HTTP_HOST", "").lower()
        matched = _HOST.fullmatch(host)
        name = matched["name"] if matched else ""
        if name in self._names or (self._any_address and name and name == _local_name(environ)):
            return
        what = f"by the name {name}" if name else "without a name"
        raise _Turned(
            "403 Forbidden",
            f"This web UI is not known {what}. Open it as localhost, or start Locust with --web-known-as "
            f"{name or 'NAME'}.",
        )


def _local_name(environ: Environ) -> str:
    """The address that the request came to, which unlike a name cannot be made to lead elsewhere."""
    address = environ.get(LOCAL_ADDRESS, "")
    if not address:
        return ""
    parsed = ip_address(address.partition("%")[0])
    return _as_in_header(str(getattr(parsed, "ipv4_mapped", None) or parsed))


def _check_origin(environ: Environ) -> None:
    """Turn away what changes something and does not come from a page of ours. Browsers send at least one of the two."""
    host = environ.get("HTTP_HOST", "").lower()
    origin, site = environ.get("HTTP_ORIGIN"), environ.get("HTTP_SEC_FETCH_SITE")
    # behind a proxy that speaks TLS the page's scheme is https where ours is http
    schemes = ("https",) if environ["wsgi.url_scheme"] == "https" else ("http", "https")
    own = [f"{scheme}://{host}" for scheme in schemes]
    if site not in (None, "same-origin") or (origin is not None and origin.lower() not in own):
        raise _Turned("403 Forbidden", "This request was made by a page of another site. Only this web UI's own may.")
    if origin is None and site is None:
        raise _Turned(
            "403 Forbidden", f"This request names no page that made it. Scripts send the header Origin: {own[0]}"
        )


def _check_length(environ: Environ) -> None:
    length = environ.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MOST_BODY_BYTES:
        raise _too_large()


def _read_body(environ: Environ) -> None:
    """Read the whole body, of a length that was declared or not, so that nothing behind reads more."""
    has_body = environ.get("CONTENT_LENGTH") or environ.get("HTTP_TRANSFER_ENCODING")
    try:
        body = environ["wsgi.input"].read(MOST_BODY_BYTES + 1) if has_body else b""
    except OSError:
        raise _Turned("400 Bad Request", "The request's body did not arrive in time, or not as announced.") from None
    if len(body) > MOST_BODY_BYTES:
        raise _too_large()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ.get(BODY_IS_READ, lambda: None)()


def _too_large() -> _Turned:
    return _Turned("413 Content Too Large", f"The request's body is larger than {MOST_BODY_BYTES} bytes.")


def _turn_away(environ: Environ, turned: _Turned, start: StartResponse) -> Iterable[bytes]:
    origin = environ.get("HTTP_ORIGIN", "unknown")[:100]
    logger.warning("The web UI turned a request away (origin %r): %s", origin, turned)
    text = f"{turned}\n".encode()
    headers = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(text))),
        ("Connection", "close"),
    ]
    start(turned.status, headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]


def _guarded(headers: Headers) -> Headers:
    """The headers of an answer without leave for other origins, and with what else we tell browsers."""
    fixed = {name.lower() for name, _ in FIXED_HEADERS}
    kept = [
        (name, value)
        for name, value in headers
        if not name.lower().startswith("access-control-") and name.lower() not in fixed
    ]
    return [*kept, *FIXED_HEADERS]
