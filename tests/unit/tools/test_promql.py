"""What a query names is found, however it is written."""

from __future__ import annotations

import pytest

from tools.monitoring.promql import Matcher, named


@pytest.mark.parametrize(
    ("query", "metrics", "grouped"),
    [
        ("a_total", ["a_total"], set()),
        ("sum by (job, le) (rate(a_bucket[5m]))", ["a_bucket"], {"job", "le"}),
        ("rate(a[5m]) / on (job) group_left (x) b offset 1h > 0.5", ["a", "b"], {"job", "x"}),
        ("a and b or c unless on () d", ["a", "b", "c", "d"], set()),
        ("cqar:x:ratio5m > 14.4 * 0.001", ["cqar:x:ratio5m"], set()),
        ("min without (instance) (a) - time() < 2 * 86400", ["a"], {"instance"}),
        ("a > 1e3 or b == Inf", ["a", "b"], set()),
    ],
)
def test_metrics_and_grouping_labels_are_named(
    query: str, metrics: list[str], grouped: set[str]
) -> None:
    found = named(query)
    assert [metric for metric, _ in found.selectors] == metrics
    assert found.grouped == grouped


def test_matchers_are_named_with_their_values() -> None:
    ((metric, matchers),) = named('rate(a{x="b c", y=~"d|e",z!="by (f)"}[1m])').selectors
    assert metric == "a"
    assert matchers == [
        Matcher("x", "=", "b c"),
        Matcher("y", "=~", "d|e"),
        Matcher("z", "!=", "by (f)"),
    ]


def test_what_is_no_matcher_is_refused() -> None:
    with pytest.raises(ValueError, match="no matchers"):
        named('a{x="b", c}')
