"""How the form of an answer differs from the one before: fields that vanish, or change their type.

From the raw JSON alone; a path is `.`-joined names, with `[]` for each element of a list.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any


def form_of(body: bytes) -> dict[str, set[str]]:
    """Path -> types of its values in JSON's words; null is no type."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for path, kind in _walk("", json.loads(body)):
        found[path].add(kind)
    return {path: kinds - {"null"} for path, kinds in found.items()}


def changed_paths(before: bytes, after: bytes) -> set[str]:
    """Paths that the later answer has nowhere, or with other types only; none below another."""
    was, now = form_of(before), form_of(after)
    changed = {
        path
        for path, kinds in was.items()
        if kinds and (path not in now or (now[path] and not kinds & now[path]))
    }
    return {path for path in changed if not any(map(changed.__contains__, _above(path)))}


def _above(path: str) -> Iterator[str]:
    """Every path that a path lies in."""
    for place, sign in enumerate(path):
        if sign in ".[":
            yield path[:place]


def _walk(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if path:
            yield path, "object"
        for name, part in value.items():
            yield from _walk(f"{path}.{name}" if path else name, part)
    elif isinstance(value, list):
        yield path, "array"
        for part in value:
            yield from _walk(f"{path}[]", part)
    else:
        kind = "null" if value is None else "bool" if isinstance(value, bool) else ""
        yield path, kind or ("string" if isinstance(value, str) else "number")
