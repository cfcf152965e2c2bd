"""Which asset a venue's code means. Never a silent merge of two assets that share a ticker.

In this order: the venue's own code, where its assets are known; else ccxt's unified code, if
exactly one asset bears it and no other code of the venue has that asset; else a new asset,
marked unverified. REPV2 is unified to REP, and so is REP: the second rule's last clause.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable
from typing import Final

from cqar.venues.found import Code
from cqar.venues.state import RegistryState, code_holder
from shared.entities.asset import ASSET, Asset
from shared.entities.venue import VENUE, Venue
from shared.entities.venue_asset import VENUE_ASSET, VenueAsset

#: 1000SHIB, 10000COQ, 1000000MOG, 1MBABYDOGE, kPEPE: prices of a multiple of the coin.
_MULTIPLIED: Final = re.compile(r"(?:10{3,}|1M)(?=[A-Z])[A-Z0-9]+|k[A-Z][A-Z0-9]+")


def looks_multiplied(code: str) -> bool:
    """Whether a code may stand for many units of a coin. A guess would be wrong by thousands."""
    return _MULTIPLIED.fullmatch(code) is not None


class Identity:
    """Assigns assets to a venue's codes; `new_assets` and `new_codes` are what that takes."""

    def __init__(self, state: RegistryState, venue: Venue) -> None:
        self._state = state
        holder = code_holder(venue)
        self._holder = holder if state.get(VENUE.name, holder) else venue.venue_id
        self._asset_of: dict[str, str] = {}
        self.new_assets: dict[str, Asset] = {}
        self.new_codes: dict[str, VenueAsset] = {}
        for held in state.all(VENUE_ASSET):
            if held.delisted_at is None:
                for code in held.codes:
                    self._asset_of.setdefault(code, held.asset_id)

    def assign(self, codes: Iterable[Code]) -> None:
        """Those that are their own unified code first: they have the better claim to it."""
        wanted = dict.fromkeys(codes)
        for code in sorted(wanted, key=lambda c: (c.venue != c.unified, c.venue)):
            if code.venue not in self._asset_of:
                self._asset_of[code.venue] = self._identify(code)

    def asset_of(self, code: Code) -> str:
        return self._asset_of[code.venue]

    def _identify(self, code: Code) -> str:
        claimed = set(self._asset_of.values())
        bearers = list(self._state.find(ASSET.name, "symbol", code.unified))
        if len(bearers) == 1 and bearers[0].asset_id not in claimed:
            asset_id: str = bearers[0].asset_id
        else:
            asset_id = self._new_asset(code, claimed)
        venue_asset = VenueAsset(
            venue_id=self._holder,
            asset_id=asset_id,
            venue_asset_symbol=code.venue,
            trading_enabled=True,
        )
        before = self._state.get(VENUE_ASSET.name, VENUE_ASSET.key_of(venue_asset))
        if before is None:
            self.new_codes[asset_id] = venue_asset
        return asset_id

    def _new_asset(self, code: Code, claimed: set[str]) -> str:
        asset_id = str(uuid.uuid4())
        named = {asset.symbol for key, asset in self.new_assets.items() if key in claimed}
        ticker = code.venue if code.unified in named else code.unified
        self.new_assets[asset_id] = Asset(
            asset_id=asset_id, symbol=ticker, name=ticker, unverified=True
        )
        return asset_id
