"""The histogram that takes no lock says what prometheus_client's own says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.registry import Collector

from cqar_shared.runtime.fast_histogram import FastHistogram

BOUNDS = (0.001, 0.01, 0.1)
OBSERVED = st.lists(st.sampled_from([0.0, 0.0005, 0.001, 0.0011, 0.01, 0.05, 0.1, 0.2, 7.0]))


def samples(registry: CollectorRegistry | Collector) -> set[tuple[str, str, float]]:
    """Without the instant of its making, which the other one tells as well."""
    return {
        (sample.name, str(sorted(sample.labels.items())), round(sample.value, 9))
        for metric in registry.collect()
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


@given(OBSERVED, OBSERVED)
def test_it_tells_what_a_histogram_tells(first: list[float], second: list[float]) -> None:
    other = CollectorRegistry()
    histogram = Histogram("t_seconds", "T.", ["a", "b"], buckets=BOUNDS, registry=other)
    times = FastHistogram("t_seconds", "T.", ["a", "b"], BOUNDS)
    try:
        for seconds, labels in ((first, ("x", "y")), (second, ("x", "z"))):
            observe = times.of(*labels)
            child = histogram.labels(*labels)
            for one in seconds:
                observe(one)
                times.of(*labels)
                child.observe(one)
        assert samples(times) == samples(other)
    finally:
        REGISTRY.unregister(times)


def test_a_name_is_taken_once() -> None:
    times = FastHistogram("t_seconds", "T.", ["a"], BOUNDS)
    try:
        with pytest.raises(ValueError, match="Duplicated"):
            FastHistogram("t_seconds", "T.", ["a"], BOUNDS)
    finally:
        REGISTRY.unregister(times)
