"""`cqar resolve` hides nothing that an order is checked by."""

from __future__ import annotations

import datetime as dt

from cqc.markets.v1 import symbol_pb2
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.cli.listing_details import detail_rows

#: Told as the row `status`, and by the symbol.
ELSEWHERE = {"source", "contract_kind"}


def test_every_step_and_limit_is_shown() -> None:
    specs = pb.Specs(price_significant_digits=5)
    texts = [
        field.name
        for field in specs.DESCRIPTOR.fields
        if field.type == field.TYPE_STRING and not (field.is_repeated or field.name in ELSEWHERE)
    ]
    for i, name in enumerate(texts):
        setattr(specs, name, f"{i}.125")
    specs.tick_bands.add(tick_size="0.1")
    specs.tick_bands.add(from_price="100", tick_size="1")
    specs.order_types.append("LIMIT_MAKER")
    specs.time_in_force.append("GTX")
    specs.order_unit = venue_symbol_pb2.ORDER_UNIT_CONTRACT
    found = pb.Resolution(specs=specs)
    shown = {value for _, value in detail_rows(found)}
    assert {f"{i}.125" for i in range(len(texts))} <= shown
    assert {"0.1 from 0", "1 from 100", "5", "LIMIT_MAKER", "GTX", "contract"} <= shown


def test_what_is_announced_and_what_is_known_of_the_product_is_shown_in_groups() -> None:
    end = dt.datetime(2026, 12, 4, 9, tzinfo=dt.UTC)
    listing = venue_symbol_pb2.VenueSymbol(
        permission_groups=[venue_symbol_pb2.PermissionSet(groups=["SPOT", "MARGIN"])],
        quote_alternatives=["USDC"],
        legs=[venue_symbol_pb2.ListingLeg(venue_symbol="BTC-PERPETUAL", ratio="-1")],
        channels=["WS"],
    )
    listing.ends_at.FromDatetime(end)
    listing.delisted_at.FromDatetime(end)
    change = listing.scheduled.add(field="tick_size", value="0.1")
    change.effective_at.FromDatetime(end)
    listing.phases.add(status=venue_symbol_pb2.MARKET_STATUS_AUCTION).starts_at.FromDatetime(end)
    symbol = symbol_pb2.Symbol(underlying_class=symbol_pb2.UNDERLYING_CLASS_EQUITY)
    found = pb.Resolution(venue_symbol=listing, symbol=symbol)
    found.tradeable.until.FromDatetime(end)
    rows = detail_rows(found)
    assert {
        ("underlying class", "EQUITY"),
        ("channels", "WS"),
        ("times", ""),
        ("  announced end", "2026-12-04T09:00:00Z"),
        ("  scheduled", "2026-12-04T09:00:00Z tick_size 0.1"),
        ("  phase", "AUCTION 2026-12-04T09:00:00Z to ?"),
        ("  needs one of", "SPOT, MARGIN"),
        ("  also settled in", "USDC"),
        ("legs", ""),
        ("  -1", "BTC-PERPETUAL"),
        ("  until", "2026-12-04T09:00:00Z"),
    } <= set(rows)
    # What is not known has no row, and a group of nothing no title.
    assert not {"  delisted at", "price", "market orders", "settled in"} & {
        name for name, _ in rows
    }
