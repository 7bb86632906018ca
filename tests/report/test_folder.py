"""The folder of a run: its name, and what is kept to repeat the run."""

import io
import logging
import stat
from datetime import UTC, datetime

import pytest
from dotenv import dotenv_values

from chaterload.report.folder import could_write, new_folder, to_env

START = datetime(2026, 11, 22, 14, 5, 9, 999_000, tzinfo=UTC)


def test_folders_of_the_same_second(tmp_path):
    """Runs that start in one second get a folder each, in an order that `ls` keeps, for their owner alone."""
    parent = tmp_path / "not" / "yet"
    folders = [new_folder(parent, START) for _ in range(3)]
    assert [folder.name for folder in folders] == [
        "2026-11-22T14-05-09Z",
        "2026-11-22T14-05-09Z-2",
        "2026-11-22T14-05-09Z-3",
    ]
    assert folders == sorted(folders)
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}


@pytest.mark.parametrize(
    "value",
    ["en", "two words", "", " in front", "a # b", "it's", 'say "x"', "two\nlines", "żółw 🍲", "C:\\new", "it's \\n"],
)
def test_variables_are_read_back(value):
    """What a .env file of a run holds is read as it was given."""
    text = to_env({"TEST_B": value, "TEST_A": "1"}, ["--headless", "--users", "5"])
    assert dotenv_values(stream=io.StringIO(text), interpolate=False) == {"TEST_A": "1", "TEST_B": value}


def test_the_command_is_a_comment():
    """The command stands in a comment as a shell takes it, whatever its arguments hold."""
    text = to_env({}, ["--stand-in-options", "--latency\nTEST_A=1"])
    assert text.splitlines()[1] == "#   locust --stand-in-options '--latency"
    assert dotenv_values(stream=io.StringIO(text)) == {}


def test_what_could_not_be_written_is_logged(tmp_path, caplog):
    """A file that cannot be written is named with the reason."""
    with caplog.at_level(logging.ERROR):
        assert could_write("a", lambda: (tmp_path / "a").write_text("x"))
        assert not could_write("b", lambda: (tmp_path / "a" / "b").write_text("x"))
    assert caplog.messages == ["b could not be written: Not a directory"]
