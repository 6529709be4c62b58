"""Small pictures: of what is an image, within limits, and without what stands beside the pixels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import pytest
from PIL import Image

from quartapp.files.storage import FolderStorage
from quartapp.files.thumbnails import NoImage, Thumbnails
from tests.files.pictures import GIF_HTML, bomb, picture


class OneFile(FolderStorage):
    """A storage that holds one file under every key."""

    def __init__(self, content: bytes) -> None:
        self.content = content

    def open(self, key: str) -> BinaryIO:
        """Open the file."""
        return BytesIO(self.content)


@pytest.fixture
def thumbnails() -> Iterator[Thumbnails]:
    """Thumbnails of two threads."""
    made = Thumbnails(threads=2)
    yield made
    made.close()


async def small(thumbnails: Thumbnails, content: bytes) -> Image.Image | None:
    picture = await thumbnails.make(OneFile(content), "key")
    return Image.open(BytesIO(picture)) if picture else None


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "L"),
        ("PNG", "LA"),
        ("PNG", "P"),
        ("PNG", "1"),
        ("PNG", "I;16"),
        ("JPEG", "RGB"),
        ("JPEG", "CMYK"),
        ("GIF", "P"),
        ("WEBP", "RGBA"),
    ],
)
async def test_an_image_of_any_kind_is_made_small(
    kind: str, mode: str, thumbnails: Thumbnails
) -> None:
    found = await small(thumbnails, picture(kind, mode=mode))
    assert found is not None
    assert (found.format, found.size) == ("WEBP", (320, 200))


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1, 1), (1, 1)), ((320, 320), (320, 320)), ((1, 5000), (1, 320)), ((20_000, 1), (320, 1))],
)
async def test_it_is_never_larger_than_the_image(
    size: tuple[int, int], expected: tuple[int, int], thumbnails: Thumbnails
) -> None:
    found = await small(thumbnails, picture(size=size))
    assert found is not None
    assert found.size == expected


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_it_stands_upright_and_names_no_camera(kind: str, thumbnails: Thumbnails) -> None:
    found = await small(thumbnails, picture(kind, orientation=6))
    assert found is not None
    assert found.size == (200, 320)
    assert not found.getexif()
    assert not {"exif", "xmp", "icc_profile", "comment"} & found.info.keys()


@pytest.mark.parametrize(
    "content",
    [
        GIF_HTML,
        b"\x89PNG\r\n\x1a\n",
        b"\x89PNG\r\n\x1a\n" + b"x" * 1000,
        b"\xff\xd8\xff",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        picture("JPEG")[:-500],
        picture("PNG")[:300],
        picture("GIF", mode="P")[:300],
        picture("WEBP")[:300],
        bomb(7000, 7000),
        b"",
    ],
)
async def test_what_only_begins_like_an_image_is_none(
    content: bytes, thumbnails: Thumbnails
) -> None:
    with pytest.raises(NoImage):
        await thumbnails.make(OneFile(content), "key")


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 5001), (2**31 - 1, 1)])
async def test_an_image_that_would_fill_the_memory_is_left_alone(
    size: tuple[int, int], thumbnails: Thumbnails
) -> None:
    assert await small(thumbnails, bomb(*size)) is None


async def test_the_first_frame_stands_for_all(thumbnails: Thumbnails) -> None:
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    written = BytesIO()
    frames[0].save(written, "GIF", save_all=True, append_images=frames[1:])
    found = await small(thumbnails, written.getvalue())
    assert found is not None
    assert not getattr(found, "is_animated", False)
    red, _, blue = found.convert("RGB").getpixel((32, 32))  # type: ignore[misc]
    assert red > 200
    assert blue < 50


async def test_no_more_images_than_threads_are_open_at_once() -> None:
    open_now, most = 0, 0

    class Counting(OneFile):
        def open(self, key: str) -> BinaryIO:
            nonlocal open_now, most
            open_now += 1
            most = max(most, open_now)
            return Counted(self.content)

    class Counted(BytesIO):
        def close(self) -> None:
            nonlocal open_now
            open_now -= not self.closed
            super().close()

    thumbnails = Thumbnails(threads=2)
    storage = Counting(picture(size=(1500, 1500)))
    await asyncio.gather(*(thumbnails.make(storage, "key") for _ in range(8)))
    thumbnails.close()
    assert (open_now, most) == (0, 2)
