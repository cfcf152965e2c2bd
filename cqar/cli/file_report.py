"""Shows what files change, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from cqar.cli.output import say, table
from cqar.files.comparison import FileChange
from cqar_shared.domain.near_names import did_you_mean

ROWS_SHOWN: Final = 40
_WORDS: Final = {"CREATED": "new", "UPDATED": "changed", "DELETED": "removed"}

Rows = Sequence[tuple[FileChange, str]]


def unused_label(name: str, known: Iterable[str]) -> str:
    near = did_you_mean(name, known)
    return f" {near}" if near else ""


def changes_document(rows: Rows, problems: list[str], revision: int) -> dict[str, Any]:
    """What would change, as one JSON document."""
    return {
        "revision": revision,
        "changes": [
            {
                "kind": change.kind.name,
                "key": change.key,
                "outcome": status,
                "place": change.place,
                "differences": [
                    {"field": field, "before": before, "after": after}
                    for field, before, after in change.fields
                ]
                if status == "UPDATED"
                else [],
            }
            for change, status in rows
        ],
        "problems": problems,
    }


def show_changes(rows: Rows, labels: dict[str, str], *, show_all: bool) -> None:
    """Counts first, then the changes, grouped by kind."""
    if not rows:
        say("Nothing would change.")
        return
    counts = Counter((change.kind.name, status) for change, status in rows)
    table(
        "Changes",
        ("kind", *_WORDS.values()),
        [
            (kind, *(str(counts[kind, status] or "") for status in _WORDS))
            for kind in dict.fromkeys(change.kind.name for change, _ in rows)
        ],
    )
    shown = rows if show_all else rows[:ROWS_SHOWN]
    for change, status in shown:
        name = label_of(change, labels)
        if status != "UPDATED":
            say(f"{_WORDS[status]}: {change.kind.name} {name}")
            continue
        say(f"changed: {change.kind.name} {name}")
        for field, before, after in change.fields:
            say(f"    {field}: {_text(before)} → {_text(after)}")
    if len(rows) > len(shown):
        say(f"… and {len(rows) - len(shown)} more: --all shows them")


def label_of(change: FileChange, labels: dict[str, str]) -> str:
    """What people call an entity: its spelling at its venue, its name, or else its key."""
    record = change.after or change.before or {}
    if spelling := record.get("venue_symbol") or record.get("venue_asset_symbol"):
        return f"{record.get('venue_id')}/{spelling}"
    own = record.get("symbol") or record.get("name") or record.get("chain_name")
    owner = record.get("asset_id") or record.get("from_asset_id") or record.get("symbol_id")
    return str(own or labels.get(str(owner), "") or change.key)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
