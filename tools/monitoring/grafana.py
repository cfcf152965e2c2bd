"""A dashboard as Grafana provisions it."""

from __future__ import annotations

import json
from typing import Any, Final

from tools.monitoring.panels import Dashboard, Panel
from tools.monitoring.paths import DASHBOARDS

#: As deploy/compose/grafana/datasources.yaml calls it.
SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
#: Grafana's grid has 24 columns.
COLUMNS: Final = 24
WIDTH: Final = 8
HEIGHT: Final = 8
_SCHEMA: Final = 41


def document(dashboard: Dashboard) -> str:
    """Its JSON."""
    panels = [_panel(number, found) for number, found in enumerate(dashboard.panels)]
    made = {
        "uid": dashboard.name,
        "title": dashboard.title,
        "tags": ["cqar"],
        "timezone": "utc",
        "editable": False,
        "schemaVersion": _SCHEMA,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "panels": panels,
    }
    return json.dumps(made, indent=1, ensure_ascii=False) + "\n"


def file_name(dashboard: Dashboard) -> str:
    return f"{dashboard.name}.json"


def queries() -> list[str]:
    """Every query of the files that Grafana is given."""
    return [
        target["expr"]
        for path in sorted(DASHBOARDS.glob("*.json"))
        for panel in json.loads(path.read_text("utf-8"))["panels"]
        for target in panel["targets"]
    ]


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    row, column = divmod(number, COLUMNS // WIDTH)
    targets = [
        {"refId": chr(ord("A") + index), "expr": query.expr, "legendFormat": query.legend}
        for index, query in enumerate(panel.queries)
    ]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}}
    if panel.limit is not None:
        defaults["custom"]["thresholdsStyle"] = {"mode": "line"}
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.limit}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}},
    }
