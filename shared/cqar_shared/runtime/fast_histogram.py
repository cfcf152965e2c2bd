"""A histogram for events that happen ten thousand times a second.

The one of prometheus_client takes 1.5 us for an observation, with two locks and a search in Python;
the observed call takes 4 us. This one belongs to one event loop, and needs no lock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence

from prometheus_client import REGISTRY, Metric
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import INF, floatToGoString

_text: Callable[[float], str] = floatToGoString


class FastHistogram(Collector):
    """A histogram of seconds with labels, observed and collected in the same thread.

    Args:
        buckets: Ascending upper bounds, without infinity.
    """

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], buckets: Sequence[float]
    ) -> None:
        self._name = name
        self._documentation = documentation
        self.labels = tuple(labels)
        self._bounds = list(buckets)
        #: Label values -> (count of each bucket, [sum of seconds]).
        self._seen: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}
        REGISTRY.register(self)

    def of(self, *values: str) -> Callable[[float], None]:
        """Return the function that observes seconds under these label values; keep it."""
        bounds = self._bounds
        counts, total = self._seen.setdefault(values, ([0] * (len(bounds) + 1), [0.0]))

        def observe(seconds: float) -> None:
            counts[bisect_left(bounds, seconds)] += 1
            total[0] += seconds

        return observe

    def describe(self) -> Iterator[Metric]:
        yield HistogramMetricFamily(self._name, self._documentation, labels=self.labels)

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._documentation, labels=self.labels)
        for values, (counts, total) in self._seen.items():
            below, buckets = 0, list[tuple[str, float]]()
            for bound, count in zip([*self._bounds, INF], counts, strict=True):
                below += count
                buckets.append((_text(bound), below))
            family.add_metric(values, buckets, total[0])
        yield family
