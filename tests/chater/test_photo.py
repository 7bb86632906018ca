"""The photo is found, recognised and encoded once."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaterload.chater.photo import Photo, find_photo, is_image
from chaterload.chater.settings import ROOT
from proto.eater_photo_pb2 import PhotoMessage

PNG = b"\x89PNG\r\n\x1a\n"


def box(major, *compatible):
    """The start of an ISO base media file."""
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return (len(body) + 4).to_bytes(4) + body + bytes(100)


IMAGES = [
    PNG,
    b"\xff\xd8\xff\xe0\x00\x10JFIF",
    b"GIF87a",
    b"GIF89a",
    b"BM\x46\x00\x00\x00\x00\x00\x00\x00\x36\x00",
    b"RIFF\x24\x00\x00\x00WEBPVP8 ",
    b"\x00\x00\x00\x18ftypheic",
    *(box(brand) for brand in (b"heic", b"heix", b"hevc", b"hevx", b"mif1", b"mif2", b"msf1", b"avif", b"avis")),
    box(b"MiHE", b"mif1", b"miaf", b"heic"),
]
OTHERS = [
    b"",
    b"\x89PN",
    b"\x89PNG\n\x1a\n",
    b"hello, world, hello",
    b"BMW is no bitmap",
    b"<svg xmlns=",
    b"%PDF-1.7",
    b"ABCDEFGHWEBP",
    b"RIFF\x24\x00\x00\x00WAVEfmt ",
    b"XXXXftyp",
    box(b"isom", b"mp42", b"avc1"),
    box(b"qt  "),
    box(b"mp42", b"isom") + b"heic",  # behind the box that says what it is
]


@pytest.mark.parametrize("data", IMAGES)
def test_images_are_known_by_their_first_bytes(data):
    """What a phone or a browser sends is an image, HEIF and AVIF by each of their brands."""
    assert is_image(data)


@pytest.mark.parametrize("data", OTHERS)
def test_what_is_no_image(data):
    """A text, a PDF, a video or half a signature is no image."""
    assert not is_image(data)


@given(st.binary())
def test_any_bytes_are_an_image_or_none(data):
    """No bytes raise, and none but those with a signature are an image."""
    assert not is_image(b"a" + data) or data[3:7] == b"ftyp"


@given(photo=st.binary(), photo_type=st.text(), time=st.integers(0, 2**63))
def test_a_body_is_the_whole_message(tmp_path_factory, photo, photo_type, time):
    """The time put before what was encoded once gives the same message as encoding all of it."""
    path = tmp_path_factory.getbasetemp() / "photo"
    path.write_bytes(photo)
    body = Photo.load(path, photo_type).body(time)
    assert PhotoMessage.FromString(body) == PhotoMessage(time=str(time), photo_data=photo, photoType=photo_type)


def test_the_photo_of_the_repository():
    """image.png is an image and arrives whole."""
    path = ROOT / "image.png"
    assert is_image(path.read_bytes())
    message = PhotoMessage.FromString(Photo.load(path, "default_prompt").body(1_700_000_000_123))
    assert (message.time, message.photoType) == ("1700000000123", "default_prompt")
    assert message.photo_data == path.read_bytes()


def test_a_photo_that_is_gone(tmp_path):
    """A photo that cannot be read is told in the end of a sentence."""
    with pytest.raises(ValueError, match=r"^does not exist$"):
        Photo.load(tmp_path / "none.png", "")


@pytest.mark.parametrize(("present", "expected"), [(True, "meal.png"), (False, "beside/meal.png")])
def test_where_a_relative_path_is_looked_up(tmp_path, monkeypatch, present, expected):
    """A relative path is looked up from the working directory, then beside."""
    monkeypatch.chdir(tmp_path)
    if present:
        Path("meal.png").touch()
    assert find_photo(Path("meal.png"), Path("beside")) == Path(expected)


@pytest.mark.parametrize("name", ["/nowhere/meal.png", "x" * 5000])
def test_paths_that_cannot_be_looked_up_elsewhere(name):
    """An absolute path, and one that the system refuses to look at, stay as they are."""
    assert find_photo(Path(name), Path("beside")) == Path(name)


COUNT_FAULTS = """
import resource
from pathlib import Path
from chaterload.chater.photo import Photo

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

photo = Photo.load(Path("image.png"), "default_prompt")
for _ in range(10):
    b"POST / HTTP/1.1" + photo.body(1)
before = faults()
for _ in range(100):
    b"POST / HTTP/1.1" + photo.body(1)
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in their own ways")
def test_uploads_reuse_their_memory():
    """A hundred uploads, of two copies of 115 pages each, fault in no more pages than one of them has."""
    done = subprocess.run([sys.executable, "-c", COUNT_FAULTS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 230
