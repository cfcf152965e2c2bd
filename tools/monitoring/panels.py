"""What a dashboard is, whoever draws it: Grafana, or docs/'s pictures."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: As Grafana calls them.
Unit = Literal["short", "ops", "s", "ms", "bytes", "percentunit", "bool", "d"]


class Query(NamedTuple):
    """What is asked.

    Attributes:
        legend: A line's name; {{label}} is replaced by its value.
    """

    expr: str
    legend: str


class Panel(NamedTuple):
    """One graph.

    Attributes:
        says: What it is to be looked at for.
        limit: Where the bar is, in the panel's unit.
    """

    title: str
    unit: Unit
    queries: tuple[Query, ...]
    says: str = ""
    limit: float | None = None


class Dashboard(NamedTuple):
    """A page of graphs.

    Attributes:
        name: Of its file, and its uid in Grafana.
    """

    name: str
    title: str
    panels: tuple[Panel, ...]


def panel(
    title: str, unit: Unit, *queries: tuple[str, str], says: str = "", limit: float | None = None
) -> Panel:
    """A panel of (query, legend)."""
    return Panel(title, unit, tuple(Query(*query) for query in queries), says, limit)


def quantiles(metric: str, by: str, *of: float, within: str = "") -> list[tuple[str, str]]:
    """Queries for quantiles of a histogram, grouped by a label.

    Args:
        within: Matchers.
    """
    labels, legend = (f"{by}, le", f"{{{{{by}}}}} ") if by else ("le", "")
    rate = f"sum by ({labels}) (rate({metric}_bucket{within}[2m]))"
    return [(f"histogram_quantile({q}, {rate})", f"{legend}p{q * 100:g}") for q in of]
