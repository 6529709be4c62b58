"""The chart: how far each goal was reached, and how the peers did beside ours. SVG, by hand."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from statistics import median

from benchmarks.results import Figure, Result, by_measure, ratios

WIDTH = 860  # pixels
LEFT = 400  # for the names
ROOM = 330  # for the longest bar; what it stands for is told behind it
ROW = 22
BAR = 14
HEAD = 34
LEAST, MOST = 0.1, 10.0  # times what it must be: the ends of the scale
COLOURS = {"quartapp": "#0d6efd", "Flask": "#6c757d", "FastAPI": "#198754"}
OTHER = "#b58900"
REACHED, MISSED = "#198754", "#dc3545"

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.head { font-weight: 600 }
.small { font-size: 11px; fill: #59636e }
.ground { fill: #ffffff }
.line { stroke: #1f2328 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .small { fill: #9198a1 } .ground { fill: #0d1117 }
  .line { stroke: #e6edf3 }
}
"""


def goals(results: Sequence[Result]) -> str:
    """How far each goal was reached, on a logarithmic scale."""
    rows = [
        (HEAD, _text(10, 20, "The line is what must be reached; a longer bar is better", "head"))
    ]
    line = f'<path d="M{LEFT + _place(1):.1f} 0v{ROW}" class="line"/>'
    for result in results:
        for target in result.targets:
            kind, word = (REACHED, "reached") if target.reached else (MISSED, "missed")
            told = f"{target.value:.3g} {target.unit} {word}"
            bar = _bar(target.name, told, _place(target.share), kind, beyond=_place(1))
            rows.append((ROW, bar + line))
    return _drawing("How far each goal of the benchmark was reached", rows)


def comparisons(results: Sequence[Result]) -> str:
    """How the peers did beside ours, a group for each measure."""
    rows: list[tuple[int, str]] = []
    for result in results:
        for measure, figures in by_measure(result).items():
            if len(figures) > 1:
                rows += _group(f"{result.title}: {measure}", figures)
    return _drawing("How Flask and FastAPI did beside quartapp", rows)


def _group(title: str, figures: Sequence[Figure]) -> Iterator[tuple[int, str]]:
    better = "shorter" if figures[0].less_is_better else "longer"
    yield HEAD, _text(10, 24, f"{title} ({better} is better)", "head")
    largest = max(figure.value for figure in figures) or 1
    for figure in figures:
        ratio = median(ratios(figure, figures[0]))
        colour = COLOURS.get(figure.contestant.split(",")[0], OTHER)
        yield ROW, _bar(figure.contestant, f"{ratio:.3g} x", figure.value / largest * ROOM, colour)


def _drawing(label: str, rows: Sequence[tuple[int, str]]) -> str:
    y, parts = 10, []
    for height, drawn in rows:
        parts.append(f'<g transform="translate(0 {y})">{drawn}</g>')
        y += height
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 10}" role="img" '
        f'aria-label="{escape(label)}"><style>{STYLE}</style>'
        f'<rect class="ground" width="{WIDTH}" height="{y + 10}"/>{"".join(parts)}</svg>\n'
    )


def _bar(name: str, told: str, width: float, colour: str, *, beyond: float = 1.0) -> str:
    rect = f'<rect x="{LEFT}" y="3" width="{max(1.0, width):.1f}" height="{BAR}" fill="{colour}"/>'
    return _text(20, 15, name) + rect + _text(LEFT + max(beyond, width) + 6, 15, told, "small")


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y}" class="{kind}">{escape(text)}</text>'


def _place(share: float) -> float:
    """Where a share lies on the logarithmic scale."""
    held = min(MOST, max(LEAST, share))
    return math.log(held / LEAST) / math.log(MOST / LEAST) * ROOM
