"""JSON for people: what fits on a line stands on one line."""

from __future__ import annotations

import json
from typing import Any, Final

LINE_CHARS_MAX: Final = 96
_STEP: Final = "  "


def lay_out(value: Any, indent: str = "", taken: int = 0) -> str:
    """The same JSON, broken into lines only where it is too long for one.

    Args:
        taken: Characters that stand before it on its first line.
    """
    flat = json.dumps(value, ensure_ascii=False)
    if not value or not isinstance(value, dict | list):
        return flat
    if len(indent) + taken + len(flat) <= LINE_CHARS_MAX:
        return flat
    inner = indent + _STEP
    if isinstance(value, list):
        rows = [inner + lay_out(item, inner) for item in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    named = ((json.dumps(key) + ": ", item) for key, item in value.items())
    rows = [inner + name + lay_out(item, inner, len(name)) for name, item in named]
    return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
