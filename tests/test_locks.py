"""The locks are what the ranges allow, whole, and tied to no machine."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
RUN, DEV, IMAGE = "requirements.lock", "requirements-dev.lock", "requirements-image.lock"
LOCKS = (RUN, DEV, IMAGE)

_ENTRY = re.compile(r"^(\S+)==(\S+?)(?: ; .+?)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def locked(name):
    """The one version of each package in a lock."""
    return {entry[0]: entry[1] for entry in _ENTRY.findall((ROOT / name).read_text())}


def ranges(*names):
    """What the files of ranges ask for themselves."""
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-r"))]


@pytest.mark.parametrize(
    ("lock", "files", "left_out"),
    [
        (RUN, ["requirements.txt"], set()),
        (DEV, ["requirements.txt", "requirements-dev.txt"], set()),
        (IMAGE, ["requirements.txt"], {"grpcio-tools"}),
    ],
)
def test_each_lock_is_what_the_ranges_allow(lock, files, left_out):
    """Each range has its package in the lock, in a version that it allows; the image lacks what it never runs."""
    versions = locked(lock)
    for asked in ranges(*files):
        name = canonicalize_name(asked.name)
        if name in left_out:
            assert name not in versions
        else:
            assert asked.specifier.contains(versions[name]), f"`make lock` is due: {asked}, locked {versions[name]}"


def test_all_install_the_same():
    """What the image and a run install is what the tests ran with."""
    tested = locked(DEV)
    for lock in (RUN, IMAGE):
        assert locked(lock).items() <= tested.items(), "`make lock` is due"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_nothing_but_versions_and_hashes(lock):
    """Each line is a package in one version with hashes, or a comment: no registry, no path of a machine."""
    text = (ROOT / lock).read_text()
    rest = _ENTRY.sub("", text)
    assert all(not line or line.lstrip().startswith("#") for line in rest.splitlines()), rest
    assert not re.search(r"https?://|file:|/", text.replace("make lock", ""))


def test_each_way_to_install_takes_the_lock():
    """`make`, and the image, install by hash."""
    makefile, dockerfile = (ROOT / "Makefile").read_text(), (ROOT / "Dockerfile").read_text()
    assert re.search(r"\.run: requirements\.lock .*\n\t@echo .*\n.*--require-hashes", makefile)
    assert re.search(r"\.dev: requirements-dev\.lock .*\n\t@echo .*\n.*--require-hashes", makefile)
    assert re.search(r"--require-hashes -r requirements-image\.lock", dockerfile)
