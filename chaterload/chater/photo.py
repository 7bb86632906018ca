"""The photo that is uploaded: found, checked and encoded once, whatever the number of uploads."""

from dataclasses import dataclass
from pathlib import Path

from chaterload.chater.textfiles import read_bytes
from proto.eater_photo_pb2 import PhotoMessage

# First bytes of the image formats that a phone or a browser sends.
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")

# Brands of HEIF (ISO/IEC 23008-12), AVIF and MIAF, single images and sequences. The libraries that tell file types
# by their first bytes know some of them each: filetype 1.2 not hevc, puremagic 1.30 not mif1.
_BRANDS = frozenset(b"mif1 mif2 msf1 miaf heic heix heim heis hevc hevx hevm hevs avci avcs avif avis avio".split())

IMAGE_SHAPE = "a readable PNG, JPEG, GIF, WebP, BMP, HEIF or AVIF file"


def is_image(data: bytes) -> bool:
    """Whether `data` starts like an image of a type that IMAGE_SHAPE names."""
    if data.startswith(b"RIFF"):
        return data[8:12] == b"WEBP"
    if data.startswith(b"BM"):
        return data[6:10] == bytes(4)  # reserved; many a text starts with BM
    return data.startswith(_SIGNATURES) or not _BRANDS.isdisjoint(_brands(data))


def _brands(data: bytes) -> list[bytes]:
    """What an ISO base media file says it is: its major brand and those that it is compatible with."""
    if data[4:8] != b"ftyp":
        return []
    end = int.from_bytes(data[:4])
    return [data[8:12], *(data[at : at + 4] for at in range(16, min(end, len(data)), 4))]


def check_photo(path: Path, beside: Path) -> Path:
    """Where the photo is. ValueError, as the end of a sentence, when it cannot be read or is no image."""
    found = find_photo(path, beside)
    if not is_image(read_bytes(found)):
        raise ValueError("is not an image")
    return found.absolute()


def find_photo(path: Path, beside: Path) -> Path:
    """A relative `path` is looked up from the working directory, then in the folder `beside`."""
    try:
        here = path.is_absolute() or path.exists()
    except OSError:  # no permission, a name too long: whoever opens it will say so
        here = True
    return path if here else beside / path


KEPT_BYTES = 16 << 20


def keep_freed_memory() -> None:
    """Have glibc keep what an upload frees.

    Else it returns each body to the system and faults it in anew, which costs 0.4 ms of CPU for an upload of 0.47 MB:
    as much as a request. Freeing a block raises the size from which it does so (M_MMAP_THRESHOLD in mallopt(3));
    other C libraries do as they like.
    """
    bytes(KEPT_BYTES)


@dataclass(frozen=True)
class Photo:
    """A PhotoMessage's constant fields, serialised once: 0.5 MB need not be encoded per upload."""

    encoded: bytes

    @classmethod
    def load(cls, path: Path, photo_type: str) -> "Photo":
        """Read and encode the image at `path`. ValueError, as the end of a sentence, when it cannot be read."""
        keep_freed_memory()
        return cls(PhotoMessage(photo_data=read_bytes(path), photoType=photo_type).SerializeToString())

    def body(self, time_ms: int) -> bytes:
        """A serialised PhotoMessage for a photo taken at `time_ms`, in epoch milliseconds."""
        return PhotoMessage(time=str(time_ms)).SerializeToString() + self.encoded
