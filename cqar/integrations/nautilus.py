"""A resolution as a dictionary with the field names of nautilus_trader's instruments.

Fields that the registry does not know are left out. Before a call of `CurrencyPair.from_dict` or
its like, add `ts_event`, `ts_init`, the margins, and the fees if the venue's are not known.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any, Final

from cqar.integrations.ccxt import ids_of, unit_prefix
from cqar.sdk.enums import ContractKind, SpecsSource, SymbolType
from cqar.sdk.errors import StepsUnknown
from cqar.sdk.results import Resolution
from cqar_shared.domain.decimals import plain

CLASSES: Final = {
    SymbolType.SPOT: "CurrencyPair",
    SymbolType.MARGIN: "CurrencyPair",
    SymbolType.PERPETUAL: "CryptoPerpetual",
    SymbolType.FUTURE: "CryptoFuture",
    SymbolType.OPTION: "CryptoOption",
}
_SPOT: Final = "CurrencyPair"
_PERPETUAL: Final = "CryptoPerpetual"


def instrument(found: Resolution, venue: str = "") -> dict[str, Any]:
    """The instrument as a dictionary; decimals are text in plain notation.

    Args:
        venue: Nautilus's name of the venue; empty: our id in capitals, such as BINANCE-USDM.

    Raises:
        StepsUnknown: The venue's own tick or lot is not known, or the tick depends on the price,
            or the size of a contract is not known.
    """
    symbol, specs = found.symbol, found.specs
    if specs.source is not SpecsSource.VENUE or specs.tick_size is None or specs.lot_size is None:
        raise StepsUnknown(f"{found.venue_symbol} has no tick and lot of the venue's own")
    kind = CLASSES[symbol.symbol_type]
    size = specs.contract_size if kind != _SPOT else Decimal(1)
    if size is None:
        raise StepsUnknown(f"the size of a contract of {found.venue_symbol} is not known")
    base = unit_prefix(found) + found.base.symbol
    quote = found.quote.symbol
    fields = {
        "type": kind,
        "id": f"{found.venue_symbol}.{venue or found.venue_id.upper()}",
        "raw_symbol": found.venue_symbol,
        ("base_currency" if kind in (_SPOT, _PERPETUAL) else "underlying"): base,
        "quote_currency": quote,
        "price_precision": _digits(specs.tick_size),
        "price_increment": plain(specs.tick_size),
        "size_precision": _digits(specs.lot_size),
        "size_increment": plain(specs.lot_size),
        "multiplier": plain(size),
        "lot_size": plain(specs.lot_size),
        "max_quantity": _text(specs.max_order_size),
        "min_quantity": _text(specs.min_order_size),
        "max_notional": _money(specs.max_notional, quote),
        "min_notional": _money(specs.min_notional, quote),
        "max_price": None,
        "min_price": None,
        "info": ids_of(found),
    }
    if found.maker_fee is not None and found.taker_fee is not None:
        fields |= {"maker_fee": plain(found.maker_fee), "taker_fee": plain(found.taker_fee)}
    return fields | _of_contract(found, kind)


def _of_contract(found: Resolution, kind: str) -> dict[str, Any]:
    if kind == _SPOT:
        return {}
    symbol = found.symbol
    fields: dict[str, Any] = {
        "settlement_currency": found.settlement.symbol,
        "is_inverse": symbol.contract_kind is ContractKind.INVERSE,
    }
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
