"""The one way in for every file that people give us: regular ones, pipes, /dev/stdin; in any usual encoding."""

import json
import os
import re
import select
import stat
import time
from contextlib import suppress
from pathlib import Path

TIME_LIMIT_S = 6.0
"""For all pipes of a process together: nobody waits longer for a sentence, however many of them stay silent."""

SIZE_LIMIT = 64 << 20
"""Bytes; 100,000 accounts take half of it."""

_BLOCK = 1 << 20

_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b]")

_pipes: dict[Path, bytes | ValueError] = {}
"""What pipes held, or why they could not be read: they can be read only once, and are asked for again."""

_waited_s = 0.0


def read_bytes(path: Path) -> bytes:
    """All that `path` holds. ValueError, as the end of a sentence, when it cannot be read."""
    path = path.absolute()
    held = _pipes.get(path)
    if held is None:
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise _unreadable(error) from None
        try:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return _read_all(descriptor)
            held = _pipes[path] = _read_pipe(descriptor)
        finally:
            os.close(descriptor)
    if isinstance(held, ValueError):
        raise ValueError(*held.args)
    return held


def read_text(path: Path) -> str:
    """The text that `path` holds. ValueError, as the end of a sentence, when it cannot be read or is no text."""
    return decode(read_bytes(path))


def decode(raw: bytes) -> str:
    """`raw` as text: UTF-8, UTF-16 or UTF-32, with or without a byte order mark, else Windows-1252.

    The last is Latin-1 with letters where that has none.
    """
    for encoding in (json.detect_encoding(raw), "cp1252"):
        with suppress(UnicodeDecodeError):
            text = raw.decode(encoding)
            if not _NO_TEXT.search(text):
                return text
    raise ValueError("is not text")


def is_folder(path: Path) -> bool:
    """Whether `path` is a folder; what cannot be looked at is none, and whoever reads it finds out why."""
    with suppress(OSError):
        return path.is_dir()
    return False


def find_file(path: Path) -> Path | None:
    """The file that `path` stands for: itself, or the only one of a folder; None where that is empty.

    A ConfigMap or Secret that may be absent is mounted as an empty folder; one that is there has further names, with a
    dot in front. ValueError, as the end of a sentence, when a folder holds several.
    """
    if not is_folder(path):
        return path
    try:
        held = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise _unreadable(error) from None
    if len(held) > 1:
        raise ValueError(f"is a folder that holds {len(held)} files instead of one")
    return held[0] if held else None


def _read_pipe(descriptor: int) -> bytes | ValueError:
    try:
        return _read_all(descriptor)
    except ValueError as error:
        return error


def _read_all(descriptor: int) -> bytes:
    blocks: list[bytes] = []
    read = 0
    try:
        while block := _read_block(descriptor):
            blocks.append(block)
            read += len(block)
            if read > SIZE_LIMIT:
                raise ValueError(f"holds more than {SIZE_LIMIT >> 20} MB")
    except OSError as error:
        raise _unreadable(error) from None
    return b"".join(blocks)


def _read_block(descriptor: int) -> bytes:
    """The next bytes, none at the end. Waits for a pipe, to which nobody may ever write."""
    global _waited_s
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        began = time.monotonic()
        ready, _, _ = select.select([descriptor], [], [], max(0.0, TIME_LIMIT_S - _waited_s))
        _waited_s += time.monotonic() - began
        if not ready:
            raise ValueError(f"did not end within {TIME_LIMIT_S:.0f} s")
    return os.read(descriptor, _BLOCK)


def _unreadable(error: OSError) -> ValueError:
    if isinstance(error, FileNotFoundError):
        return ValueError("does not exist")
    return ValueError(f"cannot be read ({error.strerror or type(error).__name__})")
