"""Refuses filters that name nothing: a mistyped venue must not look like an empty one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.near_names import NAMES_MAX, did_you_mean
from cqar_shared.errors import EntityNotFound

#: A request's field -> the kind whose entity it names.
NAMED: Final[Mapping[str, AnyKind]] = {
    "asset_id": ASSET,
    "base_asset_id": ASSET,
    "quote_asset_id": ASSET,
    "symbol_id": SYMBOL,
    "chain_id": CHAIN,
    "venue_id": VENUE,
}
#: The longest name shown in an error.
SHOWN_CHARS_MAX: Final = 128


class NameReader(Protocol):
    """Reads which entities exist, at one revision."""

    async def exists(self, kind: AnyKind, key: str) -> bool:
        """Return whether the entity exists, archived ones included."""

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        """Return keys of a kind, `limit` of them at most."""


async def require_named(reader: NameReader, fields: Iterable[tuple[str, Any]]) -> None:
    """Refuse filters that name what does not exist.

    An entity that anything refers to exists: only an empty answer needs this check.

    Args:
        fields: (field, value) of a request.

    Raises:
        EntityNotFound: A filter names an entity that does not exist; names the first.
    """
    for field, value in fields:
        kind = NAMED.get(field)
        if kind is None or not value or await reader.exists(kind, value):
            continue
        near = ""
        if not kind.keyed_by_uuid:
            near = did_you_mean(value, await reader.keys(kind, NAMES_MAX))
        raise unknown(kind, value, near)


def unknown(kind: AnyKind, name: str, hint: str) -> EntityNotFound:
    """Return the error for a name of nothing; a long name is cut."""
    shown = name if len(name) <= SHOWN_CHARS_MAX else f"{name[:SHOWN_CHARS_MAX]}…"
    return EntityNotFound(kind.name, shown, hint)
