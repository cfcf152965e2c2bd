"""What a request's filters name must exist: else a mistyped venue looks like an empty one."""

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
#: Of a name, in an error.
SHOWN_CHARS_MAX: Final = 128


class NameReader(Protocol):
    """Reads which entities there are, at one revision."""

    async def exists(self, kind: AnyKind, key: str) -> bool:
        """Whether the entity is there, archived ones included."""

    async def keys(self, kind: AnyKind, limit: int) -> list[str]:
        """Keys of a kind, `limit` of them at most."""


async def require_named(reading: NameReader, named: Iterable[tuple[str, Any]]) -> None:
    """Refuse filters that name what is not there.

    What has anything exists, so only an empty answer needs to be looked at.

    Args:
        named: (field, value) of a request.

    Raises:
        NotFound: An entity that a filter names; the first.
    """
    for field, value in named:
        kind = NAMED.get(field)
        if kind is None or not value or await reading.exists(kind, value):
            continue
        near = ""
        if not kind.keyed_by_uuid:
            near = did_you_mean(value, await reading.keys(kind, NAMES_MAX))
        raise unknown(kind, value, near)


def unknown(kind: AnyKind, name: str, hint: str) -> EntityNotFound:
    """The error for a name that nothing has, however long that is."""
    shown = name if len(name) <= SHOWN_CHARS_MAX else f"{name[:SHOWN_CHARS_MAX]}…"
    return EntityNotFound(kind.name, shown, hint)
