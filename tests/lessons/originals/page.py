"""Read an HTML page for what a visitor can see and use: texts, forms, links, tables."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

# Nothing in these is seen as text; a listing (`pre`) is quoted, not said.
SILENT = {"script", "style", "template", "pre", "noscript", "svg"}
NO_FIELDS = {"submit", "reset", "button", "image"}


@dataclass
class Form:
    """A form: where it goes and what it asks for."""

    method: str
    action: str
    enctype: str
    fields: list[tuple[str, str]] = field(default_factory=list)  # name, type
    submits: bool = False


@dataclass
class Page:
    """What is on a page."""

    text: str = ""
    forms: list[Form] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)  # address, text
    tables: list[list[list[str]]] = field(default_factory=list)  # cells of rows of tables

    def says(self, texts: tuple[str, ...]) -> str | None:
        """Return the first of `texts` that is not seen in its order."""
        position = 0
        for text in texts:
            position = self.text.find(text, position)
            if position < 0:
                return text
            position += len(text)
        return None

    @property
    def filled_tables(self) -> list[list[list[str]]]:
        return [rows for rows in self.tables if rows]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self.form: Form | None = None
        self.link: str | None = None
        self.link_text = ""
        self.silent = 0
        self.cell: str | None = None
        self.row: list[str] = []
        self.has_data = False
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag in SILENT:
            self.silent += 1
        elif tag == "form":
            self.form = Form(
                given.get("method", "get").lower(),
                given.get("action", ""),
                given.get("enctype", "application/x-www-form-urlencoded"),
            )
            self.page.forms.append(self.form)
        elif tag in ("input", "button", "select", "textarea") and self.form is not None:
            self._control(tag, given, self.form)
        elif tag == "a" and "href" in given:
            self.link, self.link_text = given["href"], ""
        elif tag == "table":
            self.page.tables.append([])
        elif tag == "tr":
            self.row, self.has_data = [], False
        elif tag in ("td", "th"):
            self.cell = ""
            self.has_data = self.has_data or tag == "td"

    def _control(self, tag: str, given: dict[str, str], form: Form) -> None:
        kind = given.get("type", {"button": "submit", "input": "text"}.get(tag, tag)).lower()
        if kind in ("submit", "image"):
            form.submits = True
        if kind not in NO_FIELDS:
            form.fields.append((given.get("name", ""), kind))

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self.silent -= 1
        elif tag == "form":
            self.form = None
        elif tag == "a" and self.link is not None:
            self.page.links.append((self.link, _squeezed(self.link_text)))
            self.link = None
        elif tag in ("td", "th") and self.cell is not None:
            self.row.append(_squeezed(self.cell))
            self.cell = None
        elif tag == "tr" and self.row and self.has_data and self.page.tables:
            self.page.tables[-1].append(self.row)

    def handle_data(self, data: str) -> None:
        if self.silent:
            return
        self.texts.append(data)
        if self.link is not None:
            self.link_text += data
        if self.cell is not None:
            self.cell += data


def read(html: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    reader.page.text = _squeezed(" ".join(reader.texts))
    return reader.page


def _squeezed(text: str) -> str:
    return " ".join(text.split())
