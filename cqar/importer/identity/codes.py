"""What codes are: multiples, classes of things, and the ids of assets that imports make. Pure."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal
from typing import Final, NamedTuple

from cqar.importer.market import Code, Market
from cqar_shared.domain.kinds.asset import Asset, AssetClassCode
from cqar_shared.domain.kinds.symbol import UnderlyingClassCode

#: What an import makes gets ids that follow from what it is.
NAMESPACE: Final = uuid.UUID("5b0f6c1d-58a1-5b0e-8d3c-1f1f0e6d9a42")
#: 1000SHIB, SHIB1000, 1000000MOG, 1MBABYDOGE, kPEPE: prices of a multiple of the coin.
_BEFORE: Final = re.compile(r"(10{3,}|1M)(?=[A-Z])([A-Z0-9]+)")
_BEHIND: Final = re.compile(r"([A-Z]+)(10{3,})")
_KILO: Final = re.compile(r"k([A-Z][A-Z0-9]+)")
#: BTC3L, ETH5S: a leveraged token that its venue issues.
_LEVERAGED: Final = re.compile(r"([A-Z0-9]{2,})[2-5][LS]")
_UNITS: Final = {"1M": Decimal(1_000_000)}

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
_COINS: Final = (None, UnderlyingClassCode.CRYPTO, UnderlyingClassCode.FX)


class Multiple(NamedTuple):
    """What a code looks like: so many units of the coin of a ticker."""

    ticker: str
    units: Decimal


def multiple_in(code: Code) -> Multiple | None:
    """What the text of a code looks like. A guess would be wrong by thousands: it is proposed."""
    for spelling in (code.venue, code.ticker):
        upper = spelling.upper()
        if match := _BEFORE.fullmatch(upper):
            return Multiple(match[2], _UNITS.get(match[1]) or Decimal(match[1]))
        if match := _BEHIND.fullmatch(upper):
            return Multiple(match[1], Decimal(match[2]))
        if match := _KILO.fullmatch(spelling):
            return Multiple(match[1], Decimal(1_000))
    return None


def leveraged_in(ticker: str) -> str | None:
    """The ticker of the coin that a venue's own leveraged token is on, by its form; else None."""
    match = _LEVERAGED.fullmatch(ticker)
    return match[1] if match else None


def looks_multiplied(code: Code) -> bool:
    """Whether a code may stand for many units of a coin."""
    return multiple_in(code) is not None


def is_no_coin(market: Market) -> bool:
    """Whether the record says that the base is neither a coin nor a currency."""
    return market.underlying_class not in _COINS


def is_of_class(asset: Asset, kind: UnderlyingClassCode | None) -> bool | None:
    """Whether an asset is of the class that a record states; None if it is not known.

    Args:
        kind: What the record states; None of a coin or a currency.
    """
    if asset.asset_class is None:
        return None
    if kind in _COINS:
        return asset.asset_class in (AssetClassCode.CRYPTO, AssetClassCode.FIAT)
    return asset.asset_class is ASSET_CLASSES[kind]


def imported_id(*names: object) -> str:
    """The id of what an import makes, by what it is: two imports at once make one."""
    return str(uuid.uuid5(NAMESPACE, "/".join(map(str, names))))
