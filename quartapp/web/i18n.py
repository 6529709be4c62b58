"""Languages: which one a request is answered in, and its texts, dates and numbers.

Texts are English in the sources. The catalogue of each further language is read when this module
is loaded: `translations/<language>/LC_MESSAGES/messages.po`.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from babel import Locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup
from quart import Quart, has_request_context, request

from quartapp.core.errors import Refusal

# The languages, each by the name of its catalogue with the name that it calls itself.
LANGUAGES = {"en": "English", "zh_Hans": "简体中文"}
SOURCE = "en"
COOKIE = "language"
TRANSLATIONS = Path(__file__).parents[1] / "translations"


def path_of(language: str) -> Path:
    """Where the catalogue of a language is."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def language() -> str:
    """The language of the current request: chosen, else wished by the browser, else English."""
    if not has_request_context():
        return SOURCE
    chosen = request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else _wished()


def language_tag() -> str:
    """The same as browsers and programs spell it: `zh-Hans`."""
    return language().replace("_", "-")


def gettext(text: str, /, **values: object) -> str:
    """The text in the language of the request, its %(names)s filled in."""
    return _translations().gettext(text) % values


def ngettext(one: str, many: str, number: int, /, **values: object) -> str:
    """The text for that many; the number stands in it as %(num)s or %(count)s."""
    return _translations().ngettext(one, many, number) % _numbered(number, values)


_ = gettext


def told(refusal: Refusal) -> str:
    """A refusal in the language of the request."""
    return gettext(refusal.template, **refusal.values)


def number(value: float) -> str:
    """A number as the language writes it: 1,234."""
    return str(format_decimal(value, locale=_LOCALES[language()]))


def date_text(value: datetime | date) -> str:
    """A day, or a moment in UTC, as the language writes it."""
    locale = _LOCALES[language()]
    if isinstance(value, datetime):
        return f"{format_datetime(_in_utc(value), 'medium', locale=locale)} UTC"
    return format_date(value, "medium", locale=locale)


def iso(value: datetime) -> str:
    """A moment in UTC as programs write it: 2026-11-22T21:56:31Z."""
    return _in_utc(value).isoformat(timespec="seconds").replace("+00:00", "Z")


def install(app: Quart) -> None:
    """Let the application's templates speak: `{% trans %}`, `_`, `ngettext` and the filters."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    # The extension's own functions know no %(count)s, which reads better in a text.
    app.jinja_env.policies["ext.i18n.trimmed"] = True  # line ends of a template are no text
    app.jinja_env.newstyle_gettext = True  # type: ignore[attr-defined]
    app.jinja_env.globals.update(gettext=_in_template, _=_in_template, ngettext=_many_in_template)
    for function in (told, number, date_text, iso):
        app.add_template_filter(function)


@pass_eval_context
def _in_template(context: EvalContext, text: str, /, **values: object) -> str:
    return _marked(context, _translations().gettext(text)) % values


@pass_eval_context
def _many_in_template(
    context: EvalContext, one: str, many: str, number: int, /, **values: object
) -> str:
    text = _marked(context, _translations().ngettext(one, many, number))
    return text % _numbered(number, values)


def _marked(context: EvalContext, text: str) -> str:
    """A text that is HTML where templates escape: it is ours, and values filled in are escaped."""
    return Markup(text) if context.autoescape else text  # noqa: S704


def _numbered(number: int, values: dict[str, Any]) -> dict[str, Any]:
    return {"num": number, "count": number} | values


def _wished() -> str:
    for tag, _quality in request.accept_languages:
        parts = tag.lower().replace("_", "-").split("-")
        if parts[0] == "zh" and not {"hant", "tw", "hk", "mo"} & set(parts):
            return "zh_Hans"
        if parts[0] == "en":
            return "en"
    return SOURCE


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _translations() -> NullTranslations:
    return _CATALOGUES[language()]


def _catalogue(name: str) -> NullTranslations:
    if name == SOURCE:
        return NullTranslations()
    compiled = BytesIO()
    with path_of(name).open("rb") as file:
        write_mo(compiled, read_po(file, locale=name))
    compiled.seek(0)
    return Translations(compiled)


_CATALOGUES = {name: _catalogue(name) for name in LANGUAGES}
_LOCALES = {name: Locale.parse(name) for name in LANGUAGES}
for _locale in _LOCALES.values():
    _locale.decimal_formats.get(None)  # babel reads a language's data when it is first asked
