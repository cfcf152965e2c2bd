"""Facts that come with CQAR: assets, chains, venues, codes and well-known venue symbols.

They are read from the JSON files of this package and validated by the kinds' own rules. Loading
adds what is missing; what the registry states already stays, and is added to (`updates`).

Every product line of a reader is a venue. `venues.json` adds what a reader does not know of it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, NamedTuple

from cqar.admin.connection import Connection
from cqar.admin.entity_lists import entities_of
from cqar.catalogue import entities
from cqar.catalogue.entities import KindEntity, bundled_venues
from cqar.catalogue.tables import asset_id, read_table
from cqar.catalogue.updates import updated
from cqar.importer.apply import ApplyResult, apply_entities
from cqar.importer.registry_state import RegistryState, load_codes, load_listings, load_products
from cqar_shared.domain.kind import AnyKind, Entity
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.symbol import SYMBOL, complete, same_identity
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL

__all__ = ["CatalogueChanges", "asset_id", "bundled_venues", "changes", "load", "read_table"]


class CatalogueChanges(NamedTuple):
    """What a load sends, and the number of the catalogue's entities that need no change."""

    entities: list[KindEntity]
    unchanged: int


def load(
    connection: Connection,
    now: dt.datetime,
    progress: Callable[[int, int], None] = lambda _, __: None,
    *,
    listings: bool = True,
) -> ApplyResult:
    """Add what the registry lacks of the catalogue.

    Args:
        progress: Takes the number of items done and the total.
        listings: Whether to load symbols and venue symbols too; without them, a venue's first
            import brings its listings.

    Raises:
        CallFailed: the writer refused or did not answer.
    """
    found = changes(_state(connection, now), listings=listings)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress(done, len(found.entities))

    result = apply_entities(connection, found.entities, "the bundled catalogue", advance)
    return result._replace(unchanged=result.unchanged + found.unchanged)


def _state(connection: Connection, now: dt.datetime) -> RegistryState:
    """The part of the registry that may already have the catalogue's entities."""
    state = RegistryState(now)
    load_products(connection, state)
    for identifier in entities_of(connection, ASSET_IDENTIFIER):
        state.add(ASSET_IDENTIFIER, identifier)
    tables = (read_table("venue_assets"), read_table("venue_symbols"))
    held = {row["venue"] for table in tables for row in table}
    for venue_id in sorted(held):
        if state.get(VENUE.name, venue_id) is not None:
            load_codes(connection, state, venue_id)
            load_listings(connection, state, venue_id)
    return state


def changes(state: RegistryState, *, listings: bool) -> CatalogueChanges:
    """What the registry lacks of the catalogue, in an order in which each finds what it names."""
    found: list[KindEntity] = []
    unchanged = 0
    for kind, stated in entities.without_listings():
        held = _held(kind, stated, state)
        wanted = stated if held is None else updated(held, stated)
        if wanted == held:
            unchanged += 1
        else:
            found.append((kind, wanted))
    if not listings:
        return CatalogueChanges(found, unchanged)
    existing: set[str] = set()
    for row in read_table("venue_symbols"):
        at = list(state.find(VENUE_SYMBOL.name, "spelling", row["venue"], row["spelling"]))
        if at:
            unchanged += 1
            existing |= {listing.symbol_id for listing in at}
            continue
        symbol = complete(None, entities.symbol_of(row), state)
        known = same_identity(symbol, state)
        if known is None:
            state.add(SYMBOL, symbol)
            found.append((SYMBOL, symbol))
        found.append((VENUE_SYMBOL, entities.listing_of(row, known or symbol)))
    return CatalogueChanges(found, unchanged + len(existing))


def _held(kind: AnyKind, stated: Entity, state: RegistryState) -> Any:
    """The registry's entity that says the same, by its id or by what else identifies it."""
    if (held := state.get(kind.name, kind.key_of(stated))) is not None:
        return held
    return kind.existing(stated, state) if kind.existing is not None else None
