"""Mutations against a real PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import uuid
from collections.abc import Iterable
from decimal import Decimal
from functools import partial
from typing import Any

import asyncpg
import msgspec
import pytest
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.registry.copying import row_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item, Result
from cqar_shared.domain.kind import Entity
from cqar_shared.domain.kinds import KIND_BY_NAME, KINDS
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import TERMS, MarketStatusCode, VenueSymbol, delist
from cqar_shared.errors import Conflict, EntityNotFound, Exists, InUse, Invalid, TooLarge
from cqar_shared.replication import hash_chain, positions
from cqar_shared.runtime.event_loop import INLINE_ITEMS_MAX
from cqar_shared.sql import schema
from cqar_shared.sql.schema import current
from cqar_shared.sql.tables import table_of
from cqar_writer.mutations.pipeline import AppliedMutation, Cause, Mutations
from cqar_writer.store import entity_rows, outbox
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USDT,
    a_chain,
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

KIND_OF = {kind.entity: kind for kind in KINDS}
DAY = dt.timedelta(days=1)
CAUSE = Cause("tester", "because")


def upsert(entity: Entity, **options: Any) -> Item:
    options = {"intent": ChangeIntent.UPSERT, **options}
    return Item(kind=KIND_OF[type(entity)], given=entity, fresh=str(uuid.uuid4()), **options)


def removal(kind: str, key: str, **options: Any) -> Item:
    return Item(kind=KIND_BY_NAME[kind], intent=ChangeIntent.REMOVE, key=key, **options)


@pytest.fixture
def mutations(engine: AsyncEngine) -> Mutations:
    return Mutations(engine, lambda: NOW)


async def apply(
    mutations: Mutations, entities: Iterable[Entity], **options: bool
) -> AppliedMutation:
    applied = await mutations.apply([upsert(e) for e in entities], CAUSE, **options)
    errors = [o.violations for o in applied.outcomes if o.error]
    assert not errors, errors
    return applied


MARKET = (an_asset(), an_asset("USDT"), a_venue(), a_symbol(), a_venue_asset(), a_venue_symbol())


async def test_concurrent_mutations_take_gapless_revisions(mutations: Mutations) -> None:
    names = "abcdefgh"
    results = await asyncio.gather(
        *(mutations.change(upsert(a_venue(name)), CAUSE) for name in names)
    )
    assert sorted(applied.revision for _, applied in results) == list(range(1, 9))


async def test_a_request_that_changes_nothing_takes_no_revision(mutations: Mutations) -> None:
    first = await apply(mutations, MARKET)
    again = await apply(mutations, MARKET)

    assert (first.committed, first.revision) == (True, 1)
    assert (again.committed, again.revision) == (False, 1)
    # The builder leaves the listing's id open: it is found by its spelling.
    assert {o.result for o in again.outcomes} == {Result.UNCHANGED}


async def test_a_rejected_item_rejects_all_unless_skipped(mutations: Mutations) -> None:
    items = [upsert(a_venue()), upsert(a_venue("DEX!"))]

    refused = await mutations.apply(items, CAUSE)
    assert [o.result for o in refused.outcomes] == [Result.CREATED, Result.REJECTED]
    assert (refused.committed, refused.revision) == (False, 0)

    skipped = await mutations.apply(items, CAUSE, skip_rejected=True)
    assert (skipped.committed, skipped.revision) == (True, 1)


async def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    planned = await apply(mutations, MARKET, dry_run=True)
    assert {o.result for o in planned.outcomes} == {Result.CREATED}
    async with engine.connect() as tx:
        assert (await entity_rows.read_head(tx)).revision == 0
        assert await entity_rows.counts(tx) == {}


@pytest.mark.parametrize("dry_run", [False, True])
async def test_what_packs_well_and_is_large_unpacked_is_refused_before_it_is_committed(
    mutations: Mutations, *, dry_run: bool
) -> None:
    many = [an_asset(f"A{n}", metadata={"note": "x" * 15_500}) for n in range(600)]
    with pytest.raises(TooLarge, match=r"a change set of \d+ KiB; at most 8192 KiB: split"):
        await apply(mutations, many, dry_run=dry_run)
    assert (await apply(mutations, many[:300])).revision == 1


async def test_events_that_are_large_together_are_refused_too(mutations: Mutations) -> None:
    """Each tells the reason anew."""
    begun = {"is_primary": False, "listed_at": NOW - dt.timedelta(days=1)}
    listings = [
        a_venue_symbol(listing_id=an_id(f"{n}"), venue_symbol=f"S{n}", **begun) for n in range(20)
    ]
    await apply(mutations, [*MARKET[:-1], *listings], historical=True)
    ended = [upsert(delist(one, NOW)) for one in listings]
    with pytest.raises(TooLarge, match="events of one change set"):
        await mutations.apply(ended, Cause("tester", "x" * 500_000), historical=True)


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


async def test_if_revision_refuses_what_changed_since(mutations: Mutations) -> None:
    _, applied = await mutations.change(upsert(an_asset()), CAUSE)
    revision = applied.revision
    await mutations.change(upsert(an_asset(name="Bitcoin")), CAUSE)
    with pytest.raises(Conflict, match="changed at revision 2"):
        await mutations.change(upsert(an_asset(name="B"), if_revision=revision), CAUSE)
    await mutations.change(upsert(an_asset(name="B"), if_revision=revision + 1), CAUSE)
    # What was removed since changed too: it is not made anew by one who did not know.
    await mutations.change(removal("asset", BTC), CAUSE)
    with pytest.raises(Conflict, match="changed at revision 4"):
        await mutations.change(upsert(an_asset(name="C"), if_revision=revision + 2), CAUSE)
    await mutations.change(upsert(an_asset(name="C")), CAUSE)


async def test_creating_what_exists_and_removing_what_does_not(mutations: Mutations) -> None:
    await apply(mutations, MARKET)
    with pytest.raises(Exists):
        await mutations.change(upsert(a_venue(), intent=ChangeIntent.CREATE), CAUSE)
    # Same terms, no id: it means the symbol that is there.
    twin = a_symbol(symbol_id="")
    with pytest.raises(Exists):
        await mutations.change(upsert(twin, intent=ChangeIntent.CREATE), CAUSE)
    with pytest.raises(EntityNotFound):
        await mutations.change(removal("asset", ETH), CAUSE)


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


async def test_current_outbox_and_head_tell_the_same_story(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [*MARKET, a_chain(), an_asset("ETH"), a_relationship(ETH, BTC)])
    later = NOW + dt.timedelta(hours=1)
    step = partial(delist, at=later)
    mutations = Mutations(engine, lambda: later)
    listing = await the_listing(mutations)
    evolve = Item(
        kind=KIND_BY_NAME["venue_symbol"],
        intent=ChangeIntent.EVOLVE,
        key=listing.listing_id,
        step=step,
    )
    outcome, _ = await mutations.change(evolve, CAUSE)
    assert isinstance(outcome.after, VenueSymbol)
    assert outcome.after.status is MarketStatusCode.DELISTED
    await mutations.change(removal("chain", "ethereum"), CAUSE)

    replayed: dict[tuple[str, str], bytes] = {}
    async with engine.connect() as tx:
        head = await entity_rows.read_head(tx)
        rows = await outbox.rows_after(tx, 0, 100)
        live = await tx.execute(sa.select(current).where(~current.c.deleted))
        state = {(row.kind, row.key): row.payload for row in live}
    chain = rows[0].prev_chain
    for row in rows:
        assert row.prev_chain == chain
        chain = hash_chain.chain_of(chain, row.link)
        assert row.chain == chain
        change_set = replication_pb2.ChangeSet.FromString(positions.unpack(row.payload))
        assert change_set.revision == row.revision
        for change in change_set.changes:
            if change.deleted:
                del replayed[change.kind, change.key]
            else:
                replayed[change.kind, change.key] = change.entity
    assert replayed == state
    assert (head.revision, head.chain, head.live_count) == (3, chain, len(state))
    hashes = sum(positions.hash_of(kind, key, payload) for (kind, key), payload in state.items())
    assert positions.set_hash_bytes(hashes) == head.set_hash

    events = replication_pb2.DomainEvents.FromString(positions.unpack(rows[1].events))
    assert [e.subject for e in events.events] == ["cqc.events.v1.venue_symbol_delisted"]


async def test_relational_rows_say_what_the_entities_say(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [*MARKET, a_chain(), an_asset("ETH"), a_relationship(ETH, BTC)])
    async with engine.connect() as tx:
        for kind in KINDS:
            stored = {
                key: row_of(entity_codec.decode(kind, payload))
                for key, payload in await tx.execute(
                    sa.select(current.c.key, current.c.payload).where(current.c.kind == kind.name)
                )
            }
            rows = (await tx.execute(sa.select(table_of(kind)))).mappings()
            found = {"/".join(row[name] for name in kind.key): dict(row) for row in rows}
            assert found == stored, kind.name


@pytest.mark.parametrize("dry_run", [False, True])
async def test_the_answer_to_many_items_is_made_aside_however_few_of_them_change(
    mutations: Mutations, *, dry_run: bool
) -> None:
    await apply(mutations, (an_asset(f"A{number}") for number in range(INLINE_ITEMS_MAX)))
    where: list[threading.Thread] = []

    def answer(_: AppliedMutation) -> bytes:
        where.append(threading.current_thread())
        return b""

    items = [upsert(an_asset(f"A{number}")) for number in range(INLINE_ITEMS_MAX + 1)]
    applied = await mutations.apply(items, CAUSE, dry_run=dry_run, answer=answer)
    assert [o.result for o in applied.outcomes].count(Result.UNCHANGED) == INLINE_ITEMS_MAX
    assert where
    assert threading.main_thread() not in where


async def test_no_sql_reaches_the_period_constraint_but_it_stands(
    database: str, mutations: Mutations
) -> None:
    """The rule speaks first; the constraint holds even against a hand at psql."""
    await apply(mutations, MARKET)
    connection = await asyncpg.connect(database)
    with pytest.raises(asyncpg.ExclusionViolationError, match="ex_venue_symbols_spelling"):
        await connection.execute(
            "INSERT INTO venue_symbols (listing_id, venue_id, symbol_id, venue_symbol, status,"
            " is_primary, tick_bands, first_seen_at) SELECT gen_random_uuid(), venue_id,"
            " symbol_id, venue_symbol, 2, false, '[]', now() FROM venue_symbols"
        )
    await connection.close()


async def test_a_database_that_was_restored_begins_a_new_epoch_first(
    mutations: Mutations, engine: AsyncEngine
) -> None:
    await apply(mutations, [a_venue()])
    async with engine.begin() as tx:
        await tx.execute(sa.text("UPDATE registry_head SET timeline_id = timeline_id + 1"))
    applied = await apply(mutations, [a_venue("kraken")])
    assert (applied.epoch, applied.revision) == (2, 3)
    async with engine.connect() as tx:
        query = sa.select(schema.outbox.c.revision, schema.outbox.c.is_reset).order_by(
            schema.outbox.c.revision
        )
        assert list(await tx.execute(query)) == [(1, False), (2, True), (3, False)]


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
