"""What a query of Prometheus names: metrics, and labels by which it selects, groups and joins.

No parser: names that are followed by no parenthesis are metrics, what stands in braces or behind
`by`, `on` and their like is a label. That is all our own queries need.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING: Final = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR: Final = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_MATCHER: Final = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")')
_RANGE: Final = re.compile(r"\[[^]]*\]|\boffset\s+\w+")
_NAME: Final = re.compile(r"(?<![\w.:])([a-zA-Z_:][\w:]*)(?!\s*\(|[\w:])")
_WORDS: Final = frozenset(
    {"and", "or", "unless", "bool", "by", "without", "on", "ignoring", "group_left", "group_right"}
    | {"Inf", "NaN"}
)


class Matcher(NamedTuple):
    label: str
    operator: str
    value: str


class Named(NamedTuple):
    """What a query names.

    Attributes:
        selectors: (metric, matchers), once for each place where a metric stands.
        grouped: Labels by which is grouped or joined.
    """

    selectors: list[tuple[str, list[Matcher]]]
    grouped: set[str]


def named(query: str) -> Named:
    """Read a query.

    Raises:
        ValueError: A selector has something that is no matcher.
    """
    selectors = []
    for metric, inside in _SELECTOR.findall(query):
        matchers = [
            Matcher(label, how, text[1:-1]) for label, how, text in _MATCHER.findall(inside)
        ]
        if _MATCHER.sub("", inside).strip(", "):
            raise ValueError(f"no matchers: {inside}")
        selectors.append((metric, matchers))
    rest = _STRING.sub(" ", _SELECTOR.sub(" ", query))
    grouped = {
        label.strip() for found in _GROUPING.findall(rest) for label in found.split(",") if label
    }
    bare = _RANGE.sub(" ", _GROUPING.sub(" ", rest))
    selectors += [(name, []) for name in _NAME.findall(bare) if name not in _WORDS]
    return Named(selectors, grouped)
