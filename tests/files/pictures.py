"""Files of all kinds, made small."""

from __future__ import annotations

import struct
import zipfile
import zlib
from io import BytesIO

from PIL import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><title>x</title><script>alert(1)</script>"
GIF_HTML = b"GIF89a/*<html><script>alert(1)</script>*/=1;"


def picture(
    kind: str = "PNG", size: tuple[int, int] = (640, 400), mode: str = "RGB", orientation: int = 1
) -> bytes:
    """An image; one with an orientation also says which camera took it."""
    written = BytesIO()
    exif = Image.Exif()
    if orientation != 1:
        exif[0x112] = orientation
        exif[0x10F] = "CAMERA"
    Image.linear_gradient("L").resize(size).convert(mode).save(written, kind, exif=exif)
    return written.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that would take gigabytes of memory."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 1_000_000)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def archive(**members: bytes) -> bytes:
    """A ZIP archive; `__` in a name stands for a slash."""
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/"), content)
    return written.getvalue()


def office(part: str) -> bytes:
    """An Office document as far as its types go."""
    names = ("[Content_Types].xml", "_rels/.rels", "docProps/app.xml", part)
    return archive(**{name.replace("/", "__"): b"x" * 50_000 for name in names})


def _chunk(kind: bytes, content: bytes) -> bytes:
    sum_of_it = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_of_it)
