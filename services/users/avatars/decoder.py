"""The process that decodes one picture: bytes on stdin, its renditions on stdout, and nothing else.

Decoders of pictures are where memory is corrupted or runs out. So this one runs in a process of its own,
which has little memory, little time, no secrets and no connections, and ends after one picture. It is started
as a file, in Python's isolated mode, and imports nothing of ours.
"""

import resource
import struct
import sys
import warnings
from io import BytesIO

from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
SIDES = (512, 96)
MOST_PIXELS = 16_000_000
# Large photographs are JPEGs, which can be decoded at a fraction of their size.
MOST_PIXELS_OF_JPEG = 50_000_000
MEMORY_BYTES = 512 * 2**20  # of address space, of which the interpreter and Pillow take a third
PROCESSOR_SECONDS = 10

NOT_A_PICTURE = 3
TOO_LARGE = 4


class TooLarge(Exception):
    """The picture has more pixels than are decoded."""


def renditions(content: bytes) -> list[bytes]:
    """The picture as square WebPs of ``SIDES``, without any metadata; raises TooLarge, or what Pillow raises.

    Of an animation it is the first picture.
    """
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS_OF_JPEG  # of what a decoder learns later than from the header
    with Image.open(BytesIO(content), formats=FORMATS) as image:
        _check_size(image)
        image.draft("RGB", (SIDES[0], SIDES[0]))
        square = _square(image, SIDES[0])
        # The middle square of a turned picture is the turned middle square.
        square.info = {"exif": image.info["exif"]} if "exif" in image.info else {}
        upright = ImageOps.exif_transpose(square)
    return [_as_webp(_square(upright, side)) for side in SIDES]


def _check_size(image: Image.Image) -> None:
    most = MOST_PIXELS_OF_JPEG if image.format == "JPEG" else MOST_PIXELS
    if image.width * image.height > most:
        raise TooLarge


def _square(image: Image.Image, side: int) -> Image.Image:
    """The middle of ``image``, ``side`` wide or as wide as there is."""
    if image.mode.startswith("I"):  # 16 bits of grey, which a conversion would cut off
        image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
    plain = image.convert("RGBA" if image.has_transparency_data else "RGB")
    length = min(side, plain.width, plain.height)
    return ImageOps.fit(plain, (length, length), Image.Resampling.LANCZOS)


def _as_webp(image: Image.Image) -> bytes:
    image.info = {}
    out = BytesIO()
    image.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def main() -> int:
    """Decode what comes in within the limits; the exit code says why not."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        pictures = renditions(sys.stdin.buffer.read())
    except (TooLarge, MemoryError, Image.DecompressionBombWarning, Image.DecompressionBombError):
        return TOO_LARGE
    except Exception:  # Pillow's plugins raise whatever comes to them
        return NOT_A_PICTURE
    for picture in pictures:
        sys.stdout.buffer.write(struct.pack(">I", len(picture)) + picture)
    return 0


if __name__ == "__main__":
    sys.exit(main())
