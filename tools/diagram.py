"""`python -m tools.diagram`: draw docs/architecture.svg from docs/architecture.toml.

The picture follows the reader's light or dark theme by a media query inside the SVG.
"""

from __future__ import annotations

import tomllib
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "docs" / "architecture.toml"
PICTURE: Final = SOURCE.with_suffix(".svg")
#: Of a box, between boxes, and around them all; in pixels.
WIDTH: Final = 220
HEIGHT: Final = 84
GAP_X: Final = 130
GAP_Y: Final = 46
MARGIN: Final = 14
STYLE: Final = """\
<style>
text { font: 12px sans-serif; fill: #1b1f24; text-anchor: middle; }
.title { font-weight: bold; font-size: 14px; }
rect { stroke: #57606a; rx: 6px; }
line { stroke: #57606a; stroke-width: 1.5; }
marker path { fill: #57606a; }
.service { fill: #dbeafe; } .store { fill: #f0f2f4; } .caller { fill: #e7f6e7; }
.dashed { stroke-dasharray: 5 4; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  rect, line { stroke: #9aa4af; } marker path { fill: #9aa4af; }
  .service { fill: #17385f; } .store { fill: #262c34; } .caller { fill: #1d3a24; }
}
</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" orient="auto"
 markerWidth="8" markerHeight="8"><path d="M0 0 8 4 0 8z"/></marker></defs>
"""


class Corner(NamedTuple):
    """The upper left corner of a box, in pixels."""

    x: int
    y: int


def draw(source: str) -> str:
    """Return the SVG of a diagram's text."""
    diagram = tomllib.loads(source)
    corners = {box["name"]: _corner_of(*box["cell"]) for box in diagram["box"]}
    width = max(corner.x for corner in corners.values()) + WIDTH + MARGIN
    height = max(corner.y for corner in corners.values()) + HEIGHT + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n',
        f"<title>{escape(diagram['title'])}</title>\n",
        STYLE,
        *(_arrow(arrow, corners) for arrow in diagram["arrow"]),
        *(_box(box, corners[box["name"]]) for box in diagram["box"]),
    ]
    return "".join(parts) + "</svg>\n"


def _corner_of(column: int, row: int) -> Corner:
    return Corner(MARGIN + column * (WIDTH + GAP_X), MARGIN + row * (HEIGHT + GAP_Y))


def _box(box: dict[str, Any], corner: Corner) -> str:
    middle = corner.x + WIDTH // 2
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    parts = [f'<rect class="{box["style"]}" x="{corner.x}" y="{corner.y}" {size}/>\n']
    for number, text in enumerate((box["title"], *box["lines"])):
        style = ' class="title"' if number == 0 else ""
        y = corner.y + 26 + number * 20
        parts.append(f'<text{style} x="{middle}" y="{y}">{escape(text)}</text>\n')
    return "".join(parts)


def _arrow(arrow: dict[str, Any], corners: dict[str, Corner]) -> str:
    start, end = corners[arrow["from"]], corners[arrow["to"]]
    if start.x == end.x:
        is_down = start.y < end.y
        x1 = x2 = start.x + WIDTH // 2
        y1, y2 = start.y + HEIGHT * is_down, end.y + HEIGHT * (not is_down)
        label_x, label_y = x1 + 8 + 4 * len(arrow["label"]), (y1 + y2) // 2 + 4
    else:
        x1, x2 = start.x + WIDTH, end.x
        y1, y2 = start.y + HEIGHT // 2, end.y + HEIGHT // 2
        # A label stands above its line; beside it where the line is steep.
        aside = 0 if y1 == y2 else 40 if y1 < y2 else -40
        label_x, label_y = (x1 + x2) // 2 + aside, (y1 + y2) // 2 - 8
    dashed = ' class="dashed"' if arrow.get("dashed") else ""
    line = f'<line{dashed} x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" marker-end="url(#head)"/>\n'
    return line + f'<text x="{label_x}" y="{label_y}">{escape(arrow["label"])}</text>\n'


if __name__ == "__main__":
    PICTURE.write_text(draw(SOURCE.read_text(encoding="utf-8")), encoding="utf-8")
