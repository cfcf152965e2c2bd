"""Counts and logs stored values that are refused; a forger cannot fill the log."""

from __future__ import annotations

import logging
import time
from typing import Final, Literal, get_args

from prometheus_client import Counter

log = logging.getLogger(__name__)

#: `cursor` and `cache` are the writers' cache in Redis, `image` is the registry's image in Redis,
#: `file` is the last good file.
Source = Literal["cursor", "cache", "image", "file"]
REFUSED: Final = Counter(
    "cqar_integrity_refused_total",
    "Stored values that were not made under the integrity key, and were not used.",
    ["source"],
)
for _source in get_args(Source):
    REFUSED.labels(_source)  # starts at 0, so that the first one is an increase
#: Time between two log lines of one source.
APART_S: Final = 60.0

_said_s: dict[Source, float] = {}


def note(source: Source, what: str) -> None:
    """Count and log a value that was not used.

    Args:
        what: The value, and what is wrong with it.
    """
    REFUSED.labels(source).inc()
    now_s = time.monotonic()
    if now_s - _said_s.get(source, -APART_S) >= APART_S:
        _said_s[source] = now_s
        log.error(
            "not believed, and not used: %s. It was made by a former release, under another"
            " integrity key, or by somebody who has none (%s; at most one line a minute)",
            *(what, source),
        )
