"""Names of files: any language, and never a way to somewhere."""

from __future__ import annotations

import pytest

from quartapp.core.errors import Invalid
from quartapp.files.names import clean


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("/absolute/a.txt", "a.txt"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("..\\..\\a.txt", "a.txt"),
        ("平面图.pdf", "平面图.pdf"),
        ("مخطط.pdf", "مخطط.pdf"),
        ("\u202egpj.exe", "\u202egpj.exe"),
        ("😀.png", "😀.png"),
        (" spaces at both ends ", " spaces at both ends "),
        ("...", "..."),
        (".hidden", ".hidden"),
        ("NUL", "NUL"),
        ("con.txt", "con.txt"),
        ("<b>'\";--%s%n.txt", "<b>'\";--%s%n.txt"),
        ("n" * 255, "n" * 255),
        ("名" * 255, "名" * 255),
        ("😀" * 255, "😀" * 255),
    ],
)
def test_a_name_is_kept_as_it_was_given(given: str, kept: str) -> None:
    assert clean(given) == kept


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("folder/", "empty"),
        ("a\\", "empty"),
        (".", "dots"),
        ("..", "dots"),
        ("a/..", "dots"),
        ("n" * 256, "too-long"),
        ("n" * 1_000_000, "too-long"),
        ("a\0.txt", "no-text"),
        ("a\r\nb", "no-text"),
        ("\x7f", "no-text"),
        ("\x85x", "no-text"),
        ("\ud800", "no-text"),
    ],
)
def test_a_name_that_is_none_is_refused_with_a_reason(given: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        clean(given)
    assert caught.value.fields["name"].code == code
    assert len(caught.value.message) < 200
