"""Pictures for tests: good ones, and ones that are made to do harm."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

SECRET_PLACE = b"52.5200 N 13.4050 E"
SCRIPT = b"<script>alert(document.domain)</script>"


def picture(kind: str = "PNG", size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any) -> bytes:
    """A picture whose left half is red and whose right half is blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = BytesIO()
    image.convert(mode).save(out, kind, **options)
    return out.getvalue()


def animation(kind: str, frames: int = 3) -> bytes:
    """An animation that begins red and goes on in blue."""
    first, *others = (
        Image.new("RGB", (32, 32), "red" if number == 0 else "blue") for number in range(frames)
    )
    out = BytesIO()
    first.save(out, kind, save_all=True, append_images=others)
    return out.getvalue()


def photograph(orientation: int = 1) -> bytes:
    """A JPEG with a place, an orientation and a comment in its metadata."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010E] = SECRET_PLACE.decode()
    return picture("JPEG", (60, 40), exif=exif, comment=SECRET_PLACE)


def huge_png(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says that it is that large."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    rows = zlib.compress(bytes(4_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def text_bomb() -> bytes:
    """A small PNG whose comment unpacks to 300 megabytes."""
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(10_000_000)) for _ in range(30)) + packer.flush()
    whole = picture()
    return whole[:33] + _chunk(b"zTXt", b"Comment\x00\x00" + packed) + whole[33:]


def animated_bomb() -> bytes:
    """A GIF of 400 frames of 15 million pixels each."""
    out = BytesIO()
    Image.new("P", (3900, 3900)).save(out, "GIF")
    gif = out.getvalue()
    start = gif.index(b"\x2c", 13 + 3 * 2 ** ((gif[10] & 7) + 1))
    return gif[:-1] + gif[start:-1] * 399 + b";"


def polyglot(kind: str) -> bytes:
    """A picture that is a page with a script as well, and an archive's beginning."""
    return picture(kind) + SCRIPT + b"PK\x03\x04" + SCRIPT


def svg() -> bytes:
    """A drawing with a script in it."""
    return b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>"


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
