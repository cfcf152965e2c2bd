"""Keeps with the target what came to a symbol after a merge, when the symbol goes back. Pure.

A symbol that the merge only let be of the target goes back to its asset, with the listings that it
had. Listings that were first seen since mean the target: they get a symbol of its own, of the same
terms.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from typing import Final

from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.relinking import found, relink

#: A symbol's id follows from the one that it was apart of, and from when.
_NAMESPACE: Final = uuid.UUID("b6a3f6e2-3f3c-5c7e-8d1a-6a6f3d1d2a44")


def keep_newer_listings(
    symbol: Symbol, merged_at: dt.datetime | None, registry: RegistryView
) -> Iterator[Item]:
    """Yield the target's own symbol, and its listings; nothing if there are none.

    Args:
        symbol: As it is now, before it goes back.
        merged_at: When it was merged.
    """
    listings: list[VenueSymbol] = found(registry, VENUE_SYMBOL.name, "symbol", symbol.symbol_id)
    newer = [each for each in listings if not each.alias_of and _is_newer(each, merged_at)]
    if not newer:
        return
    own_id = str(uuid.uuid5(_NAMESPACE, f"{symbol.symbol_id} {merged_at}"))
    yield relink(SYMBOL, symbol, symbol_id=own_id)
    spelled = {(each.venue_id, each.venue_symbol) for each in newer}
    aliases = [each for each in listings if (each.venue_id, each.alias_of) in spelled]
    for listing in (*newer, *aliases):
        yield relink(VENUE_SYMBOL, listing, symbol_id=own_id)


def _is_newer(listing: VenueSymbol, merged_at: dt.datetime | None) -> bool:
    seen = listing.first_seen_at
    return seen is not None and merged_at is not None and seen > merged_at
