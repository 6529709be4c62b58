"""The texts that people read, collected from the sources; as a program it updates the catalogues.

Python's are the literals in `_()`, `gettext()`, `ngettext()` and `Refusal()`, a template's those in
`_()` and `{% trans %}`, and the lessons have a title and a summary in the first line of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from quartapp.paths import TEMPLATES
from quartapp.web.i18n import LANGUAGES, SOURCE, TRANSLATIONS, path_of
from quartapp.web.lessons.catalogue import LESSONS

Text = str | tuple[str, str]  # alone, or as singular and plural

KEYWORDS: dict[str, tuple[int, ...]] = {
    "_": (1,),
    "gettext": (1,),
    "ngettext": (1, 2),
    "Refusal": (2,),
}
OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}
HEADER = """\
# {name}. `make translations` adds the texts that are new.
msgid ""
msgstr ""
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def texts() -> set[Text]:
    """Every text of the application."""
    return {*_of_python(), *_of_templates(), *_of_lessons()}


def read(language: str) -> Catalog:
    """The catalogue of a language."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> Catalog:
    """Bring a catalogue up to date: what is new is added, what is gone is set aside."""
    template = Catalog()
    for text in sorted(texts(), key=str):
        template.add(text)
    catalogue = read(language)
    catalogue.update(template, no_fuzzy_matching=True)
    written = BytesIO()
    write_po(written, catalogue, width=100, no_location=True, omit_header=True, sort_output=True)
    header = HEADER.format(
        name=LANGUAGES[language], language=language, plurals=catalogue.plural_forms
    )
    path_of(language).write_bytes(header.encode() + written.getvalue())
    return catalogue


def _of_python() -> Iterator[Text]:
    for path in sorted(TRANSLATIONS.parent.rglob("*.py")):
        with path.open("rb") as file:
            yield from _chosen(extract_python(file, KEYWORDS, [], {}))


def _of_templates() -> Iterator[Text]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        with path.open("rb") as file:
            yield from _chosen(babel_extract(file, [*KEYWORDS], [], OPTIONS))


def _of_lessons() -> Iterator[Text]:
    for lesson in LESSONS.values():
        yield from (lesson.title, lesson.summary)


def _chosen(found: Iterator[tuple[Any, ...]]) -> Iterator[Text]:
    """Of the arguments of each call those that are texts; none where one is no literal."""
    for _line, function, arguments, _comments in found:
        given = arguments if isinstance(arguments, (list, tuple)) else (arguments,)
        chosen = tuple(given[n - 1] for n in KEYWORDS[function] if len(given) >= n)
        if all(chosen) and len(chosen) == len(KEYWORDS[function]):
            yield chosen[0] if len(chosen) == 1 else chosen


def main() -> None:
    """Update every catalogue, and say what is left to translate."""
    for language in LANGUAGES:
        if language == SOURCE:
            continue
        catalogue = update(language)
        left = [message.id for message in catalogue if message.id and not _translated(message)]
        print(f"{path_of(language)}: {len(catalogue)} texts, {len(left)} to translate")  # noqa: T201


def _translated(message: Any) -> bool:
    told = message.string if isinstance(message.string, (tuple, list)) else (message.string,)
    return all(told)


if __name__ == "__main__":
    main()
