"""A resolution as a dictionary with the field names of nautilus_trader's instruments.

Fields that the registry does not know are left out. Before a call of `CurrencyPair.from_dict` or
its like, add `ts_event` and `ts_init`, and margins and fees where the venue's are not known.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from cqar.integrations.ccxt import ids_of, unit_prefix
from cqar.sdk.enums import ContractKind, OrderUnit, SpecsSource, SymbolType, UnderlyingClass
from cqar.sdk.errors import StepsUnknown
from cqar.sdk.results import Resolution
from cqar_shared.domain.decimals import plain

_SPOT: Final = "CurrencyPair"
#: Of coins, and where it is not known what the price is of.
CLASSES: Final = {
    SymbolType.SPOT: _SPOT,
    SymbolType.MARGIN: _SPOT,
    SymbolType.PERPETUAL: "CryptoPerpetual",
    SymbolType.FUTURE: "CryptoFuture",
    SymbolType.OPTION: "CryptoOption",
}
#: Of shares, commodities, indices and the like.
GENERIC_CLASSES: Final = {
    SymbolType.SPOT: _SPOT,
    SymbolType.MARGIN: _SPOT,
    SymbolType.PERPETUAL: "PerpetualContract",
    SymbolType.FUTURE: "FuturesContract",
    SymbolType.OPTION: "OptionContract",
}
#: What a price is of -> Nautilus's asset class.
ASSET_CLASSES: Final = {
    UnderlyingClass.EQUITY: "EQUITY",
    UnderlyingClass.FUND: "EQUITY",
    UnderlyingClass.PRE_IPO: "EQUITY",
    UnderlyingClass.COMMODITY: "COMMODITY",
    UnderlyingClass.INDEX: "INDEX",
    UnderlyingClass.FX: "FX",
    UnderlyingClass.RATE: "DEBT",
    UnderlyingClass.VOLATILITY: "ALTERNATIVE",
    UnderlyingClass.EVENT: "ALTERNATIVE",
}
#: Nautilus counts these in whole contracts, in one currency.
_WHOLE: Final = ("FuturesContract", "OptionContract")


class NotExpressible(Exception):
    """Nautilus has no instrument that means the same."""


def instrument(found: Resolution, venue: str = "") -> dict[str, Any]:
    """The instrument as a dictionary; decimals are text in plain notation.

    `multiplier` is what a quantity of 1 is worth: 1 where orders count base units, or quote units
    of an inverse contract; the contract's size where they count contracts.

    Args:
        venue: Nautilus's name of the venue; empty: our id in capitals, such as BINANCE-USDM.

    Raises:
        StepsUnknown: The venue's own tick or lot is not known, or the tick depends on the price,
            or the size of a contract is not known.
        NotExpressible: Nautilus has no such instrument.
    """
    specs = found.specs
    if specs.source is not SpecsSource.VENUE or specs.tick_size is None or specs.lot_size is None:
        raise StepsUnknown(f"{found.venue_symbol} has no tick and lot of the venue's own")
    kind = class_of(found)
    fields = {
        "type": kind,
        "id": f"{found.venue_symbol}.{venue or found.venue_id.upper()}",
        "raw_symbol": found.venue_symbol,
        "price_precision": _digits(specs.tick_size),
        "price_increment": plain(specs.tick_size),
        "size_precision": _digits(specs.lot_size),
        "size_increment": plain(specs.lot_size),
        "multiplier": plain(_multiplier(found)),
        "lot_size": plain(specs.lot_size),
        **_currencies(found, kind),
        **_limits(found),
        "info": ids_of(found),
    }
    if found.maker_fee is not None and found.taker_fee is not None:
        fields |= {"maker_fee": plain(found.maker_fee), "taker_fee": plain(found.taker_fee)}
    if (first := specs.initial_margin_rate) is not None:
        fields["margin_init"] = plain(first)
    if (kept := specs.maintenance_margin_rate) is not None:
        fields["margin_maint"] = plain(kept)
    if kind in _WHOLE:
        _require_whole(found)
    return fields | _dated(found)


def class_of(found: Resolution) -> str:
    """The name of Nautilus's class.

    Raises:
        NotExpressible: It has none for such products.
    """
    of_coins = found.symbol.underlying_class in (None, UnderlyingClass.CRYPTO)
    kind = (CLASSES if of_coins else GENERIC_CLASSES).get(found.symbol.symbol_type)
    if kind is None:
        raise NotExpressible(f"{found.venue_symbol} is a {found.symbol.symbol_type}")
    return kind


def _multiplier(found: Resolution) -> Decimal:
    """What a quantity of 1 is worth in Nautilus's unit: base units, or quote units if inverse.

    Of QUANTO contracts both mean units of the settlement asset for one unit of price.
    """
    symbol, specs = found.symbol, found.specs
    is_spot = symbol.symbol_type in (SymbolType.SPOT, SymbolType.MARGIN)
    unit = specs.order_unit
    if unit is None:
        unit = OrderUnit.BASE if is_spot else OrderUnit.CONTRACT
    if unit is OrderUnit.CONTRACT and not is_spot:
        if specs.contract_size is None:
            raise StepsUnknown(f"the size of a contract of {found.venue_symbol} is not known")
        return specs.contract_size
    if unit is not (OrderUnit.QUOTE if _is_inverse(found) else OrderUnit.BASE):
        raise NotExpressible(f"orders for {found.venue_symbol} count {unit} units")
    return Decimal(1)


def _is_inverse(found: Resolution) -> bool:
    """As Nautilus means it: worth quote units. An option is not: its price is a premium."""
    is_option = found.symbol.symbol_type is SymbolType.OPTION
    return found.symbol.contract_kind is ContractKind.INVERSE and not is_option


def _price_currency(found: Resolution) -> str:
    price_asset_id = found.symbol.price_asset_id
    if price_asset_id is None or price_asset_id == found.quote.asset_id:
        return found.quote.symbol
    for asset in (found.base, found.settlement):
        if asset.asset_id == price_asset_id:
            return asset.symbol
    raise NotExpressible(f"prices of {found.venue_symbol} are in a third asset")


def _currencies(found: Resolution, kind: str) -> dict[str, Any]:
    base, currency = unit_prefix(found) + found.base.symbol, _price_currency(found)
    if kind == _SPOT:
        return {"base_currency": base, "quote_currency": currency}
    symbol = found.symbol
    told: dict[str, Any] = {
        "quote_currency": currency,
        "settlement_currency": found.settlement.symbol,
        "is_inverse": _is_inverse(found),
    }
    if kind in CLASSES.values():
        name = "base_currency" if kind == CLASSES[SymbolType.PERPETUAL] else "underlying"
        return {name: base, **told}
    asset_class = ASSET_CLASSES[symbol.underlying_class or UnderlyingClass.EVENT]
    told |= {"asset_class": asset_class, "underlying": symbol.underlying or base}
    if kind in _WHOLE:
        told |= {"currency": currency, "exchange": None}
    else:
        # Nautilus needs a currency of the base only to value inverse contracts and currencies.
        told["base_currency"] = base if _is_inverse(found) or asset_class == "FX" else None
    return told


def _limits(found: Resolution) -> dict[str, str | None]:
    specs, currency = found.specs, _price_currency(found)
    if found.symbol.contract_kind is ContractKind.QUANTO:
        # Nautilus values it in the settlement currency, which the venue's limits are not in.
        least = most = None
    else:
        least, most = specs.min_notional, specs.max_notional
    is_price = specs.min_price is not None and specs.min_price >= 0
    return {
        "max_quantity": _text(specs.max_order_size),
        "min_quantity": _text(specs.min_order_size),
        "max_notional": _money(most, currency),
        "min_notional": _money(least, currency),
        "max_price": _text(specs.max_price),
        # Nautilus has no bound below zero.
        "min_price": _text(specs.min_price) if is_price else None,
    }


def _require_whole(found: Resolution) -> None:
    """Check what Nautilus's contracts on shares and the like take for granted."""
    specs = found.specs
    if specs.lot_size != 1 or specs.min_order_size not in (None, 1):
        raise NotExpressible(f"{found.venue_symbol} is not traded in whole contracts from one up")
    if _is_inverse(found) or found.settlement.symbol != _price_currency(found):
        raise NotExpressible(f"{found.venue_symbol} does not settle in what prices are in")


def _dated(found: Resolution) -> dict[str, Any]:
    symbol, fields = found.symbol, dict[str, Any]()
    if symbol.expiry is not None:
        fields |= {"activation_ns": _ns(found.listed_at), "expiration_ns": _ns(symbol.expiry)}
    if symbol.strike_price is not None and symbol.option_type is not None:
        strike = plain(symbol.strike_price)
        fields |= {"option_kind": symbol.option_type.value, "strike_price": strike}
    return fields


def _digits(step: Decimal) -> int:
    """Decimal places of a value on this step."""
    return len(plain(step).partition(".")[2])


def _text(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _money(value: Decimal | None, currency: str) -> str | None:
    return None if value is None else f"{plain(value)} {currency}"


def _ns(moment: dt.datetime | None) -> int:
    """Unix time in nanoseconds; 0, as in Nautilus, if the instant is not known."""
    return 0 if moment is None else int(moment.timestamp()) * 1_000_000_000
