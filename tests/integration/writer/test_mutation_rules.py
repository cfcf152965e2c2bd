"""Rules that look at several entities, through mutations against a real PostgreSQL."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from cqar_shared.domain.evaluation import Result
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import TERMS, MarketStatusCode, VenueSymbol, delist
from cqar_shared.errors import InUse, Invalid
from cqar_writer.mutations import Mutations
from tests.support.commits import CAUSE, KIND_OF, apply, removal, upsert
from tests.support.entity_builders import (
    BTC,
    ETH,
    MARKET,
    NOW,
    USDT,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)

DAY = dt.timedelta(days=1)


async def test_every_violation_of_an_item_is_reported_at_once(mutations: Mutations) -> None:
    bad = a_symbol(tick_size=Decimal(0), lot_size=Decimal(-1), symbol_type=SymbolTypeCode.OPTION)
    with pytest.raises(Invalid) as caught:
        await mutations.change(upsert(bad), CAUSE)
    found = {(v.field, v.reason) for v in caught.value.violations}
    assert found >= {
        ("base_asset_id", "NOT_FOUND"),
        ("quote_asset_id", "NOT_FOUND"),
        ("exact.tick_size", "NOT_POSITIVE"),
        ("exact.lot_size", "NOT_POSITIVE"),
        ("expiry", "REQUIRED"),
        ("exact.strike_price", "REQUIRED"),
        ("option_type", "REQUIRED"),
        ("settlement_asset_id", "REQUIRED"),
    }


async def test_what_is_referred_to_cannot_be_removed(mutations: Mutations) -> None:
    await apply(mutations, MARKET)
    with pytest.raises(InUse, match="asset .* is used by symbol"):
        await mutations.change(removal("asset", BTC), CAUSE)

    listing = await the_listing(mutations)
    everything = [
        removal("asset", BTC),
        removal("symbol", a_symbol().symbol_id),
        removal("venue_asset", f"binance/{BTC}"),
        removal("venue_symbol", listing.listing_id),
    ]
    applied = await mutations.apply(everything, CAUSE)
    assert [o.violations for o in applied.outcomes] == [()] * 4
    assert applied.committed


@pytest.mark.parametrize(
    ("count", "more"),
    [(1, ""), (3, ""), (4, " and 1 more"), (100, " and 97 more"), (101, " and more")],
)
async def test_who_refers_to_it_is_counted_as_far_as_was_looked(
    count: int, more: str, mutations: Mutations
) -> None:
    names = [f"id-{place}" for place in range(count)]
    named = [an_identifier(identifier_id=an_id(name), external_id=name) for name in names]
    await apply(mutations, [an_asset(), *named])
    with pytest.raises(InUse) as caught:
        await mutations.change(removal("asset", BTC), CAUSE)
    said = str(caught.value)
    assert said.count("asset_identifier") == min(count, 3)
    assert said.endswith(more)
    assert (" more" in said) == bool(more)


async def test_who_refers_to_it_twice_is_named_once(mutations: Mutations) -> None:
    await apply(mutations, [an_asset(), an_asset("USDT"), a_symbol()])
    symbol = a_symbol().symbol_id
    # Its quote and its settlement asset.
    with pytest.raises(InUse, match=f"is used by symbol {symbol}$"):
        await mutations.change(removal("asset", USDT), CAUSE)
    fresh = a_symbol(base_asset_id=ETH)
    both = [an_asset("ETH"), fresh]
    await mutations.change(removal("symbol", symbol), CAUSE)
    items = [*map(upsert, both), removal("asset", USDT)]
    error = (await mutations.apply(items, CAUSE)).outcomes[-1].error
    assert isinstance(error, InUse)
    assert str(error).endswith(f"is used by symbol {fresh.symbol_id}")


async def the_listing(mutations: Mutations) -> VenueSymbol:
    (outcome,) = (await apply(mutations, [a_venue_symbol()], dry_run=True)).outcomes
    assert isinstance(outcome.before, VenueSymbol)
    return outcome.before


async def test_a_group_is_removed_with_its_members_and_holds_its_assets_until_then(
    mutations: Mutations,
) -> None:
    group = a_group(ETH, BTC)
    await apply(mutations, [an_asset(), an_asset("ETH"), group])
    with pytest.raises(InUse, match="is used by asset_group"):
        await mutations.change(removal("asset", ETH), CAUSE)
    await mutations.change(removal("asset_group", group.group_id), CAUSE)
    outcome, _ = await mutations.change(removal("asset", ETH), CAUSE)
    assert outcome is not None
    assert outcome.result is Result.DELETED


async def test_a_code_is_reused_only_after_its_end_in_the_past_too(mutations: Mutations) -> None:
    await apply(mutations, MARKET)
    await apply(mutations, [an_asset("ETH")])
    code = {"venue_asset_symbol": "CODE"}
    year = {n: dt.datetime(n, 1, 1, tzinfo=dt.UTC) for n in (2020, 2021, 2022)}
    old = a_venue_asset(**code, asset_id=USDT, listed_at=year[2020], delisted_at=year[2022])
    await apply(mutations, [old], historical=True)
    reused = a_venue_asset(**code, asset_id=ETH, listed_at=year[2021])
    with pytest.raises(Invalid, match="overlapping period"):
        await mutations.change(upsert(reused), CAUSE)
    shorter = a_venue_asset(**code, asset_id=USDT, listed_at=year[2020], delisted_at=year[2021])
    applied = await apply(mutations, [shorter, reused], historical=True)
    assert [o.result for o in applied.outcomes] == [Result.UPDATED, Result.CREATED]


async def test_a_spelling_is_reused_only_after_its_end(mutations: Mutations) -> None:
    eth = a_symbol(base_asset_id=ETH)
    await apply(mutations, [*MARKET, an_asset("ETH"), eth])
    later = NOW + dt.timedelta(days=1)
    reused = a_venue_symbol(symbol_id=eth.symbol_id, listed_at=later)
    with pytest.raises(Invalid, match="overlapping period"):
        await mutations.change(upsert(reused), CAUSE)

    listing = await the_listing(mutations)
    ended = delist(listing, later)
    applied = await apply(mutations, [ended, reused])
    assert [o.result for o in applied.outcomes] == [Result.UPDATED, Result.CREATED]


async def test_the_first_spelling_of_a_symbol_is_primary_and_aliases_follow_it(
    mutations: Mutations,
) -> None:
    bare = {"tick_size": None, "lot_size": None}
    alias = a_venue_symbol(venue_symbol="BTC/USDT", alias_of="BTCUSDT", **bare)
    applied = await apply(mutations, [*MARKET, alias])
    first, second = (o.after for o in applied.outcomes[-2:])
    assert isinstance(first, VenueSymbol)
    assert isinstance(second, VenueSymbol)
    assert (first.is_primary, second.is_primary) == (True, False)

    with pytest.raises(Invalid) as caught:
        await mutations.change(
            upsert(a_venue_symbol(venue_symbol="B", alias_of="NOPE", lot_size=None)), CAUSE
        )
    assert {(v.field, v.reason) for v in caught.value.violations} == {
        ("exact.tick_size", "ALIAS"),
        ("alias_of", "NOT_FOUND"),
    }


async def test_relationships_do_not_lead_in_a_circle(mutations: Mutations) -> None:
    coins = [an_asset(name) for name in ("A", "B", "C", "D")]
    a, b, c, d = (coin.asset_id for coin in coins)
    await apply(mutations, [*coins, a_relationship(a, b), a_relationship(b, c)])
    with pytest.raises(Invalid, match="circle"):
        await mutations.change(upsert(a_relationship(c, a)), CAUSE)
    # Within one request as well: the second item sees the first.
    both = [upsert(a_relationship(c, d)), upsert(a_relationship(d, a))]
    refused = await mutations.apply(both, CAUSE)
    assert [o.result for o in refused.outcomes] == [Result.CREATED, Result.REJECTED]


async def test_a_code_names_one_asset_at_a_venue(mutations: Mutations) -> None:
    await apply(mutations, MARKET)
    await apply(mutations, [a_venue_asset(other_codes=("XBT",))])
    rival = a_venue_asset(asset_id=USDT, venue_asset_symbol="XBT")
    with pytest.raises(Invalid, match="overlapping period"):
        await mutations.change(upsert(rival), CAUSE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (an_identifier(), an_identifier(identifier_id=an_id("another"))),
        (a_relationship(BTC, USDT), a_relationship(BTC, USDT, relationship_id=an_id("another"))),
        (a_group(BTC), a_group(BTC, group_id=an_id("another"))),
    ],
    ids=["identifier", "relationship", "group"],
)
async def test_what_goes_makes_room_for_what_takes_its_place(
    before: Entity, after: Entity, mutations: Mutations
) -> None:
    assets = (an_asset(), an_asset("USDT"))
    await mutations.apply([upsert(entity) for entity in (*assets, before)], CAUSE)
    kind = KIND_OF[type(before)]
    items = [removal(kind.name, kind.key_of(before)), upsert(after)]
    applied = await mutations.apply(items, CAUSE)
    assert applied.committed
    assert [o.result for o in applied.outcomes] == [Result.DELETED, Result.CREATED]


async def test_a_flag_that_stops_trading_is_resolved_before_it_is_removed(
    mutations: Mutations,
) -> None:
    flag = a_flag()
    await mutations.apply([upsert(an_asset()), upsert(flag)], CAUSE)
    with pytest.raises(Invalid) as caught:
        await mutations.change(removal("quality_flag", flag.flag_id), CAUSE)
    assert [v.reason for v in caught.value.violations] == ["IN_FORCE"]
    resolved = msgspec.structs.replace(flag, resolved_by="ops", resolution_notes="refunded")
    await mutations.change(upsert(resolved), CAUSE)
    await mutations.change(removal("quality_flag", flag.flag_id), CAUSE)


async def test_a_listing_said_to_be_delisted_as_of_an_instant_ended_then(
    mutations: Mutations,
) -> None:
    begin, end = NOW - 2 * DAY, NOW - DAY
    market = (an_asset(), an_asset("USDT"), a_venue(), a_symbol())
    listing = a_venue_symbol(listed_at=begin)
    await mutations.apply([upsert(e) for e in (*market, listing)], CAUSE, as_of=begin)
    gone = msgspec.structs.replace(listing, status=MarketStatusCode.DELISTED)
    applied = await mutations.apply([upsert(gone)], CAUSE, as_of=end)
    (outcome,) = applied.outcomes
    assert isinstance(outcome.after, VenueSymbol)
    assert outcome.after.delisted_at == end


async def test_a_spelling_that_others_stand_for_neither_goes_nor_stands_for_one_itself(
    mutations: Mutations,
) -> None:
    market = (an_asset(), an_asset("USDT"), a_venue(), a_symbol())
    own = a_venue_symbol(listing_id=an_id("own"), listed_at=NOW)
    terms = dict.fromkeys(TERMS)
    alias = a_venue_symbol(
        listing_id=an_id("alias"),
        venue_symbol="XBTUSDT",
        alias_of="BTCUSDT",
        listed_at=NOW,
        **terms,
    )
    other = a_venue_symbol(
        listing_id=an_id("other"), venue_symbol="NEW", is_primary=False, listed_at=NOW
    )
    await mutations.apply([upsert(e) for e in (*market, own, alias, other)], CAUSE)
    with pytest.raises(Invalid, match="'XBTUSDT'"):
        await mutations.change(removal("venue_symbol", own.listing_id), CAUSE)
    standing = msgspec.structs.replace(own, alias_of="NEW", is_primary=False, **terms)
    with pytest.raises(Invalid) as caught:
        await mutations.change(upsert(standing), CAUSE)
    assert ("alias_of", "HAS_ALIASES") in {(v.field, v.reason) for v in caught.value.violations}
    both = [removal("venue_symbol", one.listing_id) for one in (alias, own)]
    assert (await mutations.apply(both, CAUSE)).committed
