"""Lines of a file: a house each, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from quartapp.core.errors import Refusal

RECORD_BYTES = 16 * 1024  # far more than the longest row takes, were each letter a quote
BOM = b"\xef\xbb\xbf"
WHOLE = ""  # the field of a reason that is about the whole line


@dataclass(frozen=True)
class Row:
    """A house as a file has it; `line` is where it begins."""

    line: int
    values: dict[str, str | None]


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be imported, and why: by column, or of the WHOLE line."""

    line: int
    reasons: Mapping[str, Refusal]

    @property
    def reason(self) -> str:
        """The reasons in one text."""
        return "; ".join(f"{field} {why}".lstrip() for field, why in self.reasons.items())

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


def bad_line(line: int, why: Refusal) -> BadLine:
    """A line that is bad as a whole."""
    return BadLine(line, {WHOLE: why})


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one too long to be a record no more than shows that it is."""
    most = RECORD_BYTES + 1
    while piece := file.readline(most):
        yield piece
        while len(piece) == most and not piece.endswith(b"\n"):
            piece = file.readline(most)


def numbered(lines: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with their numbers, from 1, without the mark that some programs begin with."""
    for number, line in enumerate(lines, 1):
        yield number, line.removeprefix(BOM) if number == 1 else line


def text_of(line: bytes) -> str | Refusal:
    """The text of a record without its end, or why it is none."""
    if len(line) > RECORD_BYTES:
        return Refusal("too-long-a-line", "is longer than %(limit)d bytes", limit=RECORD_BYTES)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return Refusal("not-utf8", "is not UTF-8")
    if "\0" in text:
        return Refusal("nul", "holds a NUL character")
    return text.removesuffix("\n").removesuffix("\r")
