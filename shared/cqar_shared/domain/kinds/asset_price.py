"""What a venue's tickers said an asset was worth at one time: evidence of which asset it is.

It lives at the writer, in PostgreSQL and in History; resolvers do not hold it. An operator has one
of an asset at a time, the newest: an older one does not replace it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

import msgspec
from cqc.venues.v1 import asset_price_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is
from cqar_shared.errors import FieldViolation

QUOTES_MAX: Final = 16


class QuotedPrice(msgspec.Struct, frozen=True, kw_only=True):
    """A price of one unit of the asset, whatever its code counts."""

    venue_id: str = ""
    venue_symbol: str = ""
    quote_asset_id: str = ""
    price: Decimal | None = None


class AssetPrice(Entity, frozen=True, kw_only=True):
    """Prices of one asset by one operator's tickers.

    Attributes:
        venue_id: Whose code names the asset: the operator, where venues share its codes.
        request, sha256: What was asked, and the hash of the answer as received, in hexadecimal.
    """

    venue_id: str = ""
    asset_id: str = ""
    taken_at: dt.datetime | None = None
    quotes: tuple[QuotedPrice, ...] | None = None
    request: str | None = None
    sha256: str | None = None


def complete(before: AssetPrice | None, given: AssetPrice, _: RegistryView) -> AssetPrice:
    if before is not None and rules.is_older(given, before):
        return before
    price: AssetPrice = rules.without_empty(given, "quotes")
    return price


def check_asset_price(
    _: AssetPrice | None, after: AssetPrice, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_required(after, "venue_id", "asset_id", "taken_at", "quotes")
    yield from rules.check_taken("taken_at", after.taken_at, registry.now)
    yield from rules.check_length(after, request=rules.REQUEST_CHARS_MAX)
    if after.sha256 is not None:
        yield from rules.check_sha256("sha256", after.sha256)
    quotes = after.quotes or ()
    if len(quotes) > QUOTES_MAX:
        yield FieldViolation("quotes", "TOO_MANY", f"at most {QUOTES_MAX}")
        return
    for place, quote in enumerate(quotes):
        prefix = f"quotes[{place}]."
        for field in ("venue_id", "venue_symbol", "quote_asset_id"):
            yield from rules.check_printable(prefix + field, getattr(quote, field))
        if quote.price is None:
            yield FieldViolation(f"{prefix}price", "REQUIRED", "is required")
        yield from rules.check_positive(quote, prefix, "price")


ASSET_PRICE = Kind(
    name="asset_price",
    entity=AssetPrice,
    message=asset_price_pb2.AssetPrice,
    key=("venue_id", "asset_id"),
    slugs=frozenset({"venue_id"}),
    table="asset_prices",
    check=check_asset_price,
    check_relinked=checked_as_it_is(check_asset_price),
    complete=complete,
    lookups={"asset": by("asset_id")},
    event=lambda _, __: None,
    resident=False,
)
