"""Everything that is made here and committed, by the file that holds it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tools.monitoring import grafana, infrastructure, reconciler, registry, rules, sidecars
from tools.monitoring.paths import DASHBOARDS, FOR_CHART, FOR_OPERATOR

ALL: Final = (
    *(registry.DASHBOARD, sidecars.DASHBOARD),
    *(reconciler.DASHBOARD, infrastructure.DASHBOARD),
)


def made() -> dict[Path, str]:
    """What each file is to hold."""
    dashboards = {DASHBOARDS / grafana.file_name(one): grafana.document(one) for one in ALL}
    return {**dashboards, FOR_OPERATOR: rules.for_operator(), FOR_CHART: rules.for_chart()}


def differing() -> list[Path]:
    """The files that do not hold what they are to."""
    return [
        path
        for path, text in made().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def write() -> None:
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
