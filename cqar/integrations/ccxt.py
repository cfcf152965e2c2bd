"""A venue's listing as ccxt's markets, for `exchange.set_markets(cqar.ccxt_markets("binance"))`.

What ccxt cannot say is left None, never approximated: a tick that depends on the price, steps that
are not the venue's own. Prices are as ccxt wants numbers: floats, unless told otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

from cqar.sdk.client import Client
from cqar.sdk.enums import ContractKind, MarketStatus, SpecsSource, Status, SymbolType
from cqar.sdk.results import Miss, Resolution
from cqar.sdk.sync_api import SyncApi
from cqar_shared.domain.decimals import plain

#: Our types by ccxt's names.
TYPES: Final = {
    SymbolType.SPOT: "spot",
    SymbolType.MARGIN: "margin",
    SymbolType.PERPETUAL: "swap",
    SymbolType.FUTURE: "future",
    SymbolType.OPTION: "option",
}
_ACTIVE: Final = (MarketStatus.ONLINE, MarketStatus.POST_ONLY)

#: Makes ccxt's number of a plain decimal: as `exchange.number` does.
Number = Callable[[str], Any]


class DuplicateMarket(Exception):
    """Two markets of a venue have the same unified symbol, by which ccxt would lose one."""


def ccxt_markets(
    venue: str,
    source: SyncApi | None = None,
    *,
    number: Number = float,
) -> dict[str, dict[str, Any]]:
    """What a venue lists now, by ccxt's unified symbols; aliases are not markets of their own.

    Args:
        source: A `Client`, or what `with Replica(…)` gives; None: the resolver on this machine.
        number: `str` or `Decimal` where `exchange.number` is.

    Raises:
        TwoOfAName: ccxt could not tell them apart.
        CqarError: Refused or not answered.
    """
    with ExitStack() as stack:
        asked = source if source is not None else stack.enter_context(Client())
        listed = asked.listed(venue)
        keys = [(venue, one.venue_symbol) for one in listed if one.is_primary and not one.alias_of]
        found = asked.resolve_batch(keys)
    return by_symbol(found, number)


def by_symbol(
    found: Iterable[Resolution | Miss], number: Number = float
) -> dict[str, dict[str, Any]]:
    """The markets among a venue's resolutions, by ccxt's unified symbols.

    Raises:
        TwoOfAName: ccxt could not tell them apart.
    """
    markets: dict[str, dict[str, Any]] = {}
    for one in found:
        # Between the list and the answers one may have been delisted.
        if isinstance(one, Miss) or one.status is not Status.FOUND:
            continue
        market = ccxt_market(one, number)
        other = markets.setdefault(market["symbol"], market)
        if other is not market:
            text = f"{one.venue_id}: {other['id']} and {market['id']} are both {market['symbol']}"
            raise DuplicateMarket(text)
    return markets


def ccxt_market(found: Resolution, number: Number = float) -> dict[str, Any]:
    """One market in ccxt's unified structure."""
    symbol, specs = found.symbol, found.specs
    contract = symbol.symbol_type not in (SymbolType.SPOT, SymbolType.MARGIN)
    own = specs.source is SpecsSource.VENUE

    def told(value: Decimal | None) -> Any:
        return None if value is None else number(plain(value))

    prefix = unit_prefix(found)
    return {
        "id": found.venue_symbol,
        "lowercaseId": found.venue_symbol.lower(),
        "symbol": prefix + symbol.symbol,
        "base": prefix + found.base.symbol,
        "quote": found.quote.symbol,
        "settle": found.settlement.symbol if contract else None,
        # The venue's own codes of the assets are not part of a resolution.
        "baseId": None,
        "quoteId": None,
        "settleId": None,
        "type": TYPES[symbol.symbol_type],
        **{
            kind: TYPES[symbol.symbol_type] == kind for kind in ("spot", "swap", "future", "option")
        },
        "margin": True if symbol.symbol_type is SymbolType.MARGIN else None,
        "active": found.market_status in _ACTIVE,
        "contract": contract,
        "linear": symbol.contract_kind is ContractKind.LINEAR if contract else None,
        "inverse": symbol.contract_kind is ContractKind.INVERSE if contract else None,
        "contractSize": told(specs.contract_size) if contract else None,
        "maker": told(found.maker_fee),
        "taker": told(found.taker_fee),
        "expiry": _ms(symbol.expiry),
        "expiryDatetime": _iso8601(symbol.expiry),
        "strike": told(symbol.strike_price),
        "optionType": symbol.option_type.lower() if symbol.option_type else None,
        "precision": {
            "price": told(specs.tick_size) if own else None,
            "amount": told(specs.lot_size) if own else None,
        },
        "limits": {
            "amount": {"min": told(specs.min_order_size), "max": told(specs.max_order_size)},
            "price": {"min": None, "max": None},
            "cost": {"min": told(specs.min_notional), "max": told(specs.max_notional)},
            "leverage": {"min": None, "max": None},
        },
        "created": _ms(found.listed_at),
        "info": ids_of(found),
    }


def unit_prefix(found: Resolution) -> str:
    """What stands before a base of whose units the venue means many: 1000 in 1000SHIB."""
    multiplier = found.specs.unit_multiplier
    return "" if multiplier == 1 else plain(multiplier)


def ids_of(found: Resolution) -> dict[str, str]:
    """The registry's own ids, by which everything else is found again."""
    return {
        "listing_id": found.listing_id,
        "symbol_id": found.symbol.symbol_id,
        "base_asset_id": found.base.asset_id,
        "quote_asset_id": found.quote.asset_id,
        "settlement_asset_id": found.settlement.asset_id,
        "unit_multiplier": plain(found.specs.unit_multiplier),
    }


def _ms(moment: dt.datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)


def _iso8601(moment: dt.datetime | None) -> str | None:
    """As ccxt writes it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
