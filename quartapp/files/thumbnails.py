"""Small pictures of images, made in threads of their own, without what a camera wrote beside."""

from __future__ import annotations

import asyncio
import warnings
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

from PIL import Image, ImageOps

from quartapp.files.storage import Storage

SIDE = 320  # pixels, of the longer one
MEDIA_TYPE = "image/webp"
MAX_PIXELS = 50_000_000  # of an image that is decoded: up to 200 MB of memory
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")

# Pillow asks these two before it decodes anything. It warns from there on and refuses from twice
# as many; here it refuses at once.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)

TOO_LARGE = (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError)
SMOOTH = {"RGB", "RGBA", "L", "LA", "CMYK"}  # modes that can be made smaller as they are


class NoImage(Exception):
    """The content is not the image that it says it is."""


class Thumbnails:
    """Makes them, no more at a time than `threads`: an image that is decoded takes much memory."""

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="images")

    async def make(self, storage: Storage, key: str) -> bytes | None:
        """A small picture of an image; None for one that is too large to be looked at.

        Raises NoImage for one that cannot be read to its end.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _make, storage, key)

    def close(self) -> None:
        """End the threads, without waiting for what is still queued."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _make(storage: Storage, key: str) -> bytes | None:
    with storage.open(key) as file:
        try:
            with Image.open(file, formats=FORMATS) as image:
                return _small(image)
        except TOO_LARGE:
            return None
        except Exception as error:  # whatever a decoder stumbles over
            raise NoImage(str(error)) from error


def _small(image: Image.Image) -> bytes:
    if image.mode not in SMOOTH:
        image = _in_colours(image)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    turned = ImageOps.exif_transpose(_in_colours(image))
    # Pixels alone: no place, no camera, no comment.
    plain = Image.new(turned.mode, turned.size)
    plain.paste(turned)
    written = BytesIO()
    plain.save(written, "WEBP", quality=80)
    return written.getvalue()


def _in_colours(image: Image.Image) -> Image.Image:
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
