"""The command: prints what to export to run against a stand-in, then serves until it is told to end."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence

import gevent
import gevent.socket

from chaterload.chater.tokens import make_token
from chaterload.standin.app import create_server
from chaterload.standin.options import Options, parse
from chaterload.standin.person import TOKEN_LIFETIME

BAD_OPTION = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until SIGTERM, SIGINT, or (with --watch-stdin) the end of stdin; gives the exit code."""
    options = parse(arguments)
    server = create_server(options)
    try:
        server.start()
    except OSError as error:
        reason = error.strerror or error
        print(f"The stand-in cannot listen on {options.host}: {reason}", file=sys.stderr)
        return BAD_OPTION
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, server.stop)
    if options.watch_stdin:
        gevent.spawn(_at_end_of_stdin, server.stop)
    print(exports(options, server.server_port), flush=True)
    server.serve_forever()
    return 0


def exports(options: Options, port: int) -> str:
    """What a shell needs to run against it."""
    found = {
        "TARGET_HOST": f"http://{_reached_at(options.host)}:{port}",
        "TEST_USER_TOKEN": make_token(options.secret, options.email, TOKEN_LIFETIME),
        "TEST_USER_EMAIL": options.email,
        "TEST_AUTH_TOKEN": make_token(options.secret, options.email, TOKEN_LIFETIME),
    }
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in found.items())


def _reached_at(host: str) -> str:
    """Where one finds who listens on `host`, as an address in a URL."""
    found = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{found}]" if ":" in found else found


def _at_end_of_stdin(stop: Callable[[], None]) -> None:
    stdin = sys.stdin.fileno()
    gevent.socket.wait_read(stdin)
    while os.read(stdin, 4096):
        gevent.socket.wait_read(stdin)
    stop()


if __name__ == "__main__":
    sys.exit(main())
