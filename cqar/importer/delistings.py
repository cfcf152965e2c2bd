"""What a venue no longer lists. Pure.

A delisting is believed only of what the listing speaks of, and only in moderation: a file that
was cut off must not take a market away.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from cqar.importer.market_parser import VenueListing
from cqar.importer.parsed_market import RejectedRecord
from cqar.importer.recorded_responses import NO_NAME
from cqar.importer.registry_state import RegistryState
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol, is_open

#: More of a type than this share, and more than one, looks like a cut-off file. Kraken dropped
#: 30 % of its pairs of 2021 by 2025: more in one import is not believed unasked.
SHARE_MAX: Final = 1 / 3


class MassDelisting(Exception):
    """The listing lacks so much of what is registered that it looks cut off."""


def find_delistings(
    state: RegistryState,
    listing: VenueListing,
    spellings: set[str],
    rejected: list[RejectedRecord],
    notes: list[str],
    *,
    allow_mass: bool,
) -> list[VenueSymbol]:
    """Open listings that the venue no longer names; aliases first.

    Args:
        spellings: All that the listing names.
        rejected: Rows that could not be read: what they name is not gone.
        notes: Gets a line where delistings are withheld.

    Raises:
        MassDelisting: Too much is gone at once, and not `allow_mass`.
    """
    unread = {row.spelling for row in rejected}
    types = {market.symbol_type for market in listing.markets}
    live: list[tuple[int, VenueSymbol]] = []
    for entity in state.all(VENUE_SYMBOL):
        symbol = state.get(SYMBOL.name, entity.symbol_id)
        if is_open(entity, state.now) and symbol is not None and symbol.symbol_type in types:
            live.append((symbol.symbol_type, entity))
    gone = [
        (kind, entity)
        for kind, entity in live
        if entity.venue_symbol not in spellings | unread and entity.alias_of not in unread
    ]
    later = [pair for pair in gone if _seen_later(pair[1], state)]
    if later:
        notes.append(f"{len(later)} listings were first seen after this listing was taken: kept")
        gone = [pair for pair in gone if pair not in later]
    if NO_NAME in unread and gone:
        notes.append(f"records without a name may be any of {len(gone)} listings: none is delisted")
        return []
    if not allow_mass:
        _refuse_mass(live, gone)
    return sorted((entity for _, entity in gone), key=lambda v: not v.alias_of)


def _seen_later(entity: VenueSymbol, state: RegistryState) -> bool:
    return entity.first_seen_at is not None and entity.first_seen_at > state.now


def _refuse_mass(live: list[tuple[int, VenueSymbol]], gone: list[tuple[int, VenueSymbol]]) -> None:
    """Counted by type, and without aliases, which come and go with what they stand for."""
    listed = Counter(kind for kind, entity in live if not entity.alias_of)
    missing = Counter(kind for kind, entity in gone if not entity.alias_of)
    for kind, count in missing.items():
        if count > 1 and count > listed[kind] * SHARE_MAX:
            raise MassDelisting(
                f"{count} of {listed[kind]} listings are not in it: that looks like a cut-off"
                " file. If the venue really dropped them: --allow-mass-delisting"
            )
