"""The process that is forked: `forkable.py SOCKET MODULE [IMPORT ...]` runs MODULE.main() in each fork.

Only the standard library is imported here, so that the module that is to come first does.
"""

import gc
import importlib
import json
import os
import socket
import sys
import time
from pathlib import Path

fork, waitpid = os.fork, os.waitpid  # before gevent replaces them

LONGEST = 1 << 20
"""Bytes of a request; an environment may be long."""


def main() -> None:
    requests = socket.socket(fileno=int(sys.argv[1]))
    sys.path[0] = str(Path(__file__).resolve().parents[2])
    for name in sys.argv[2:]:
        importlib.import_module(name)
    command = sys.modules[sys.argv[2]]
    gc.collect()
    gc.freeze()  # forks share what nobody writes to
    arguments = serve(requests)
    if "gevent" in sys.modules:
        sys.modules["gevent"].reinit()
    sys.argv = [str(Path(str(command.__file__)).with_name("__main__.py")), *arguments]
    sys.exit(command.main())


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request, until nobody can ask any more; returns in each fork, with its arguments."""
    while True:
        request, fds, *_ = socket.recv_fds(requests, LONGEST, 4)
        while reap():
            pass
        if not request:
            os._exit(0)
        if fork():
            for fd in fds:
                os.close(fd)
            continue
        requests.close()
        ended = fds.pop()
        child = fork()
        if child:
            tell(ended, child)
        os.close(ended)
        return become(fds, **json.loads(request))


def reap() -> bool:
    """Whether one of those that tell had ended."""
    try:
        return waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False


def tell(ended: int, child: int) -> None:
    """Say which process it is and, once it has ended, how."""
    os.write(ended, f"{child}\n".encode())
    os.write(ended, f"{waitpid(child, 0)[1]}\n".encode())
    os._exit(0)


def become(fds: list[int], arguments: list[str], env: dict[str, str], folder: str) -> list[str]:
    """Take the streams, the environment and the folder of the process that was asked for."""
    os.setsid()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    encoding = env.get("PYTHONIOENCODING", "utf-8")
    sys.stdin, sys.stdout, sys.stderr = (
        open(number, mode, buffering=1, encoding=encoding, closefd=False)  # noqa: SIM115
        for number, mode in enumerate(("r", "w", "w"))
    )
    sys.path[0] = folder
    return arguments


if __name__ == "__main__":
    main()
