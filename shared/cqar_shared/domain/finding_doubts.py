"""The doubts of a listing that decisions lift, and what who decides chooses. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, VenueSymbol


class Choice(NamedTuple):
    """What who decides chose, where the finding leaves a choice."""

    asset_id: str | None = None
    units: Decimal | None = None


def doubts_without(listing: VenueSymbol, *lifted: str) -> tuple[str, ...] | None:
    return tuple(d for d in listing.doubts or () if d not in lifted) or None


def evolve_listing(listing_id: str, changes: Mapping[str, Any], *lifted: str) -> Item:
    """Return the item that changes a listing's terms and lifts doubts."""

    def step(listing: VenueSymbol) -> VenueSymbol:
        doubts = doubts_without(listing, *lifted)
        return msgspec.structs.replace(listing, **{"doubts": doubts, **changes})

    return Item(kind=VENUE_SYMBOL, intent=ChangeIntent.EVOLVE, key=listing_id, step=step)
