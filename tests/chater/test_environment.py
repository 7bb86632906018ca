"""What is empty is not set, a .env file may be written as people write it, and slips are told."""

import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater import textfiles
from chaterload.chater.environment import VARIABLES, cluster_key, load_settings, misspelt, read_env_file, read_pipes
from chaterload.exits import Refused

LINES = """# a comment
export TEST_AUTH_NAME="Ann"
TEST_JWT_SECRET='${HOME} and $HOME'
TEST_AUTH_EMAIL=${TEST_AUTH_NAME}@example.com
TEST_FEEDBACK_TEXT="größer # kein Kommentar"
TEST_PHOTO_TYPE=
TARGET_HOST=http://h:5000/
"""
HELD = {
    "TEST_AUTH_NAME": "Ann",
    "TEST_JWT_SECRET": "${HOME} and $HOME",
    "TEST_AUTH_EMAIL": "Ann@example.com",
    "TEST_FEEDBACK_TEXT": "größer # kein Kommentar",
    "TARGET_HOST": "http://h:5000/",
}


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """A working directory of the test's own, and an environment that is put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(textfiles, "_pipes", {})
    before = dict(os.environ)
    yield tmp_path
    for name in set(os.environ) - set(before):
        del os.environ[name]


def held():
    return {name: os.environ[name] for name in (*HELD, "TEST_PHOTO_TYPE") if name in os.environ}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_env_file(folder, encoding, line_end):
    """Comments, quotes and encodings are as people have them; single quotes keep ${NAME} as it stands."""
    (folder / ".env").write_bytes(LINES.replace("\n", line_end).encode(encoding))
    read_env_file()
    assert held() == HELD


def test_an_env_file_through_a_pipe(folder):
    """A .env that a store of secrets serves as a pipe is read once, and again whenever Locust's parser asks."""
    os.mkfifo(folder / ".env")
    writer = threading.Thread(target=(folder / ".env").write_text, args=(LINES,), kwargs={"encoding": "utf-8"})
    writer.start()
    read_env_file()
    writer.join()
    read_env_file()
    assert held() == HELD


def test_the_environment_comes_first(folder, monkeypatch):
    """A variable of the environment wins over the file's, unless it is empty, which is not set."""
    monkeypatch.setenv("TEST_AUTH_NAME", "Bob")
    monkeypatch.setenv("TEST_PHOTO_TYPE", "")
    (folder / ".env").write_text("TEST_AUTH_NAME=Ann\nTEST_PHOTO_TYPE=other\n")
    read_env_file()
    assert held() == {"TEST_AUTH_NAME": "Bob", "TEST_PHOTO_TYPE": "other"}


def test_empty_is_not_set(folder, monkeypatch):
    """Empty variables of settings and options are gone, wherever they come from; others' are left alone."""
    for name in ("TEST_ACCOUNTS", "target_host", "TEST_STRATEGY_USERS", "LOCUST_USERS", "SOMEBODY_ELSES"):
        monkeypatch.setenv(name, "")
    (folder / ".env").write_text("TEST_STRATEGY_SCALE=\nTEST_ABORT_AFTER=5\n")
    options = ["TEST_STRATEGY_USERS", "LOCUST_USERS", "TEST_STRATEGY_SCALE", "TEST_ABORT_AFTER"]
    read_env_file(options)
    left = {name: os.environ.get(name) for name in (*options, "TEST_ACCOUNTS", "target_host", "SOMEBODY_ELSES")}
    assert {name: value for name, value in left.items() if value is not None} == {
        "TEST_ABORT_AFTER": "5",
        "SOMEBODY_ELSES": "",
    }


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(b"TEST_AUTH_NAME=\0"), "is not text"),
        (lambda path: path.symlink_to("/dev/zero"), "holds more than 64 MB"),
    ],
    ids=["binary", "endless"],
)
def test_an_env_file_that_cannot_be_read(folder, make, reason):
    """A .env file that is there and is none is refused, and its settings are not quietly left out."""
    make(folder / ".env")
    with pytest.raises(Refused) as refused:
        read_env_file()
    assert refused.value.problems == (f"The file .env {reason}. Expected lines of NAME=value.",)


def test_an_env_file_without_permission(folder, monkeypatch):
    """A .env file that only others may read is refused with the system's reason."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    (folder / ".env").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(Refused, match=r"The file .env cannot be read \(Permission denied\)"):
        read_env_file()


@pytest.mark.parametrize("make", [None, "folder", "link to nothing"])
def test_no_env_file(folder, make):
    """No file, a folder as some keep a virtual environment in, and a link to nothing are no .env file."""
    if make == "folder":
        (folder / ".env").mkdir()
    elif make:
        (folder / ".env").symlink_to("nothing")
    read_env_file()
    assert held() == {}


def test_a_line_that_is_none_is_told_once(folder, caplog):
    """A line that cannot be read is told, once, and the others count."""
    (folder / ".env").write_text("TEST_AUTH_NAME=Ann\nTEST_PHOTO_TYPE='other\n")
    read_env_file()
    read_env_file()
    assert held() == {"TEST_AUTH_NAME": "Ann"}
    assert len(caplog.messages) == 1
    assert "line 2" in caplog.text


PIECES = ["TEST_AUTH_NAME", "=", "'", '"', "${", "}", "\n", "#", "é", "export "]


@given(st.binary() | st.lists(st.sampled_from(PIECES)).map(lambda pieces: "".join(pieces).encode()))
def test_any_env_file_is_read_or_refused(tmp_path_factory, content):
    """No content of a .env file does more than set variables or be refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.getbasetemp())
        patch.setattr(os, "environ", environment := dict(os.environ))
        (tmp_path_factory.getbasetemp() / ".env").write_bytes(content)
        problems = ""
        try:
            read_env_file()
        except Refused as refused:
            problems = str(refused)
    assert problems in ("", "The file .env is not text. Expected lines of NAME=value.")
    assert all(isinstance(value, str) for value in environment.values())


def test_pipes_are_read_before_others_are_forked(folder, monkeypatch):
    """What only one process can read, every process that is forked later has."""
    os.mkfifo(folder / "token")
    (folder / "image.png").write_bytes(b"\xff\xd8\xff")
    monkeypatch.setenv("TEST_USER_TOKEN_FILE", "token\n")
    monkeypatch.setenv("TEST_PHOTO_PATH", "image.png")
    monkeypatch.setenv("TEST_ACCOUNTS_FILE", "/nowhere")
    writer = threading.Thread(target=(folder / "token").write_text, args=("a token",))
    writer.start()
    read_pipes()
    writer.join()
    assert list(textfiles._pipes.values()) == [b"a token"]
    monkeypatch.delenv("TEST_ACCOUNTS_FILE")
    path = load_settings().user_token_file
    assert path is not None
    assert path == folder / "token"
    assert textfiles.read_text(path) == "a token"


def test_slips():
    """A variable that looks like one of ours, and is none, is told with what may be meant."""
    known = [*VARIABLES, "TEST_STRATEGY"]
    assert misspelt([*known, "TEST_TMPDIR", "TEST_STRATEGIE", "TEST_ACOUNTS_FILE"], ["TEST_STRATEGY"]) == [
        "TEST_ACOUNTS_FILE is no setting and is ignored. Did you mean TEST_ACCOUNTS_FILE?",
        "TEST_STRATEGIE is no setting and is ignored. Did you mean TEST_STRATEGY?",
    ]


@pytest.mark.parametrize(
    ("name", "value", "key"),
    [
        ("TEST_CLUSTER_KEY", "a key of the cluster", b"a key of the cluster"),
        ("test_cluster_key", " a key of the cluster\n", b"a key of the cluster"),
        ("TEST_OTHER", "x", None),
    ],
)
def test_the_key_of_a_cluster(monkeypatch, name, value, key):
    """It is read as all settings are, and before they are."""
    monkeypatch.setenv(name, value)
    assert cluster_key() == key
    told = load_settings().cluster_key
    assert (told.get_secret_value().encode() if told else None) == key
