"""A listing that never meant its symbol: it is voided, and another symbol has its period. Pure.

A listing's symbol never changes, so the replacement is another listing: of the same spelling and
period, with the terms of now. Its aliases and the source of its terms go with it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cqar_shared.domain.alias_rules import aliases_of
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol, same_identity
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol

_NAMESPACE: Final = uuid.UUID("5f4f2c6e-20f1-5a0b-8d57-8b6f3f2d9a10")


def replaced_id(listing_id: str, symbol_id: str) -> str:
    """The id of the listing that takes a listing's place with another symbol."""
    return str(uuid.uuid5(_NAMESPACE, f"{listing_id} {symbol_id}"))


def replacement_items(
    listing: VenueSymbol, symbol_id: str, changes: dict[str, Any], registry: RegistryView
) -> Iterator[Item]:
    """Yield the removals of a listing and of its aliases, and what takes their places.

    Args:
        listing: With its terms of now.
        changes: Terms of the replacement that are others.
    """
    aliases = aliases_of(listing, registry)
    for old in (*aliases, listing):
        yield Item(kind=VENUE_SYMBOL, intent=ChangeIntent.REMOVE, key=old.listing_id)
    replaced = msgspec.structs.replace(listing, **changes)
    for old in (replaced, *aliases):
        new_id = replaced_id(old.listing_id, symbol_id)
        new = msgspec.structs.replace(old, listing_id=new_id, symbol_id=symbol_id)
        yield Item(kind=VENUE_SYMBOL, intent=ChangeIntent.UPSERT, given=new)
        source = registry.get(LISTING_SOURCE.name, old.listing_id)
        if source is not None:
            moved = msgspec.structs.replace(source, listing_id=new_id)
            yield Item(kind=LISTING_SOURCE, intent=ChangeIntent.UPSERT, given=moved)


def symbol_like(
    symbol: Symbol, changes: dict[str, Any], registry: RegistryView
) -> tuple[str, list[Item]]:
    """Return the symbol that differs from another by its identity, and the item that makes it.

    Its text and its contract kind follow from its assets, unless `changes` has them.
    """
    given = {"symbol_id": "", "symbol": "", "contract_kind": None, **changes}
    wanted = msgspec.structs.replace(symbol, **given)
    known = same_identity(wanted, registry)
    if known is not None:
        return known.symbol_id, []
    identity = sorted((name, str(value)) for name, value in changes.items())
    new_id = str(uuid.uuid5(_NAMESPACE, f"{symbol.symbol_id} {identity}"))
    new = msgspec.structs.replace(wanted, symbol_id=new_id)
    return new_id, [Item(kind=SYMBOL, intent=ChangeIntent.UPSERT, given=new)]
