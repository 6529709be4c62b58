"""What a file is: by its content, and never by its name."""

from __future__ import annotations

import pytest

from quartapp.files.types import RUNS, Recognizer
from tests.files.pictures import GIF_HTML, HTML, SVG, archive, office, picture

WORD, SHEET, SLIDES = "word/document.xml", "xl/workbook.xml", "ppt/presentation.xml"
OFFICE = "application/vnd.openxmlformats-officedocument"
ODT = b"application/vnd.oasis.opendocument.text"


def kind(content: bytes, name: str = "name", step: int = 2**20) -> str:
    recognizer = Recognizer()
    for start in range(0, len(content), step):
        recognizer.look(content[start : start + step])
    return recognizer.media_type(name)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (picture("PNG"), "image/png"),
        (picture("JPEG"), "image/jpeg"),
        (picture("GIF", mode="P"), "image/gif"),
        (picture("WEBP"), "image/webp"),
        (b"%PDF-1.7\n\xe2\xe3", "application/pdf"),
        (b"%PDF-1.4\n" + archive(a=b"b"), "application/pdf"),
        (GIF_HTML, "image/gif"),
        (archive(a=b"b"), "application/zip"),
        (archive(word__document=b"x"), "application/zip"),
        (office(WORD), f"{OFFICE}.wordprocessingml.document"),
        (office(SHEET), f"{OFFICE}.spreadsheetml.sheet"),
        (office(SLIDES), f"{OFFICE}.presentationml.presentation"),
        (archive(mimetype=ODT, other=b"x"), ODT.decode()),
        (archive(mimetype=b"text/html"), "application/zip"),
        (b"\x7fELF\x02\x01\x01\0", "application/x-executable"),
        (b"MZ\x90\0" + b"\0" * 100, "application/vnd.microsoft.portable-executable"),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 50, "application/x-7z-compressed"),
        (b"\x1f\x8b\x08\0" + b"\1" * 50, "application/gzip"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 50, "video/mp4"),
        (b"BM" + b"\1" * 60, "application/octet-stream"),
        (bytes(range(256)) * 4, "application/octet-stream"),
        (b"a\0b", "application/octet-stream"),
        ("中文".encode("utf-16"), "application/octet-stream"),
        ("中文".encode("gbk"), "application/octet-stream"),
        ("中文"[0].encode()[:2], "application/octet-stream"),
        (b"", "text/plain"),
        ("plain 中文 😀 \u202e\n\t".encode(), "text/plain"),
        ("\ufeffwith a mark".encode(), "text/plain"),
        (b"1 < 2, a<b> and <p>", "text/plain"),
        (b"{\\rtf1 text}", "text/plain"),
        (b"x" * 3_000_000 + b"\xff", "application/octet-stream"),
    ],
)
@pytest.mark.parametrize("step", [2**20, 1000])
def test_a_file_is_what_its_content_says(content: bytes, expected: str, step: int) -> None:
    assert kind(content, "report.html", step) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (HTML, "text/html"),
        (b"\n \t<HTML>", "text/html"),
        (b"\xef\xbb\xbf<!DOCTYPE\nhtml>", "text/html"),
        (b"harmless text, and then <ScRiPt src=x>", "text/html"),
        (b"<iframe/src=x>", "text/html"),
        (SVG, "image/svg+xml"),
        (b'<?xml version="1.0"?><!-- x --><svg:svg xmlns:svg="..."/><SVG >', "image/svg+xml"),
        (b'<?xml version="1.0"?><note/>', "application/xml"),
        (b"<x:script xmlns:x='http://www.w3.org/1999/xhtml'>", "application/xml"),
        (b"<p onclick=alert(1)>", "application/xml"),
        (b"<!-- -->", "application/xml"),
        (b"<?php echo 1;", "application/xml"),
        (b"#!/bin/sh\nrm -rf /", "text/x-script"),
    ],
)
@pytest.mark.parametrize("name", ["picture.png", "data.csv", "notes.txt"])
def test_what_a_browser_might_run_is_known_as_such(
    content: bytes, expected: str, name: str
) -> None:
    assert kind(content, name) == expected
    assert expected in RUNS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("data.csv", "text/csv"),
        ("DATA.CSV", "text/csv"),
        ("data.csv.txt", "text/plain"),
        ("data.html", "text/plain"),
        ("data.png", "text/plain"),
    ],
)
def test_a_name_tells_apart_kinds_of_text_alone(name: str, expected: str) -> None:
    assert kind(b"a,b\n1,2\n", name) == expected
    assert kind(b"a,b\0", name) == "application/octet-stream"
