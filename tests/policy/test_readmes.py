"""The two READMEs say the same: what can be compared across languages is compared."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from quartapp.paths import TEMPLATES

ROOT = TEMPLATES.parent
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"

CODE = re.compile(r"^```[\s\S]*?^```$|(?:^ {4}.*\n)+", re.MULTILINE)
REMARK = re.compile(r" {3,}|  #")  # begins what a line of code says to people
LINK = re.compile(r"\]\(([^)\s]+)\)")


def readme(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    return CODE.sub("", text)


def headings(text: str) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", prose(text), re.MULTILINE)]


def code_blocks(text: str) -> list[list[str]]:
    """The lines of code, without what they say to people."""
    blocks = [block.splitlines() for block in CODE.findall(text)]
    return [[REMARK.split(line.strip())[0] for line in lines] for lines in blocks]


def rows_of_tables(text: str) -> list[int]:
    """How many cells each row has."""
    return [row.count(" |") for row in re.findall(r"^\|.*$", prose(text), re.MULTILINE)]


def settings(text: str) -> list[str]:
    return re.findall(r"\bQUARTAPP_\w*", text)


def links(text: str) -> list[str]:
    return [link for link in LINK.findall(prose(text)) if link not in {ENGLISH, CHINESE}]


@pytest.mark.parametrize(
    "feature", [headings, code_blocks, rows_of_tables, settings, links], ids=lambda f: f.__name__
)
def test_both_have_the_same_in_the_same_order(feature: Callable[[str], list[object]]) -> None:
    english = feature(readme(ENGLISH))
    assert english
    assert feature(readme(CHINESE)) == english


def test_each_leads_to_the_other_at_its_top() -> None:
    assert f"]({CHINESE})" in readme(ENGLISH).split("\n\n")[1]
    assert f"]({ENGLISH})" in readme(CHINESE).split("\n\n")[1]


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_every_link_to_a_file_leads_to_one(name: str) -> None:
    files = [link for link in LINK.findall(readme(name)) if "://" not in link]
    assert [link for link in files if not (ROOT / link.partition("#")[0]).exists()] == []
