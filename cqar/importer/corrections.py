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


def _with(found: ParsedMarket, **changes: Any) -> ParsedMarket:
    return msgspec.structs.replace(found, **changes)


def kraken_codes(found: ParsedMarket) -> ParsedMarket:
    """Kraken's own codes are XXBT and ZUSD; ccxt's baseId is XBT, already half unified."""
    codes = {}
    for leg, code in (("base", found.base), ("quote", found.quote)):
        own = found.raw.get(leg)
        codes[leg] = AssetCode(str(own), code.unified) if own else code
    return _with(found, **codes)


def kraken_spellings(found: ParsedMarket) -> ParsedMarket:
    """One pair has three spellings: the key XXBTZUSD, altname XBTUSD, wsname XBT/USD."""
    others = [found.raw.get(name) for name in ("altname", "wsname")]
    aliases = dict.fromkeys(o for o in others if isinstance(o, str) and o and o != found.spelling)
    return _with(found, aliases=tuple(aliases))


def kraken_dark_pools(found: ParsedMarket) -> ParsedMarket:
    """XXBTZUSD.d trades the same symbol as XXBTZUSD and is not its primary spelling."""
    return _with(found, secondary=True) if found.spelling.endswith(".d") else found


def kraken_status(found: ParsedMarket) -> ParsedMarket:
    """Listings before 2022 state no status, and ccxt calls all 304 inactive: they traded.

    ccxt also folds post_only, cancel_only and reduce_only into inactive.
    """
    status = found.raw.get("status")
    if status is None:
        return _with(found, status=_S.ONLINE)
    return _with(found, status=_KRAKEN_STATUS.get(str(status), _S.HALTED))


def kraken_tick(found: ParsedMarket) -> ParsedMarket:
    """tick_size has stood in the records since 2022: ETHEUROP's is 0.1, with two pair_decimals."""
    return _with(
        found, tick_size=positive(found.raw.get("tick_size"), "tick_size") or found.tick_size
    )


def one_unit(found: ParsedMarket) -> ParsedMarket:
    """Order sizes are in units of the base, or of the quote if inverse: a contract is one of them.

    So the venues' documentation says of all their contracts; no field of a record does.
    """
    if found.symbol_type is SymbolTypeCode.SPOT or found.contract_size is not None:
        return found
    return _with(found, contract_size=Decimal(1))


def gate_sellable(found: ParsedMarket) -> ParsedMarket:
    """`sellable` pairs take sell orders only: ccxt calls them active."""
    if found.raw.get("trade_status") == "sellable":
        return _with(found, status=_S.REDUCE_ONLY)
    return found


def gate_stated_minimum(found: ParsedMarket) -> ParsedMarket:
    """1,444 of 1,458 pairs of 2021 state no minimum; ccxt makes one up from the lot."""
    if found.settle is None and not found.raw.get("min_base_amount"):
        return _with(found, min_order_size=None)
    return found


def gate_leaving(found: ParsedMarket) -> ParsedMarket:
    """A contract that is `in_delisting` takes no new positions: ccxt calls it active."""
    if str(found.raw.get("in_delisting")).lower() == "true" and found.status is _S.ONLINE:
        return _with(found, status=_S.REDUCE_ONLY)
    return found


def coinbase_sizes(found: ParsedMarket) -> ParsedMarket:
    """base_min_size and base_max_size stood in the records until 2022; ccxt reads neither."""
    raw = found.raw
    least, most = (positive(raw.get(name), name) for name in ("base_min_size", "base_max_size"))
    return _with(
        found,
        min_order_size=found.min_order_size or least,
        max_order_size=found.max_order_size or most,
    )


def coinbase_funds(found: ParsedMarket) -> ParsedMarket:
    """min_market_funds is of market orders where base_min_size stands, until 2022; then of all."""
    if found.raw.get("base_min_size"):
        return _with(found, min_notional=None)
    funds = positive(found.raw.get("min_market_funds"), "min_market_funds")
    return _with(found, min_notional=funds)


def coinbase_status(found: ParsedMarket) -> ParsedMarket:
    """post_only and cancel_only are flags beside the status."""
    for flag, status in (("cancel_only", _S.CANCEL_ONLY), ("post_only", _S.POST_ONLY)):
        if str(found.raw.get(flag)).lower() == "true":
            return _with(found, status=status)
    return found


def okx_multiplier(found: ParsedMarket) -> ParsedMarket:
    """A contract is ctVal times ctMult: an option on 1 BTC with 0.1 is one on 0.1. ccxt has ctVal.

    Raises:
        ValueError: ctMult is no number.
    """
    times = positive(found.raw.get("ctMult"), "ctMult")
    if times is None or found.contract_size is None:
        return found
    return _with(found, contract_size=found.contract_size * times)


def bybit_categories(found: ParsedMarket) -> ParsedMarket:
    """Every record of a spot answer is spot to ccxt, also one that says what it is.

    Raises:
        ValueError: It is a contract.
    """
    if found.symbol_type is SymbolTypeCode.SPOT:
        for name in ("contractType", "optionsType"):
            if found.raw.get(name):
                message = f"it is no spot market: its {name} is {found.raw[name]}"
                raise ValueError(message)
    return found


def hyperliquid_names(found: ParsedMarket) -> ParsedMarket:
    """A perpetual's id and base are indexes to ccxt; orders and feeds name the coin."""
    name = found.raw.get("name")
    if not isinstance(name, str) or not name:
        return found
    return _with(found, spelling=name, base=AssetCode(name, found.base.unified))


def gate_codes(found: ParsedMarket) -> ParsedMarket:
    """A contract's settleId is `usdt` to ccxt, from the request; the venue's code is USDT."""
    if found.settle is None:
        return found
    return _with(found, settle=AssetCode(found.settle.venue.upper(), found.settle.unified))


def deribit_combos(found: ParsedMarket) -> ParsedMarket:
    """A combo is several instruments traded as one, and no product of its own here.

    Raises:
        ValueError: It is one.
    """
    if str(found.raw.get("kind", "")).endswith("_combo"):
        message = "a combination of instruments is no product here"
        raise ValueError(message)
    return found


def kucoin_funds(found: ParsedMarket) -> ParsedMarket:
    """The minimum notional is minFunds; quoteMinSize, which ccxt takes, is of market orders."""
    return _with(found, min_notional=positive(found.raw.get("minFunds"), "minFunds"))


def binance_underlying(found: ParsedMarket) -> ParsedMarket:
    """WENUSDT of 2026 is on Wendy's share, and BTCDOMUSDT on an index: their bases are no coins."""
    kind = str(found.raw.get("underlyingType") or "").upper()
    return found if kind in _COINS else _with(found, underlying_class=kind)


def bybit_underlying(found: ParsedMarket) -> ParsedMarket:
    """A contract's symbolType is `stock` or `commodity`, where it is not on a coin."""
    kind = str(found.raw.get("symbolType") or "").upper()
    if found.symbol_type is SymbolTypeCode.SPOT or kind in _COINS:
        return found
    return _with(found, underlying_class=kind)


def binance_preopen(found: ParsedMarket) -> ParsedMarket:
    """PENDING_TRADING and PRE_TRADING are announced, not halted."""
    status = found.raw.get("status") or found.raw.get("contractStatus")
    return (
        _with(found, status=_S.PREOPEN) if status in ("PENDING_TRADING", "PRE_TRADING") else found
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
