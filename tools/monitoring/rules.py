"""The alerting and recording rules, read from the one place where they are changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from msgspec import yaml

from tools.monitoring.paths import RULES

Rule = dict[str, Any]

NOTE: Final = "# Made by `make monitoring` from deploy/prometheus/rules.\n"
_LABELS: Final = {"app.kubernetes.io/name": "cqar", "app.kubernetes.io/instance": "cqar"}


def groups() -> list[Rule]:
    """All groups of all files, those that record before those that need what is recorded."""
    files = sorted(RULES.glob("*.yaml"), key=lambda path: (path.stem != "recording", path.stem))
    return [group for path in files for group in yaml.decode(path.read_bytes())["groups"]]


def rules() -> Iterator[Rule]:
    for group in groups():
        yield from group["rules"]


def alerts() -> list[Rule]:
    return [rule for rule in rules() if "alert" in rule]


def recorded() -> set[str]:
    """The names of what recording rules make."""
    return {rule["record"] for rule in rules() if "record" in rule}


def for_operator() -> str:
    """As a PrometheusRule."""
    made = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "cqar", "labels": _LABELS},
        "spec": {"groups": groups()},
    }
    return NOTE + _dumped(made)


def for_chart() -> str:
    """As the chart's template takes it in."""
    return NOTE + _dumped({"groups": groups()})


def _dumped(content: Rule) -> str:
    return yaml.encode(content).decode()
