"""A venue's listings as ccxt's markets: `exchange.set_markets(cqar.ccxt_markets("binance"))`.

What ccxt cannot express is None, never approximated: a tick that depends on the price, steps that
are not the venue's own, and the size of contracts whose orders count something else. Numbers are
floats, as in ccxt, unless `number` says otherwise.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from decimal import Decimal
from typing import Any, Final

from cqar.sdk.client import Client
from cqar.sdk.enums import ContractKind, MarketStatus, OrderUnit, SpecsSource, Status, SymbolType
from cqar.sdk.results import Miss, Resolution
from cqar.sdk.specs import Specs
from cqar.sdk.sync_api import SyncApi
from cqar_shared.domain.decimals import plain

#: The registry's symbol type -> ccxt's market type.
TYPES: Final = {
    SymbolType.SPOT: "spot",
    SymbolType.MARGIN: "margin",
    SymbolType.PERPETUAL: "swap",
    SymbolType.FUTURE: "future",
    SymbolType.OPTION: "option",
}
_ACTIVE: Final = (MarketStatus.ONLINE, MarketStatus.POST_ONLY, MarketStatus.PRE_MARKET)
#: A permission group of a spot market that may be bought on credit.
_MARGIN_GROUP: Final = "MARGIN"

#: Converts a plain decimal to ccxt's number, as `exchange.number` does.
Number = Callable[[str], Any]
#: What ccxt separates the parts of a symbol with.
_SEPARATORS: Final = str.maketrans("/:", "  ")


class DuplicateMarket(Exception):
    """Two products of a venue have the same unified symbol; ccxt would keep one of them."""


#: Deprecated alias of `DuplicateMarket`, for one release.
TwoOfAName = DuplicateMarket


def ccxt_markets(
    venue: str,
    source: SyncApi | None = None,
    *,
    number: Number = float,
) -> dict[str, dict[str, Any]]:
    """What a venue lists now: ccxt's unified symbol -> market. Aliases and combos are left out.

    Two coins of a venue may share a ticker. As in ccxt, a coin has its full name then: Augur (v1).
    The ticker is left to the one that trades, if only one does. Of two spellings of one product the
    primary one is given, or the one that trades beside a halted one.

    Args:
        source: A `Client`, or what `with Replica(…)` gives; None: the resolver on this machine.
        number: `str` or `Decimal`, if `exchange.number` is.

    Raises:
        DuplicateMarket: Two markets have the same unified symbol.
        CqarError: The registry refused the question or did not answer.
    """
    with ExitStack() as stack:
        client = source if source is not None else stack.enter_context(Client())
        spellings = [spelling for spelling in client.listed(venue) if not spelling.alias_of]
        spellings.sort(key=lambda spelling: not spelling.is_primary)
        keys = [(venue, spelling.venue_symbol) for spelling in spellings]
        answers = client.resolve_batch(keys)
    return by_symbol(answers, number)


def by_symbol(
    found: Iterable[Resolution | Miss], number: Number = float
) -> dict[str, dict[str, Any]]:
    """The markets among a venue's resolutions: ccxt's unified symbol -> market.

    What ccxt has no type for, such as a combo, is left out.

    Raises:
        DuplicateMarket: Two markets have the same unified symbol.
    """
    # A listing may be delisted between the list and its resolution.
    listed = [
        answer
        for answer in found
        if not isinstance(answer, Miss)
        and answer.status is Status.FOUND
        and answer.symbol.symbol_type in TYPES
    ]
    codes = _codes(listed)
    markets: dict[str, dict[str, Any]] = {}
    for answer in listed:
        market = ccxt_market(answer, number, codes[answer.base.asset_id])
        other = markets.setdefault(market["symbol"], market)
        if other["info"]["symbol_id"] != market["info"]["symbol_id"]:
            ids = f"{other['id']} and {market['id']}"
            raise DuplicateMarket(f"{answer.venue_id}: {ids} are both {market['symbol']}")
        if market["active"] and not other["active"]:
            markets[market["symbol"]] = market
    return markets


def _codes(listed: Iterable[Resolution]) -> dict[str, str]:
    """Base asset id -> ccxt's code: its ticker, or its full name where others have the ticker."""
    bearers: dict[str, dict[str, Resolution]] = {}
    trading: set[str] = set()
    for answer in listed:
        bearers.setdefault(answer.base.symbol, {}).setdefault(answer.base.asset_id, answer)
        if _is_active(answer):
            trading.add(answer.base.asset_id)
    codes: dict[str, str] = {}
    for ticker, answers in bearers.items():
        names = {held: answer.base.name.translate(_SEPARATORS) for held, answer in answers.items()}
        taken = Counter((ticker, *names.values()))
        active = [asset_id for asset_id in answers if asset_id in trading]
        for asset_id, name in names.items():
            if len(answers) == 1 or active == [asset_id]:
                codes[asset_id] = ticker
            else:
                codes[asset_id] = name if taken[name] == 1 else f"{name} ({asset_id[:8]})"
    return codes


def ccxt_market(
    found: Resolution, number: Number = float, code: str | None = None
) -> dict[str, Any]:
    """A resolution as ccxt's unified market structure.

    Args:
        code: ccxt's of the base; None: its ticker.

    Raises:
        ValueError: ccxt has no type for it, as for a COMBO.
    """
    symbol, specs = found.symbol, found.specs
    if symbol.symbol_type not in TYPES:
        raise ValueError(f"ccxt has no type for {found.venue_symbol}, a {symbol.symbol_type}")
    market_type = TYPES[symbol.symbol_type]
    is_contract = symbol.symbol_type not in (SymbolType.SPOT, SymbolType.MARGIN)
    is_own = specs.source is SpecsSource.VENUE

    def as_number(value: Decimal | None) -> Any:
        return None if value is None else number(plain(value))

    base = unit_prefix(found) + (code or found.base.symbol)
    return {
        "id": found.venue_symbol,
        "lowercaseId": found.venue_symbol.lower(),
        "symbol": base + symbol.symbol.removeprefix(found.base.symbol),
        "base": base,
        "quote": found.quote.symbol,
        "settle": found.settlement.symbol if is_contract else None,
        # The venue's own codes of the assets are not part of a resolution.
        "baseId": None,
        "quoteId": None,
        "settleId": None,
        "type": market_type,
        **{kind: market_type == kind for kind in ("spot", "swap", "future", "option")},
        "margin": False if is_contract else _is_on_margin(found),
        "active": _is_active(found),
        "contract": is_contract,
        "linear": symbol.contract_kind is ContractKind.LINEAR if is_contract else None,
        "inverse": symbol.contract_kind is ContractKind.INVERSE if is_contract else None,
        "contractSize": as_number(contract_size(found)) if is_contract else None,
        "maker": as_number(found.maker_fee),
        "taker": as_number(found.taker_fee),
        "expiry": _ms(symbol.expiry),
        "expiryDatetime": _iso8601(symbol.expiry),
        "strike": as_number(symbol.strike_price),
        "optionType": symbol.option_type.lower() if symbol.option_type else None,
        "precision": {
            "price": as_number(specs.tick_size) if is_own else None,
            "amount": as_number(specs.lot_size) if is_own else None,
        },
        "limits": {
            name: {"min": as_number(low), "max": as_number(high)}
            for name, (low, high) in _limits(specs).items()
        },
        "created": _ms(found.listed_at),
        "info": ids_of(found),
    }


def contract_size(found: Resolution) -> Decimal | None:
    """What an amount of 1 is worth, in ccxt's unit: base (linear, options) or quote (inverse).

    One where orders count that very unit; None where they count another, or the size is not known.
    """
    unit = found.specs.order_unit
    if unit in (None, OrderUnit.CONTRACT):
        return found.specs.contract_size
    is_option = found.symbol.symbol_type is SymbolType.OPTION
    is_inverse = found.symbol.contract_kind is ContractKind.INVERSE and not is_option
    counted = OrderUnit.QUOTE if is_inverse else OrderUnit.BASE
    return Decimal(1) if unit is counted else None


def _limits(specs: Specs) -> dict[str, tuple[Decimal | None, Decimal | None]]:
    return {
        "amount": (specs.min_order_size, specs.max_order_size),
        "price": (specs.min_price, specs.max_price),
        "cost": (specs.min_notional, specs.max_notional),
        "leverage": (None, specs.max_leverage),
        "market": (specs.market_min_size, specs.market_max_size),
    }


def _is_active(found: Resolution) -> bool | None:
    if found.market_status is MarketStatus.UNSPECIFIED:
        return None
    return found.market_status in _ACTIVE


def _is_on_margin(found: Resolution) -> bool | None:
    """Whether a spot market may be traded on margin; None: not known."""
    if found.symbol.symbol_type is SymbolType.MARGIN:
        return True
    if found.permission_groups:
        return any(_MARGIN_GROUP in groups for groups in found.permission_groups)
    return None if found.specs.max_leverage is None else found.specs.max_leverage > 1


def unit_prefix(found: Resolution) -> str:
    """The prefix of a base that the venue trades in multiples of: 1000 in 1000SHIB."""
    multiplier = found.specs.unit_multiplier
    return "" if multiplier == 1 else plain(multiplier)


def ids_of(found: Resolution) -> dict[str, str]:
    """The registry's ids behind a market, and its unit multiplier."""
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
    """ISO 8601 as ccxt writes it: milliseconds and Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z") if moment else None
