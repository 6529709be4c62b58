"""Every text that people read is in the catalogue of every language, and none is outside of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from jinja2 import Environment, nodes

from quartapp.paths import TEMPLATES
from quartapp.web.i18n import LANGUAGES, SOURCE, TRANSLATIONS
from quartapp.web.texts import KEYWORDS, read, texts

OTHERS = [language for language in LANGUAGES if language != SOURCE]
PACKAGE = TRANSLATIONS.parent
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|%")
MARKUP = re.compile(r"</?\w+>")

PAGES = sorted(
    [
        *TEMPLATES.glob("site/**/*.html"),
        *TEMPLATES.glob("api/**/*.html"),
        *TEMPLATES.glob("lessons/*/about.html"),
        *(TEMPLATES / "lessons" / name for name in ("index.html", "about.html")),
        *(TEMPLATES / "lessons" / f"_{name}.html" for name in ("extensions", "running", "try")),
    ]
)
UNSAID = {"code", "pre", "script", "style", "time"}  # what stands in these is no text
SAID = {"title", "aria-label", "placeholder", "alt", "aria-description"}
NAMES = {
    "quartapp",
    "Flask",
    "Quart",
    "Python",
    "JSON",
    "CSV",
    "NDJSON",
    "API",
    "UTC",
    "quart-auth",
}
LETTERS = re.compile(r"[^\W\d_][\w-]*")
# Which of a macro's arguments are texts.
MACROS = {"button": (0,), "field": (1,), "empty": (0,), "open_page": (1,), "bars": (1, 2)}
ELSEWHERE = "\N{OBJECT REPLACEMENT CHARACTER}"  # what a template puts in


def of(language: str) -> Iterator[tuple[Catalog, Message]]:
    catalogue = read(language)
    yield from ((catalogue, message) for message in catalogue if message.id)


def both(text: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_in_the_catalogue(language: str) -> None:
    known = {
        message.id if isinstance(message.id, str) else tuple(message.id)
        for _, message in of(language)
    }
    assert texts() - known == set(), "`make translations` adds them"


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated(language: str) -> None:
    left = [m.id for _, m in of(language) if m.fuzzy or not all(both(m.string or ""))]
    assert left == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_has_the_placeholders_and_the_markup_of_its_text(language: str) -> None:
    for _, message in of(language):
        *_one, many = both(message.id)
        for translated in both(message.string or ""):
            if translated:
                assert set(PLACEHOLDER.findall(translated)) == set(PLACEHOLDER.findall(many))
                assert sorted(MARKUP.findall(translated)) == sorted(MARKUP.findall(many)), many


def hidden_from_translators(source: str) -> list[str]:
    """The calls whose text is made elsewhere, where the catalogue's search cannot see it."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            places = [place - 1 for place in KEYWORDS.get(call.func.id, ())]
            given = [call.args[place] for place in places if place < len(call.args)]
            if len(given) < len(places) or not all(map(is_text, given)):
                found.append(ast.unparse(call))
    return found


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_every_text_of_python_is_spelt_out_where_it_is_said() -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    hidden = {path.name: hidden_from_translators(source) for path, source in sources.items()}
    assert {name: calls for name, calls in hidden.items() if calls} == {
        "i18n.py": ["gettext(refusal.template, **refusal.values)"]
    }


def test_a_text_that_is_not_spelt_out_is_found() -> None:
    assert hidden_from_translators("_('Hello'); Refusal('empty', 'is empty', n=1)") == []
    assert hidden_from_translators("Refusal('empty', text, n=1)") == ["Refusal('empty', text, n=1)"]
    assert hidden_from_translators("ngettext('one', f'{n}', n)") != []


class Visible(HTMLParser):
    """Collects the texts of a page that are neither code nor names."""

    def __init__(self) -> None:
        super().__init__()
        self.unsaid: list[str] = []
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNSAID:
            self.unsaid.append(tag)
        for name, value in attrs:
            if name in SAID:
                self.look(value or "")

    def handle_endtag(self, tag: str) -> None:
        if self.unsaid and self.unsaid[-1] == tag:
            self.unsaid.pop()

    def handle_data(self, data: str) -> None:
        if not self.unsaid:
            self.look(data)

    def look(self, text: str) -> None:
        words = LETTERS.findall(text)
        if any(word not in NAMES and not word.startswith("Flask-") for word in words):
            self.found.append(" ".join(text.replace(ELSEWHERE, "").split()))


def in_order(node: nodes.Node) -> Iterator[str]:
    """What a template writes itself, with a mark where it puts something in."""
    if isinstance(node, nodes.TemplateData):
        yield node.data
    elif isinstance(node, nodes.Expr):
        yield ELSEWHERE
    elif isinstance(node, nodes.AssignBlock):
        written = "".join(part for child in node.body for part in in_order(child))
        yield f"<i {written}>" if '="' in written and "<" not in written else written
    else:
        for child in node.iter_child_nodes():
            yield from in_order(child)


def texts_of_macros(template: nodes.Template) -> Iterator[str]:
    for call in template.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in MACROS:
            for place in MACROS[call.node.name]:
                argument = call.args[place] if len(call.args) > place else None
                if isinstance(argument, nodes.Const) and LETTERS.search(str(argument.value)):
                    yield str(argument.value)


def untranslatable(source: str) -> list[str]:
    template = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).parse(source)
    visible = Visible()
    visible.feed("".join(in_order(template)))
    visible.close()
    return [*visible.found, *texts_of_macros(template)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_no_page_says_anything_untranslatable(path: Path) -> None:
    assert untranslatable(path.read_text(encoding="utf-8")) == []


def test_the_search_finds_what_it_is_to_find() -> None:
    assert untranslatable("<p>{{ _('Hello') }} <code>GET</code> quartapp {{ n }}</p>") == []
    assert untranslatable("<p>{% if a %}Hello{% endif %}</p>") == ["Hello"]
    assert untranslatable('<a title="{{ x }} more">{% trans %}a{% endtrans %}</a>') != []
    assert untranslatable("{{ button('Save') }}{{ button(_('Save')) }}") == ["Save"]
