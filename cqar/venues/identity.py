"""Which asset a venue's code means. Never a silent merge of two assets that share a ticker.

In this order: the venue's own code, where its assets are known; else ccxt's unified code, if
exactly one asset bears it and no other code of the venue has that asset; else a new asset,
marked unverified. REPV2 is unified to REP, and so is REP: the second rule's last clause.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from typing import Final

import msgspec

from cqar.venues.found import Code
from cqar.venues.state import RegistryState, code_holder
from shared.entities.asset import ASSET, Asset
from shared.entities.venue import VENUE, Venue
from shared.entities.venue_asset import VENUE_ASSET, VenueAsset

#: What an import makes gets ids that follow from what it is.
NAMESPACE: Final = uuid.UUID("5b0f6c1d-58a1-5b0e-8d3c-1f1f0e6d9a42")
#: 1000SHIB, SHIB1000, 1000000MOG, 1MBABYDOGE, kPEPE: prices of a multiple of the coin.
_MULTIPLIED: Final = re.compile(r"(?:10{3,}|1M)(?=[A-Z])[A-Z0-9]+|[A-Z]+10{3,}")
_KILO: Final = re.compile(r"k[A-Z][A-Z0-9]+")


def looks_multiplied(code: Code) -> bool:
    """Whether a code may stand for many units of a coin. A guess would be wrong by thousands."""
    spellings = (code.venue, code.unified)
    return any(_MULTIPLIED.fullmatch(s.upper()) or _KILO.fullmatch(s) for s in spellings)


class Ambiguous(ValueError):
    """A code that would be a second asset of a ticker that the venue has already."""


class Identity:
    """Assigns assets to a venue's codes.

    Attributes:
        new_assets: Assets that are to be made, by id.
        codes: What the venue's codes are to be recorded as, by the asset's id.
    """

    def __init__(self, state: RegistryState, venue: Venue) -> None:
        self._state = state
        holder = code_holder(venue)
        self._holder = holder if state.get(VENUE.name, holder) else venue.venue_id
        self._asset_of: dict[str, str] = {}
        self.new_assets: dict[str, Asset] = {}
        self.codes: dict[str, VenueAsset] = {}
        for held in state.all(VENUE_ASSET):
            if held.delisted_at is None:
                for code in held.codes:
                    self._asset_of.setdefault(code, held.asset_id)

    def assign(self, codes: Iterable[Code]) -> None:
        """Those that are their own unified code first: they have the better claim to it."""
        wanted = dict.fromkeys(codes)
        for code in sorted(wanted, key=lambda c: (c.venue != c.unified, c.venue)):
            if code.venue not in self._asset_of and (asset_id := self._identify(code)):
                self._asset_of[code.venue] = asset_id

    def asset_of(self, code: Code) -> str:
        """The asset that a code means.

        Raises:
            Ambiguous: Nobody can say.
        """
        if code.venue not in self._asset_of:
            message = (
                f"the code {code.venue} would be a second {code.unified} at this venue:"
                " register which asset it is as a venue asset"
            )
            raise Ambiguous(message)
        return self._asset_of[code.venue]

    def _identify(self, code: Code) -> str | None:
        """The code's asset; None where it cannot be told from another code's."""
        claimed = set(self._asset_of.values())
        bearers = list(self._state.find(ASSET.name, "symbol", code.unified))
        if len(bearers) == 1 and bearers[0].asset_id not in claimed:
            asset_id: str = bearers[0].asset_id
        else:
            named = {asset.symbol for asset in self.new_assets.values()}
            taken = any(b.asset_id in claimed for b in bearers) or code.unified in named
            if taken and (code.venue.isdigit() or code.venue.upper() == code.unified.upper()):
                return None
            asset_id = self._new_asset(code, ticker=code.venue if taken else code.unified)
        self._record(code, asset_id)
        return asset_id

    def _record(self, code: Code, asset_id: str) -> None:
        """Note the code as the asset's at this venue; an ended one is opened again."""
        before = self._state.get(VENUE_ASSET.name, f"{self._holder}/{asset_id}")
        if before is None:
            self.codes[asset_id] = VenueAsset(
                venue_id=self._holder,
                asset_id=asset_id,
                venue_asset_symbol=code.venue,
                trading_enabled=True,
                listed_at=self._listed_at(code.venue),
            )
        elif before.delisted_at is not None:
            self.codes[asset_id] = msgspec.structs.replace(
                before,
                venue_asset_symbol=code.venue,
                other_codes=(),
                trading_enabled=True,
                listed_at=self._state.now,
                delisted_at=None,
            )

    def _listed_at(self, code: str) -> dt.datetime | None:
        """Unknown, unless the code meant another asset before: then it means this one from now."""
        was = self._state.find(VENUE_ASSET.name, "code", self._holder, code)
        return self._state.now if any(was) else None

    def _new_asset(self, code: Code, ticker: str) -> str:
        """Make an asset whose id follows from venue and code: two imports at once make one."""
        asset_id = imported_id("asset", self._holder, code.venue)
        self.new_assets[asset_id] = Asset(
            asset_id=asset_id, symbol=ticker, name=ticker, unverified=True
        )
        return asset_id


def imported_id(*names: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(map(str, names))))
