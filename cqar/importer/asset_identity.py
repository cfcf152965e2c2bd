"""Which asset a venue's code means. Never a silent merge of two assets that share a ticker.

In this order: what the code is bound to at the venue's operator; the asset that an import made for
this code; an asset of the ticker that the venue's listings stand on already; the one verified asset
of the ticker; else a new asset, marked unverified. No two codes of the venue get one asset by
ticker: REPV2 is unified to REP, and so is REP. Two codes that differ in case alone do, where the
reader says that both mean the ticker: HTX's spot says `btc` and its contracts BTC.

A ticker is no evidence: LIT is Litentry at one operator and Lighter at another. So an unverified
asset, which another operator's import made, is never taken for its ticker, and what is bound to a
verified one by no more than that is listed (`bindings`) for a person to look at.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterable
from typing import Final, NamedTuple

import msgspec

from cqar.importer.market import Code, Market
from cqar.importer.registry_state import RegistryState, code_holder
from cqar_shared.domain.kinds.asset import ASSET, Asset, AssetClassCode
from cqar_shared.domain.kinds.symbol import SYMBOL, UnderlyingClassCode
from cqar_shared.domain.kinds.venue import VENUE, Venue
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, is_open

#: In a venue asset's metadata: what its code was bound by, where that is no evidence.
BOUND_BY, TICKER = "bound_by", "ticker"
#: What an import makes gets ids that follow from what it is.
NAMESPACE: Final = uuid.UUID("5b0f6c1d-58a1-5b0e-8d3c-1f1f0e6d9a42")
#: 1000SHIB, SHIB1000, 1000000MOG, 1MBABYDOGE, kPEPE: prices of a multiple of the coin.
_MULTIPLIED: Final = re.compile(r"(?:10{3,}|1M)(?=[A-Z])[A-Z0-9]+|[A-Z]+10{3,}")
_KILO: Final = re.compile(r"k[A-Z][A-Z0-9]+")


def looks_multiplied(code: Code) -> bool:
    """Whether a code may stand for many units of a coin. A guess would be wrong by thousands."""
    spellings = (code.venue, code.ticker)
    return any(_MULTIPLIED.fullmatch(s.upper()) or _KILO.fullmatch(s) for s in spellings)


#: What a product's price is of -> the class of such an asset.
ASSET_CLASSES: Final = {
    UnderlyingClassCode.CRYPTO: AssetClassCode.CRYPTO,
    UnderlyingClassCode.EQUITY: AssetClassCode.EQUITY,
    UnderlyingClassCode.FUND: AssetClassCode.FUND,
    UnderlyingClassCode.COMMODITY: AssetClassCode.COMMODITY,
    UnderlyingClassCode.INDEX: AssetClassCode.INDEX,
    UnderlyingClassCode.FX: AssetClassCode.FIAT,
    UnderlyingClassCode.RATE: AssetClassCode.RATE,
    UnderlyingClassCode.VOLATILITY: AssetClassCode.INDEX,
    UnderlyingClassCode.EVENT: AssetClassCode.EVENT,
    UnderlyingClassCode.PRE_IPO: AssetClassCode.EQUITY,
}


def is_no_coin(market: Market) -> bool:
    """Whether the record says that the base is neither a coin nor a currency."""
    coins = (None, UnderlyingClassCode.CRYPTO, UnderlyingClassCode.FX)
    return market.underlying_class not in coins


class AmbiguousCode(ValueError):
    """A code that would be a second asset of a ticker that the venue has already."""


class TickerBinding(NamedTuple):
    """A venue's code that was taken for a verified asset because their tickers are equal."""

    code: str
    ticker: str
    asset_id: str
    asset_name: str


class AssetIdentity:
    """Assigns assets to a venue's codes.

    Attributes:
        new_assets: Assets that are to be made, by id.
        codes: What the venue's codes are to be recorded as, by the asset's id.
        bindings: What is bound now, by ticker alone.
    """

    def __init__(self, state: RegistryState, venue: Venue, *, is_reviewed: bool) -> None:
        self._state = state
        self._is_reviewed = is_reviewed
        holder = code_holder(venue)
        self._holder = holder if state.get(VENUE.name, holder) else venue.venue_id
        self._asset_of: dict[str, str] = {}
        self._asset_of_multiple: dict[str, str] = {}
        self._asset_of_class: dict[tuple[str, UnderlyingClassCode], str] = {}
        self._traded = _assets_traded(state, venue.venue_id)
        self.bindings: list[TickerBinding] = []
        self.new_assets: dict[str, Asset] = {}
        self.codes: dict[str, VenueAsset] = {}
        for held in state.all(VENUE_ASSET):
            if held.delisted_at is None:
                for code in held.codes:
                    self._asset_of.setdefault(code, held.asset_id)

    def assign(self, codes: Iterable[Code]) -> None:
        """Those that are their own unified code first: they have the better claim to it."""
        wanted = dict.fromkeys(codes)
        for code in sorted(wanted, key=lambda c: (c.venue != c.ticker, c.venue)):
            if code.venue not in self._asset_of and (asset_id := self._identify(code)):
                self._asset_of[code.venue] = asset_id

    def asset_of(self, code: Code) -> str:
        """The asset that a code means.

        Raises:
            AmbiguousCode: the evidence fits several assets, or none.
        """
        if code.venue not in self._asset_of:
            message = (
                f"the code {code.venue} would be a second {code.ticker} at this venue:"
                " register which asset it is as a venue asset"
            )
            raise AmbiguousCode(message)
        return self._asset_of[code.venue]

    def assign_multiples(self, multiples: Iterable[tuple[str, Code, str | None]]) -> None:
        """Assign the coin to codes that stand for many units of it, after `assign`.

        Such a code is not the coin's code: 1000CAT at one venue is Simon's Cat, and the code CAT
        at another is not. So neither is recorded as the venue's code of the asset.

        Args:
            multiples: The venue's code, the coin as somebody has stated it, and its asset's id if
                that was stated.
        """
        for code, coin, stated_id in dict.fromkeys(multiples):
            ticker = coin.ticker
            if stated_id is not None:
                self._asset_of_multiple[code] = stated_id
                continue
            made = imported_id("asset", self._holder, code)
            if self._state.get(ASSET.name, made) is not None:
                asset_id = made
            elif ticker in self._asset_of:
                asset_id = self._asset_of[ticker]
            elif (verified := self._verified(ticker)) is not None:
                asset_id = self._bound_by_ticker(code, verified)
            else:
                asset_id = self._new_asset(made, ticker, coin.name)
            self._asset_of_multiple[code] = asset_id

    def assign_classes(self, underlyings: Iterable[tuple[Code, UnderlyingClassCode]]) -> None:
        """Assign assets of their own to codes that name no coins, whatever coin has the ticker.

        They are not recorded as the venue's codes either: the venue may list the coin, too.

        Args:
            underlyings: The code, and what the venue says that it is, such as EQUITY.
        """
        for code, kind in dict.fromkeys(underlyings):
            asset_id = imported_id("asset", self._holder, kind.name, code.venue)
            if self._state.get(ASSET.name, asset_id) is None:
                self._new_asset(asset_id, code.ticker, code.name, ASSET_CLASSES[kind])
            self._asset_of_class[code.venue, kind] = asset_id

    def asset_of_multiple(self, code: str) -> str | None:
        """The coin that a code stands for many units of, if a market has it."""
        return self._asset_of_multiple.get(code)

    def base_of(self, market: Market) -> str:
        """The asset that a market's base is.

        Raises:
            AmbiguousCode: the evidence fits several assets, or none.
        """
        code = market.base.venue
        if is_no_coin(market) and market.underlying_class is not None:
            return self._asset_of_class[code, market.underlying_class]
        if market.multiple_of is not None:
            return self._asset_of_multiple[code]
        return self.asset_of(market.base)

    def _identify(self, code: Code) -> str | None:
        """The code's asset; None where it cannot be told from another code's."""
        claimed = set(self._asset_of.values())
        bearers = list(self._state.find(ASSET.name, "symbol", code.ticker))
        traded = [b.asset_id for b in bearers if b.asset_id in self._traded]
        verified = self._verified(code.ticker)
        made = imported_id("asset", self._holder, code.venue)
        asset_id: str
        if (same := self._other_case(code)) is not None:
            self._record_other(code.venue, same)
            return same
        if made not in claimed and self._state.get(ASSET.name, made) is not None:
            asset_id = made
        elif len(traded) == 1 and traded[0] not in claimed:
            asset_id = traded[0]
        elif verified is not None and verified.asset_id not in claimed:
            asset_id = self._bound_by_ticker(code.venue, verified)
        else:
            named = {asset.symbol for asset in self.new_assets.values()}
            taken = any(b.asset_id in claimed for b in bearers) or code.ticker in named
            if taken and (code.venue.isdigit() or code.venue.upper() == code.ticker.upper()):
                return None
            # ccxt calls two coins by one name; where a reader does, they do have one ticker.
            ticker = code.ticker if self._is_reviewed or not taken else code.venue
            asset_id = self._new_asset(made, ticker, code.name)
        self._record(code.venue, asset_id)
        return asset_id

    def _other_case(self, code: Code) -> str | None:
        """The asset of a code that differs in case alone, if its ticker is this one's."""
        letters = code.venue.casefold()
        found = {a for held, a in self._asset_of.items() if held.casefold() == letters}
        if len(found) != 1:
            return None
        (asset_id,) = found
        asset = self.new_assets.get(asset_id) or self._state.get(ASSET.name, asset_id)
        return asset_id if asset is not None and asset.symbol == code.ticker else None

    def _record_other(self, code: str, asset_id: str) -> None:
        """Note a further code of an asset whose first one is noted."""
        key = f"{self._holder}/{asset_id}"
        held = self.codes.get(asset_id) or self._state.get(VENUE_ASSET.name, key)
        if held is not None and code not in held.codes:
            others = (*held.other_codes, code)
            self.codes[asset_id] = msgspec.structs.replace(held, other_codes=others)

    def _verified(self, ticker: str) -> Asset | None:
        """The coin or currency of the ticker that a person has verified, if it is one."""
        found = self._state.find(ASSET.name, "symbol", ticker)
        coins = (None, AssetClassCode.CRYPTO, AssetClassCode.FIAT)
        verified = [a for a in found if not a.unverified and a.asset_class in coins]
        return verified[0] if len(verified) == 1 else None

    def _bound_by_ticker(self, code: str, asset: Asset) -> str:
        self.bindings.append(TickerBinding(code, asset.symbol, asset.asset_id, asset.name))
        return asset.asset_id

    def _record(self, code: str, asset_id: str) -> None:
        """Note the code as the asset's at this venue; an ended one is opened again."""
        before = self._state.get(VENUE_ASSET.name, f"{self._holder}/{asset_id}")
        by_ticker = any(binding.code == code for binding in self.bindings)
        if before is None:
            self.codes[asset_id] = VenueAsset(
                venue_id=self._holder,
                asset_id=asset_id,
                venue_asset_symbol=code,
                trading_enabled=True,
                listed_at=self._listed_at(code),
                metadata={BOUND_BY: TICKER} if by_ticker else None,
            )
        elif before.delisted_at is not None:
            self.codes[asset_id] = msgspec.structs.replace(
                before,
                venue_asset_symbol=code,
                other_codes=(),
                trading_enabled=True,
                listed_at=self._state.now,
                delisted_at=None,
            )

    def _listed_at(self, code: str) -> dt.datetime | None:
        """Unknown, unless the code meant another asset before: then it means this one from now."""
        was = self._state.find(VENUE_ASSET.name, "code", self._holder, code)
        return self._state.now if any(was) else None

    def _new_asset(
        self,
        asset_id: str,
        ticker: str,
        name: str | None = None,
        asset_class: AssetClassCode | None = None,
    ) -> str:
        """Make an asset whose id follows from venue and code: two imports at once make one."""
        self.new_assets[asset_id] = Asset(
            asset_id=asset_id,
            symbol=ticker,
            name=name or ticker,
            asset_class=asset_class,
            unverified=True,
        )
        return asset_id


def _assets_traded(state: RegistryState, venue_id: str) -> frozenset[str]:
    """The assets that the venue's open listings stand on; a multiple's code is not the coin's."""
    symbols = {
        listing.symbol_id
        for listing in state.all(VENUE_SYMBOL)
        if listing.venue_id == venue_id
        and is_open(listing, state.now)
        and listing.unit_multiplier is None
    }
    found = (state.get(SYMBOL.name, symbol_id) for symbol_id in symbols)
    return frozenset(
        asset_id
        for symbol in found
        if symbol is not None
        for asset_id in (symbol.base_asset_id, symbol.quote_asset_id, symbol.settlement_asset_id)
        if asset_id
    )


def imported_id(*names: object) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(map(str, names))))
