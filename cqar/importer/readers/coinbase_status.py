"""The status of Coinbase's products: a word and several flags, on Exchange and Advanced Trade."""

from __future__ import annotations

from typing import Final

import msgspec

from cqar.importer.readers.fields import stated_word
from cqar.importer.readers.product_line import RawRecord
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

_Flag = bool | msgspec.UnsetType

_WORDS: Final = {
    "online": MarketStatusCode.ONLINE,
    "offline": MarketStatusCode.HALTED,
    "delisted": MarketStatusCode.DELISTED,
}
#: Of several flags that are set, the strictest decides.
_FLAGS: Final = (
    ("is_disabled", MarketStatusCode.HALTED),
    ("view_only", MarketStatusCode.HALTED),
    ("trading_disabled", MarketStatusCode.HALTED),
    ("cancel_only", MarketStatusCode.CANCEL_ONLY),
    ("auction_mode", MarketStatusCode.AUCTION),
    ("post_only", MarketStatusCode.POST_ONLY),
)


class CoinbaseStatus(RawRecord, frozen=True):
    """The fields of a product that say which orders it takes. A flag of null is unreadable."""

    status: str | msgspec.UnsetType = msgspec.UNSET
    is_disabled: _Flag = msgspec.UNSET
    view_only: _Flag = msgspec.UNSET
    trading_disabled: _Flag = msgspec.UNSET
    cancel_only: _Flag = msgspec.UNSET
    auction_mode: _Flag = msgspec.UNSET
    post_only: _Flag = msgspec.UNSET
    limit_only: _Flag = msgspec.UNSET


def status_of(record: CoinbaseStatus) -> MarketStatusCode | None:
    """What the word says, unless a flag forbids more; None if there is no word."""
    status = stated_word(record.status, "status", _WORDS)
    return by_flags(record) if status is MarketStatusCode.ONLINE else status


def by_flags(record: CoinbaseStatus) -> MarketStatusCode:
    """What the flags of a product leave of its being online."""
    stricter = (code for name, code in _FLAGS if getattr(record, name) is True)
    return next(stricter, MarketStatusCode.ONLINE)


def order_types_of(record: CoinbaseStatus) -> tuple[str, ...] | None:
    """`limit_only` is a statement about kinds of orders, not about the market's status."""
    return ("LIMIT",) if record.limit_only is True else None
