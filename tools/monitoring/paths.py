"""Where what is made here lies."""

from __future__ import annotations

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
RULES: Final = ROOT / "deploy/prometheus/rules"
DASHBOARDS: Final = ROOT / "deploy/grafana/dashboards"
PICTURES: Final = ROOT / "docs/dashboards"
#: The rules again: for the Prometheus Operator, and in the chart, as Helm reads no file outside.
FOR_OPERATOR: Final = ROOT / "deploy/k8s/components/monitoring/rules.yaml"
FOR_CHART: Final = ROOT / "deploy/helm/cqar/rules.yaml"
