"""docs/METRICS.md, from the metrics that the services' modules hold, and the comments above them."""

from __future__ import annotations

import inspect
import re
import sys
from importlib import import_module
from types import ModuleType
from typing import Final, NamedTuple

from prometheus_client import Counter, Enum
from prometheus_client.metrics import MetricWrapperBase

from cqar_shared.runtime.fast_histogram import FastHistogram
from tools.reference.markdown_table import MADE, table

#: Where a process of ours begins: whatever it may count is imported with it.
ENTRIES: Final = ("cqar_writer.app", "cqar_resolver.app", "cqar.reconciler.app")
PREFACE: Final = f"""\
# Metrics

{MADE}

Both services and the reconciler export metrics at `/metrics` of their HTTP port (8080, 8081 and 8082; no key is needed). prometheus_client adds `process_*` and `python_*`.
Each label has few values: never a key or a symbol, and a venue only where a reconciler is configured with it. A histogram `x` has
`x_bucket`, `x_sum` and `x_count`. A name ends in its unit. `deploy/prometheus/rules` has the alerts and their
thresholds, `deploy/grafana/dashboards` the dashboards.
"""
TITLES: Final = {
    "cqar_shared": "Every process",
    "cqar_writer": "The writer",
    "cqar_resolver": "A resolver",
    "cqar.reconciler": "The reconciler",
}
#: `#: …` above `NAME: Final = `, as these modules write their comments.
_COMMENT = re.compile(r"((?:^#: .*\n)+)^(\w+): Final = ", re.MULTILINE)


class Metric(NamedTuple):
    """A metric as a scrape shows it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


def metrics_page() -> str:
    parts = [PREFACE]
    for package, found in metrics().items():
        parts.append(f"\n## {TITLES[package]}\n\n")
        rows = [(f"`{m.name}`", m.kind, ", ".join(m.labels), m.help) for m in found]
        parts.append(table(("name", "type", "labels", "what"), sorted(rows)))
    return "".join(parts)


def metrics() -> dict[str, list[Metric]]:
    """Of each package, what its modules hold once both services are imported."""
    for entry in ENTRIES:
        import_module(entry)
    found: dict[str, list[Metric]] = {package: [] for package in TITLES}
    seen: set[int] = set()
    for package in TITLES:  # shared first: what others import of it is its own
        for name in sorted(n for n in sys.modules if n.startswith(f"{package}.")):
            for metric, comment in _held(sys.modules[name]):
                if id(metric) not in seen:
                    seen.add(id(metric))
                    found[package].append(_read(metric, comment))
    return found


def _held(module: ModuleType) -> list[tuple[MetricWrapperBase | FastHistogram, str]]:
    held = {
        n: v for n, v in vars(module).items() if isinstance(v, MetricWrapperBase | FastHistogram)
    }
    if not held:
        return []
    comments = {
        name: " ".join(line.removeprefix("#: ") for line in text.splitlines())
        for text, name in _COMMENT.findall(inspect.getsource(module))
    }
    return [(metric, comments.get(name, "")) for name, metric in held.items()]


def _read(metric: MetricWrapperBase | FastHistogram, comment: str) -> Metric:
    (family,) = metric.describe()
    name = f"{family.name}_total" if isinstance(metric, Counter) else family.name
    # Nothing public tells those of prometheus_client's own.
    labels = metric.labels if isinstance(metric, FastHistogram) else metric._labelnames  # noqa: SLF001
    if isinstance(metric, Enum):  # a gauge for each state, labelled with the metric's own name
        return Metric(name, "gauge", (*labels, name), family.documentation)
    help_ = f"{family.documentation} {comment}".strip()
    return Metric(name, family.type, tuple(labels), help_)
