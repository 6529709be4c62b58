"""What a file is, by its content and never by its name."""

from __future__ import annotations

import codecs
import re

import puremagic

UNKNOWN = "application/octet-stream"
TEXT = "text/plain"

ENDS = 64 * 1024  # bytes kept of the beginning, and of the end
SURE = 4  # bytes that a signature must have: shorter ones are met by chance

IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")

# Signatures that stand for one thing only, or that the library spells otherwise.
SIGNATURES = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-"), "application/pdf"),
    (re.compile(rb"\x1f\x8b\x08"), "application/gzip"),
    (re.compile(rb"\x7fELF"), "application/x-executable"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "application/x-ole-storage"),
)

ZIP = b"PK\x03\x04"
# A file in an archive that says what the whole is.
PARTS = (
    (b"word/document.xml", "wordprocessingml.document"),
    (b"xl/workbook.xml", "spreadsheetml.sheet"),
    (b"ppt/presentation.xml", "presentationml.presentation"),
)
OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN_DOCUMENT = re.compile(
    rb".{26}\x08\x00..mimetype(application/(?:epub\+zip|vnd\.oasis\.opendocument\.[a-z-]{1,30}))",
    re.DOTALL,
)

CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r\f"})

# What a browser would run, were it shown.
ACTIVE = (
    (re.compile(rb"<svg[\s:>/]|<!doctype\s+svg", re.IGNORECASE), "image/svg+xml"),
    (
        re.compile(
            rb"<!doctype\s+html|<(?:html|head|body|script|iframe|frameset|object|embed|meta|form)"
            rb"[\s>/]",
            re.IGNORECASE,
        ),
        "text/html",
    ),
    (re.compile(rb"\A\s*<[a-z!?]", re.IGNORECASE), "application/xml"),
    (re.compile(rb"\A#!"), "text/x-script"),
)
RUNS = frozenset(kind for _, kind in ACTIVE)


class Recognizer:
    """Looks at the content of one file, a block at a time, and says what it is."""

    def __init__(self) -> None:
        self._head = b""
        self._tail = b""
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def look(self, block: bytes) -> None:
        """Look at the next block."""
        if len(self._head) < ENDS:
            self._head += block[: ENDS - len(self._head)]
        self._tail = (self._tail + block)[-ENDS:] if len(block) < ENDS else block[-ENDS:]
        if self._is_text:
            self._is_text = self._decodes(block)

    def media_type(self, name: str) -> str:
        """The media type of what was seen; the name tells apart nothing but kinds of text."""
        for signature, kind in SIGNATURES:
            if signature.match(self._head):
                return kind
        if self._head.startswith(ZIP):
            return self._kind_of_archive()
        if self._is_text and self._decodes(b"", final=True):
            return self._kind_of_text(name)
        return _by_signature(self._head)

    def _decodes(self, block: bytes, *, final: bool = False) -> bool:
        if block.translate(None, CONTROLS) != block:
            return False
        try:
            self._decode.decode(block, final)
        except UnicodeDecodeError:
            return False
        return True

    def _kind_of_archive(self) -> str:
        if found := OPEN_DOCUMENT.match(self._head):
            return found[1].decode()
        # What an archive holds is listed at its end, and told before each part.
        ends = self._head + self._tail
        for part, kind in PARTS:
            if part in ends and b"[Content_Types].xml" in ends:
                return OFFICE + kind
        return "application/zip"

    def _kind_of_text(self, name: str) -> str:
        head = self._head.removeprefix(codecs.BOM_UTF8)
        for pattern, kind in ACTIVE:
            if pattern.search(head):
                return kind
        return "text/csv" if name.lower().endswith(".csv") else TEXT


def _by_signature(head: bytes) -> str:
    try:
        found = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return UNKNOWN
    for match in found:
        at_start = match.offset >= 0 and len(match.byte_match) >= SURE
        if at_start and match.mime_type and match.mime_type not in {*RUNS, *IMAGES}:
            return str(match.mime_type)
    return UNKNOWN
