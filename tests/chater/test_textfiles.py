"""Every file that people give is read whole, in any usual encoding, or refused in a sentence, and soon."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater import textfiles
from chaterload.chater.textfiles import SIZE_LIMIT, decode, find_file, read_bytes, read_text


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """No pipe has been read yet, and patience is short."""
    monkeypatch.setattr(textfiles, "_pipes", {})
    monkeypatch.setattr(textfiles, "_waited_s", 0.0)
    monkeypatch.setattr(textfiles, "TIME_LIMIT_S", 0.3)


@pytest.fixture
def fifo(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    return path


def write(path, *blocks):
    """Somebody who writes to a pipe, block by block, until it is read."""
    with path.open("wb") as file:
        for block in blocks:
            file.write(block)
            file.flush()


def reason(path):
    with pytest.raises(ValueError, match=r"^[a-z]") as error:
        read_bytes(path)
    return str(error.value)


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 << 20])
def test_a_pipe_is_read_whole_and_once(fifo, monkeypatch, size):
    """What came through a pipe is there for whoever asks later, too."""
    monkeypatch.setattr(textfiles, "TIME_LIMIT_S", 10.0)
    data = os.urandom(size)
    writer = threading.Thread(target=write, args=(fifo, data[: size // 2], data[size // 2 :]))
    writer.start()
    assert read_bytes(fifo) == data
    writer.join()
    assert read_bytes(fifo) == data


def test_standard_input(monkeypatch, tmp_path):
    """A pipe, and a file, at /dev/stdin are read."""
    inside, outside = os.pipe()
    os.write(outside, b"from a pipe")
    os.close(outside)
    before = os.dup(0)
    try:
        os.dup2(inside, 0)
        assert read_text(Path("/dev/stdin")) == "from a pipe"
        textfiles._pipes.clear()
        (tmp_path / "file").write_text("from a file")
        file = os.open(tmp_path / "file", os.O_RDONLY)
        os.dup2(file, 0)
        os.close(file)
        assert [read_text(Path("/dev/stdin")) for _ in range(2)] == ["from a file"] * 2
    finally:
        os.dup2(before, 0)
        for descriptor in (before, inside):
            os.close(descriptor)


def test_pipes_that_stay_silent(tmp_path):
    """Pipes without a word, or without an end, take one patience together, and are not waited for again."""
    pipes = [tmp_path / name for name in "abc"]
    for path in pipes:
        os.mkfifo(path)
    with pipes[2].open("r+b", buffering=0) as open_end:
        open_end.write(b"and never ends")
        began = time.monotonic()
        assert [reason(path) for path in (*pipes, *pipes)] == ["did not end within 0 s"] * 6
        assert time.monotonic() - began < 3


def test_what_cannot_be_read(tmp_path, monkeypatch):
    """Each reason of the system is the end of a sentence."""
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        reasons = [reason(tmp_path / name) for name in ("none", "loop", "socket", "x" * 300)]
    assert reasons == [
        "does not exist",
        "cannot be read (Too many levels of symbolic links)",
        "cannot be read (No such device or address)",
        "cannot be read (File name too long)",
    ]
    assert reason(tmp_path) == "cannot be read (Is a directory)"
    assert reason(Path("/dev/zero")) == f"holds more than {SIZE_LIMIT >> 20} MB"

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert reason(tmp_path / "none") == "cannot be read (Permission denied)"


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")) | st.sampled_from("\n\r\t"), max_size=40)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"])


@given(TEXT.map(lambda text: "a" + text), ENCODINGS)
def test_unicode_is_read_back(text, encoding):
    """UTF-8, and what starts with a byte order mark, is read as it was written."""
    assert decode(text.encode(encoding)) == text


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=4), st.sampled_from(["le", "be"]))
def test_utf16_without_a_mark(text, order):
    """UTF-16 is known without a byte order mark, by the nulls of its first letters."""
    assert decode(text.encode(f"utf-16-{order}")) == text


def test_latin_1():
    """What is no UTF-8 is Latin-1, and Windows' own letters are what Windows means by them."""
    assert decode("Jürgen, größer".encode("latin-1")) == "Jürgen, größer"
    assert decode("20 € “quoted”".encode("cp1252")) == "20 € “quoted”"


@given(st.binary())
def test_any_bytes_are_text_or_refused(raw):
    """No bytes do more than be read as a text without control characters, or be called none."""
    try:
        text = decode(raw)
    except ValueError as error:
        assert str(error) == "is not text"  # noqa: PT017  # an error is one of two good ends
    else:
        assert "\0" not in text


def mounted(folder, **files):
    """A folder as Kubernetes mounts a ConfigMap or a Secret: links to files behind names with a dot in front."""
    version = folder / "..2026_11_26_01_02_03.456"
    version.mkdir(parents=True)
    (folder / "..data").symlink_to(version.name)
    for name, text in files.items():
        (version / name).write_text(text)
        (folder / name).symlink_to(Path("..data", name))
    return folder


def test_a_folder_stands_for_its_file(tmp_path):
    """A folder is the one file in it, or none when it is empty; several are refused; any other path is what it is."""
    one = mounted(tmp_path / "one", mine="text")
    assert find_file(one) == one / "mine"
    assert read_text(one / "mine") == "text"
    assert find_file(mounted(tmp_path / "none")) is None
    (tmp_path / "empty").mkdir()
    assert find_file(tmp_path / "empty") is None
    with pytest.raises(ValueError, match=r"^is a folder that holds 2 files instead of one$"):
        find_file(mounted(tmp_path / "two", mine="", other=""))
    for path in (one / "mine", tmp_path / "missing", Path("/dev/null")):
        assert find_file(path) == path


def test_a_folder_that_cannot_be_looked_into(tmp_path, monkeypatch):
    """It is refused with the reason, and not taken for an empty one."""

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ValueError, match=r"^cannot be read \(Permission denied\)$"):
        find_file(tmp_path)
