"""Draws a dashboard as Grafana would lay it out: Grafana itself is not to be had here."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, MaxNLocator

from tools.monitoring.panels import Dashboard, Panel, Query, Unit
from tools.monitoring.pictures.prometheus import Series

COLUMNS: Final = 3
#: Of one panel, in inches.
WIDTH: Final = 5.0
HEIGHT: Final = 2.6
LINES_MAX: Final = 8
#: For the legend.
HEADROOM: Final = 1.6
CLOCK: Final = DateFormatter("%H:%M:%S", tz=dt.UTC)  # type: ignore[no-untyped-call]
UNITS: Final[dict[Unit, Any]] = {
    "short": FuncFormatter(lambda value, _: f"{value:,.10g}"),
    "ops": FuncFormatter(lambda value, _: f"{value:,.3g}/s"),
    "s": EngFormatter("s"),
    "ms": FuncFormatter(lambda value, _: f"{value:,.0f} ms"),
    "bytes": EngFormatter("B"),
    "percentunit": FuncFormatter(lambda value, _: f"{100 * value:.4g} %"),
    "bool": FuncFormatter(lambda value, _: {0: "no", 1: "yes"}.get(value, "")),
    "d": FuncFormatter(lambda value, _: f"{value:,.0f} d"),
}

#: A query's lines, with the query: for the legend.
Lines = list[tuple[Query, Series]]


def draw(dashboard: Dashboard, ask: Callable[[Query], list[Series]], file: Path) -> list[str]:
    """Draw all panels into an SVG.

    Returns:
        The titles of panels in which there is nothing.
    """
    rows = math.ceil(len(dashboard.panels) / COLUMNS)
    figure = Figure(figsize=(WIDTH * COLUMNS, HEIGHT * rows), layout="constrained")
    places = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
    empty = []
    for place, panel in zip(places, dashboard.panels, strict=False):
        lines = [(query, series) for query in panel.queries for series in ask(query)]
        if not _draw_panel(place, panel, lines):
            empty.append(panel.title)
    for place in places[len(dashboard.panels) :]:
        place.set_axis_off()
    figure.suptitle(dashboard.title, fontsize=12, fontweight="bold")
    # The same picture of the same numbers, on any day; text stays text, and small.
    settings: Any = {"svg.hashsalt": "cqar", "svg.fonttype": "none", "path.simplify_threshold": 0.5}
    with mpl.rc_context(settings):
        figure.savefig(file, metadata={"Date": None, "Creator": None})
    return empty


def legend_of(query: Query, labels: Mapping[str, str]) -> str:
    """Grafana's way: {{label}} is the label's value."""
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), query.legend).strip()


def _draw_panel(place: Any, panel: Panel, lines: Lines) -> bool:
    place.set_title(panel.title, fontsize=9, loc="left", fontweight="bold")
    place.tick_params(labelsize=7)
    place.grid(alpha=0.3)
    shown = sorted(((q, s) for q, s in lines if _finite(s)), key=_newest, reverse=True)
    for query, series in shown[:LINES_MAX]:
        points = _finite(series)
        times = [dt.datetime.fromtimestamp(at, dt.UTC) for at, _ in points]
        values = [value for _, value in points]
        place.plot(times, values, linewidth=1.1, label=legend_of(query, series.labels))
    if not shown:
        place.text(0.5, 0.5, "none", transform=place.transAxes, ha="center", color="grey")
        return False
    top = max(value for _, series in shown for _, value in _finite(series))
    if panel.limit is not None and panel.limit <= 3 * top:
        place.axhline(panel.limit, color="red", linewidth=0.8, linestyle="--")
    place.set_ylim(0, max(HEADROOM * top, 1 if panel.unit in ("short", "bool") else 0) or 1)
    place.yaxis.set_major_formatter(UNITS[panel.unit])
    place.xaxis.set_major_formatter(CLOCK)
    place.xaxis.set_major_locator(MaxNLocator(4))
    hidden = len(shown) - LINES_MAX
    title = f"and {hidden} more" if hidden > 0 else None
    place.legend(fontsize=6, ncols=2, loc="upper left", title=title, title_fontsize=6)
    return True


def _finite(series: Series) -> list[tuple[float, float]]:
    return [(at, value) for at, value in series.points if math.isfinite(value)]


def _newest(line: tuple[Query, Series]) -> float:
    return _finite(line[1])[-1][1]
