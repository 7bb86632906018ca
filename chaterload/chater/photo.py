"""The photo that is uploaded: found, checked and encoded once, whatever the number of uploads."""

from dataclasses import dataclass
from pathlib import Path

from proto.eater_photo_pb2 import PhotoMessage

# First bytes of the image formats that a phone or a browser sends, and where they stand.
_SIGNATURES = (
    (0, b"\x89PNG\r\n\x1a\n"),
    (0, b"\xff\xd8\xff"),
    (0, b"GIF87a"),
    (0, b"GIF89a"),
    (8, b"WEBP"),
    (4, b"ftyphei"),
    (4, b"ftypmif1"),
)


def is_image(data: bytes) -> bool:
    """Whether `data` starts like a PNG, JPEG, GIF, WebP or HEIF image."""
    return any(data.startswith(signature, offset) for offset, signature in _SIGNATURES)


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
        """Read and encode the image at `path`. OSError when it cannot be read."""
        keep_freed_memory()
        return cls(PhotoMessage(photo_data=path.read_bytes(), photoType=photo_type).SerializeToString())

    def body(self, time_ms: int) -> bytes:
        """A serialised PhotoMessage for a photo taken at `time_ms`, in epoch milliseconds."""
        return PhotoMessage(time=str(time_ms)).SerializeToString() + self.encoded
