"""The writer archives in portions that fit, one writer at a time, and comes back with no more."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
import sqlalchemy as sa
from cqc.events.v1 import events_pb2
from cqc.replication.v1 import replication_pb2
from cqc.writer.v1 import registry_admin_pb2 as apb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.admin import audit
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kind import Kind
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.symbol import SYMBOL, Symbol, SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL, delist
from cqar_shared.errors import TooLarge
from cqar_shared.replication import positions
from cqar_writer.app import WriterApp
from cqar_writer.archiver import Archiver
from cqar_writer.config import WriterConfig
from cqar_writer.mutations import Mutations
from cqar_writer.store import archive_candidates
from cqar_writer.store.archive_candidates import ArchiveCandidate
from tests.support import writer_server
from tests.support.archived_option import (
    AFTER,
    DAY,
    EXPIRY,
    LISTED,
    MARKET,
    OPTION,
    Clock,
    archive_option,
    tell,
)
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, head_of
from tests.support.entity_builders import (
    NOW,
    USDT,
    a_symbol,
    a_symbol_identifier,
    a_venue_symbol,
    an_id,
)
from tests.support.spelling_histories import BEGIN, HOUR
from tests.support.table_checks import require_tables_equal_current


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def mutations(engine: AsyncEngine, clock: Clock) -> Mutations:
    return Mutations(engine, clock)


@pytest.fixture
def archiving(engine: AsyncEngine, mutations: Mutations) -> Archiver:
    return Archiver(engine, mutations, AFTER)


async def test_voiding_what_is_archived_tells_what_it_was(
    mutations: Mutations, archiving: Archiver, clock: Clock, engine: AsyncEngine
) -> None:
    await archive_option(mutations, archiving, clock)
    void = Item(kind=VENUE_SYMBOL, intent=ChangeIntent.REMOVE, key=LISTED.listing_id)
    await mutations.change(void, CAUSE)
    async with engine.connect() as tx:
        query = sa.text("SELECT events FROM outbox ORDER BY revision DESC LIMIT 1")
        raw = (await tx.execute(query)).scalar_one()
    (event,) = replication_pb2.DomainEvents.FromString(positions.unpack(raw)).events
    told = events_pb2.VenueSymbolRemoved.FromString(event.payload)
    assert told.venue_symbol.listing_id == LISTED.listing_id
    assert told.venue_symbol.venue_symbol == LISTED.venue_symbol


async def test_each_mutation_archives_so_many_until_all_is_done(
    mutations: Mutations,
    archiving: Archiver,
    clock: Clock,
    engine: AsyncEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_candidates, "ARCHIVED_MAX", 3)
    listings = [
        a_venue_symbol(
            listing_id=an_id(f"{n}"), venue_symbol=f"S{n}", is_primary=False, listed_at=BEGIN
        )
        for n in range(8)
    ]
    await commit(mutations, *MARKET, *listings)
    clock.now += DAY
    await tell(mutations, *(delist(one, clock.now) for one in listings))
    clock.now += AFTER + DAY
    counts = [await archiving.step() for _ in range(4)]
    assert counts == [3, 3, 2, 0]
    await require_tables_equal_current(engine)


async def test_what_is_large_leaves_in_parts_and_does_not_come_back_all_at_once(
    mutations: Mutations, archiving: Archiver, clock: Clock, engine: AsyncEngine
) -> None:
    symbols = _expired([{"note": "x" * 16_000}] * 600)
    await commit(mutations, *MARKET)
    await tell(mutations, *symbols[:300])
    await tell(mutations, *symbols[300:])
    clock.now += AFTER + DAY
    counts = [await archiving.step() for _ in range(4)]
    assert (sum(counts), counts[-1], max(counts) < 300) == (600, 0, True)
    pointing = [
        a_symbol_identifier(
            identifier_id=an_id(f"i{n}"), symbol_id=one.symbol_id, external_id=f"e{n}"
        )
        for n, one in enumerate(symbols)
    ]
    revision = (await head_of(engine)).revision
    with pytest.raises(TooLarge, match="split the request"):
        await tell(mutations, *pointing)
    assert (await head_of(engine)).revision == revision
    await tell(mutations, *pointing[:300])


async def test_what_packs_badly_leaves_in_smaller_parts(
    mutations: Mutations, archiving: Archiver, clock: Clock
) -> None:
    noise = random.Random(1)
    symbols = _expired([{"note": noise.randbytes(8_000).hex()} for _ in range(150)])
    await commit(mutations, *MARKET)
    await tell(mutations, *symbols[:75])
    await tell(mutations, *symbols[75:])
    clock.now += AFTER + DAY
    counts = [await archiving.step() for _ in range(4)]
    assert (sum(counts), counts[-1]) == (150, 0)


def _expired(metadata: list[dict[str, str]]) -> list[Symbol]:
    """Futures that are about to expire, one of each."""
    return [
        a_symbol(
            symbol_type=SymbolTypeCode.FUTURE,
            settlement_asset_id=USDT,
            expiry=BEGIN + dt.timedelta(seconds=n),
            metadata=one,
        )
        for n, one in enumerate(metadata)
    ]


def test_a_symbols_listings_stay_together_or_the_ended_ones_go_ahead() -> None:
    def over(kind: Kind[Any], key: str, symbol_id: str, *, is_ended: bool) -> ArchiveCandidate:
        return ArchiveCandidate(kind.name, key, b"x" * 10, symbol_id, is_ended)

    large = [
        over(SYMBOL, "s", "s", is_ended=True),
        over(VENUE_SYMBOL, "1", "s", is_ended=True),
        over(VENUE_SYMBOL, "2", "s", is_ended=False),
        over(VENUE_SYMBOL, "3", "s", is_ended=True),
    ]
    small = over(VENUE_SYMBOL, "4", "t", is_ended=True)
    found = [*large, small]
    keys = {
        most: [one.key for one in archive_candidates.select_fitting(found, most)]
        for most in range(0, 60, 10)
    }
    assert keys[50] == ["s", "1", "2", "3", "4"]
    assert keys[40] == ["s", "1", "2", "3"]
    assert keys[30] == ["1", "3", "4"]
    assert keys[10] == ["1"]
    assert keys[0] == []


async def test_one_writer_archives_at_a_time(
    mutations: Mutations, archiving: Archiver, clock: Clock, engine: AsyncEngine
) -> None:
    await commit(mutations, *MARKET, OPTION)
    await commit(mutations, LISTED)
    clock.now = EXPIRY + AFTER + HOUR
    async with engine.connect() as tx:
        assert await archive_candidates.try_lock(tx)
        assert await archiving.step() == 0
    assert await archiving.step() == 2


def test_a_writer_archives_unless_it_is_told_never_to() -> None:
    places = {"database_url": "postgresql://nobody@nowhere/none", "nats_url": "nats://no"}
    loops = [
        WriterApp(WriterConfig(**places, archive_after_days=days)).loops()  # type: ignore[arg-type]
        for days in (30, 0)
    ]
    assert ["archiving" in found for found in loops] == [True, False]


async def test_history_export_and_audit_know_what_was_archived(
    mutations: Mutations, archiving: Archiver, clock: Clock, engine: AsyncEngine, database: str
) -> None:
    await archive_option(mutations, archiving, clock)
    checked = await audit.verify_registry(database)
    assert checked.entities == (await head_of(engine)).live_count
    async with writer_server.serving(engine, NOW) as writer:
        ref = apb.EntityRef(kind="venue_symbol", key=LISTED.listing_id)
        told = await writer.call(writer.admin.History, apb.HistoryRequest(entity=ref), Role.READ)
        newest, _ = told.entries
        assert (newest.actor, newest.before) == ("cqar", newest.after)
        assert newest.reason.startswith("archived")
        items = [
            item.WhichOneof("change")
            async for part in writer.admin.Export(
                apb.ExportRequest(), metadata=(("x-api-key", writer.keys[Role.READ]),)
            )
            for item in part.items
        ]
        assert (items.count("venue_symbol"), items.count("symbol")) == (1, 2)
        tombstone = apb.ApplyItem(tombstone=apb.EntityRef(kind="archive", key=an_id("any")))
        request = apb.ApplyRequest(items=[tombstone])
        found = await refusal(writer.call(writer.admin.Apply, request, Role.ADMIN))
        assert found.violations == {("items[0]", "UNKNOWN_KIND")}
