"""Files are whole, or as they were."""

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.report.files import write_whole


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_and_its_folder(tmp_path):
    """A file is written with the folders above it, readable by its owner alone, and nothing is beside it."""
    path = tmp_path / "a" / "b" / "verdict.json"
    write_whole(path, "żółw\n")
    assert path.read_text(encoding="utf-8") == "żółw\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert names(path.parent) == ["verdict.json"]


def test_an_old_file_is_replaced(tmp_path):
    """A file that is there is replaced by the new one."""
    path = tmp_path / "verdict.json"
    path.write_text("old and much longer")
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert names(tmp_path) == ["verdict.json"]


def test_what_is_no_character(tmp_path):
    """A name or a text of others that no encoding can write keeps nobody from the rest."""
    write_whole(tmp_path / "page.html", "folder \udcff")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "folder ?"


class DiskFullError(OSError):
    """What a full disk raises."""


@pytest.mark.parametrize("broken", ["write", "replace"])
def test_when_writing_fails(tmp_path, monkeypatch, broken):
    """When the disk is full or the new name is refused, the old file is as it was and nothing is beside it."""
    path = tmp_path / "verdict.json"
    path.write_text("old")

    def fail(*_):
        raise DiskFullError(28, "No space left on device")

    if broken == "replace":
        monkeypatch.setattr(Path, "replace", fail)
        text: Any = "new"
    else:
        text = b"new"  # which a file of text does not take
    with pytest.raises((DiskFullError, TypeError)):
        write_whole(path, text)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["verdict.json"]


def test_a_path_that_cannot_be(tmp_path):
    """A path below a file, and a path that is a folder, are OSErrors with a reason, and leave nothing."""
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "verdict.json", tmp_path / "folder"):
        with pytest.raises(OSError, match=r".") as error:
            write_whole(path, "text")
        assert error.value.strerror
    assert names(tmp_path) == ["file", "folder"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r")))
def test_any_text_is_kept(tmp_path_factory, text):
    """Whatever the text, the file holds it."""
    path = tmp_path_factory.mktemp("any") / "verdict"
    write_whole(path, text)
    assert path.read_text(encoding="utf-8") == text
