"""What ccxt drops or misreads, per exchange: small functions, each with the case that needs it.

The raw record is the truth; a correction reads it and nothing else. They come after `tracing`, so
what ccxt makes up is gone by then. What a venue's documentation alone says is named as such.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from cqar.importer.numbers import positive
from cqar.importer.parsed_market import AssetCode, ParsedMarket
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

#: Of Binance's underlyingType and Bybit's symbolType: coins, also those that are not out yet.
_COINS: Final = ("", "COIN", "PREMARKET", "INNOVATION", "ADVENTURE")

Correction = Callable[[ParsedMarket], ParsedMarket]

_S = MarketStatusCode
_KRAKEN_STATUS: Final = {
    "online": _S.ONLINE,
    "limit_only": _S.ONLINE,
    "post_only": _S.POST_ONLY,
    "cancel_only": _S.CANCEL_ONLY,
    "reduce_only": _S.REDUCE_ONLY,
}


def _with(market: ParsedMarket, **changes: Any) -> ParsedMarket:
    return msgspec.structs.replace(market, **changes)


def kraken_codes(market: ParsedMarket) -> ParsedMarket:
    """Kraken's own codes are XXBT and ZUSD; ccxt's baseId is XBT, already half unified."""
    codes = {}
    for leg, code in (("base", market.base), ("quote", market.quote)):
        own = market.raw.get(leg)
        codes[leg] = AssetCode(str(own), code.unified) if own else code
    return _with(market, **codes)


def kraken_spellings(market: ParsedMarket) -> ParsedMarket:
    """One pair has three spellings: the key XXBTZUSD, altname XBTUSD, wsname XBT/USD."""
    others = [market.raw.get(name) for name in ("altname", "wsname")]
    aliases = dict.fromkeys(o for o in others if isinstance(o, str) and o and o != market.spelling)
    return _with(market, aliases=tuple(aliases))


def kraken_dark_pools(market: ParsedMarket) -> ParsedMarket:
    """XXBTZUSD.d trades the same symbol as XXBTZUSD and is not its primary spelling."""
    return _with(market, secondary=True) if market.spelling.endswith(".d") else market


def kraken_status(market: ParsedMarket) -> ParsedMarket:
    """Listings before 2022 state no status, and ccxt calls all 304 inactive: they traded.

    ccxt also folds post_only, cancel_only and reduce_only into inactive.
    """
    status = market.raw.get("status")
    if status is None:
        return _with(market, status=_S.ONLINE)
    return _with(market, status=_KRAKEN_STATUS.get(str(status), _S.HALTED))


def kraken_tick(market: ParsedMarket) -> ParsedMarket:
    """tick_size has stood in the records since 2022: ETHEUROP's is 0.1, with two pair_decimals."""
    return _with(
        market, tick_size=positive(market.raw.get("tick_size"), "tick_size") or market.tick_size
    )


def one_unit(market: ParsedMarket) -> ParsedMarket:
    """Order sizes are in units of the base, or of the quote if inverse: a contract is one of them.

    So the venues' documentation says of all their contracts; no field of a record does.
    """
    if market.symbol_type is SymbolTypeCode.SPOT or market.contract_size is not None:
        return market
    return _with(market, contract_size=Decimal(1))


def gate_sellable(market: ParsedMarket) -> ParsedMarket:
    """`sellable` pairs take sell orders only: ccxt calls them active."""
    if market.raw.get("trade_status") == "sellable":
        return _with(market, status=_S.REDUCE_ONLY)
    return market


def gate_stated_minimum(market: ParsedMarket) -> ParsedMarket:
    """1,444 of 1,458 pairs of 2021 state no minimum; ccxt makes one up from the lot."""
    if market.settle is None and not market.raw.get("min_base_amount"):
        return _with(market, min_order_size=None)
    return market


def gate_leaving(market: ParsedMarket) -> ParsedMarket:
    """A contract that is `in_delisting` takes no new positions: ccxt calls it active."""
    if str(market.raw.get("in_delisting")).lower() == "true" and market.status is _S.ONLINE:
        return _with(market, status=_S.REDUCE_ONLY)
    return market


def coinbase_sizes(market: ParsedMarket) -> ParsedMarket:
    """base_min_size and base_max_size stood in the records until 2022; ccxt reads neither."""
    raw = market.raw
    minimum, maximum = (
        positive(raw.get(name), name) for name in ("base_min_size", "base_max_size")
    )
    return _with(
        market,
        min_order_size=market.min_order_size or minimum,
        max_order_size=market.max_order_size or maximum,
    )


def coinbase_funds(market: ParsedMarket) -> ParsedMarket:
    """min_market_funds is of market orders where base_min_size stands, until 2022; then of all."""
    if market.raw.get("base_min_size"):
        return _with(market, min_notional=None)
    funds = positive(market.raw.get("min_market_funds"), "min_market_funds")
    return _with(market, min_notional=funds)


def coinbase_status(market: ParsedMarket) -> ParsedMarket:
    """post_only and cancel_only are flags beside the status."""
    for flag, status in (("cancel_only", _S.CANCEL_ONLY), ("post_only", _S.POST_ONLY)):
        if str(market.raw.get(flag)).lower() == "true":
            return _with(market, status=status)
    return market


def okx_multiplier(market: ParsedMarket) -> ParsedMarket:
    """A contract is ctVal times ctMult: an option on 1 BTC with 0.1 is one on 0.1. ccxt has ctVal.

    Raises:
        ValueError: ctMult is no number.
    """
    times = positive(market.raw.get("ctMult"), "ctMult")
    if times is None or market.contract_size is None:
        return market
    return _with(market, contract_size=market.contract_size * times)


def bybit_categories(market: ParsedMarket) -> ParsedMarket:
    """Every record of a spot answer is spot to ccxt, also one that says what it is.

    Raises:
        ValueError: the record says that it is a contract.
    """
    if market.symbol_type is SymbolTypeCode.SPOT:
        for name in ("contractType", "optionsType"):
            if market.raw.get(name):
                message = f"it is no spot market: its {name} is {market.raw[name]}"
                raise ValueError(message)
    return market


def hyperliquid_names(market: ParsedMarket) -> ParsedMarket:
    """A perpetual's id and base are indexes to ccxt; orders and feeds name the coin."""
    name = market.raw.get("name")
    if not isinstance(name, str) or not name:
        return market
    return _with(market, spelling=name, base=AssetCode(name, market.base.unified))


def gate_codes(market: ParsedMarket) -> ParsedMarket:
    """A contract's settleId is `usdt` to ccxt, from the request; the venue's code is USDT."""
    if market.settle is None:
        return market
    return _with(market, settle=AssetCode(market.settle.venue.upper(), market.settle.unified))


def deribit_combos(market: ParsedMarket) -> ParsedMarket:
    """A combo is several instruments traded as one, and no product of its own here.

    Raises:
        ValueError: the record is a combo.
    """
    if str(market.raw.get("kind", "")).endswith("_combo"):
        message = "a combination of instruments is no product here"
        raise ValueError(message)
    return market


def kucoin_funds(market: ParsedMarket) -> ParsedMarket:
    """The minimum notional is minFunds; quoteMinSize, which ccxt takes, is of market orders."""
    return _with(market, min_notional=positive(market.raw.get("minFunds"), "minFunds"))


def binance_underlying(market: ParsedMarket) -> ParsedMarket:
    """WENUSDT of 2026 is on Wendy's share, and BTCDOMUSDT on an index: their bases are no coins."""
    kind = str(market.raw.get("underlyingType") or "").upper()
    return market if kind in _COINS else _with(market, underlying_class=kind)


def bybit_underlying(market: ParsedMarket) -> ParsedMarket:
    """A contract's symbolType is `stock` or `commodity`, where it is not on a coin."""
    kind = str(market.raw.get("symbolType") or "").upper()
    if market.symbol_type is SymbolTypeCode.SPOT or kind in _COINS:
        return market
    return _with(market, underlying_class=kind)


def binance_preopen(market: ParsedMarket) -> ParsedMarket:
    """PENDING_TRADING and PRE_TRADING are announced, not halted."""
    status = market.raw.get("status") or market.raw.get("contractStatus")
    return (
        _with(market, status=_S.PREOPEN) if status in ("PENDING_TRADING", "PRE_TRADING") else market
    )


CORRECTIONS: Final[dict[str, tuple[Correction, ...]]] = {
    "binance": (binance_preopen,),
    "binancecoinm": (binance_preopen, binance_underlying),
    "binanceusdm": (binance_preopen, binance_underlying, one_unit),
    "bybit": (bybit_categories, bybit_underlying, one_unit),
    "coinbaseexchange": (coinbase_sizes, coinbase_funds, coinbase_status),
    "deribit": (deribit_combos,),
    "gate": (gate_codes, gate_sellable, gate_leaving, gate_stated_minimum),
    "hyperliquid": (hyperliquid_names, one_unit),
    "kraken": (kraken_codes, kraken_spellings, kraken_dark_pools, kraken_status, kraken_tick),
    "kucoin": (kucoin_funds,),
    "okx": (okx_multiplier,),
}
