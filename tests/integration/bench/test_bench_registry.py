"""The benchmark's registry is one that the writer could have made, and resolvers serve."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from cqc.resolver.v1 import resolver_pb2 as pb
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.market import Market
from bench.registry_database import commit_burst, fill, prepare_burst
from cqar.admin.audit import RegistryAltered, verify_registry
from cqar.embedded.servers import EmbeddedServers
from cqar_resolver.queries.resolution import resolve
from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.codec import entity_codec
from cqar_shared.domain.evaluation import ChangeIntent, Item, Result
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds import KINDS
from cqar_shared.queries.query import QueryContext
from cqar_shared.sql.schema import current
from cqar_writer.mutations import Cause, Mutations
from tests.conftest import at_database, execute_alone
from tests.support.entity_builders import NOW
from tests.support.table_checks import require_tables_equal_current

LISTINGS = 700
MARKET = Market(LISTINGS, NOW)


@pytest.fixture(scope="module")
async def template(servers: EmbeddedServers, template: str) -> str:
    """The registry, filled once; each test has a copy."""
    name = "cqar_bench_template"
    await execute_alone(servers.postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    await fill(at_database(servers.postgres, name), MARKET, tables=True)
    return name


@pytest.fixture
def filled(database: str) -> str:
    return database


def resolution(snapshot: Snapshot, number: int) -> pb.Resolution:
    return resolve(QueryContext(snapshot), *MARKET.key(number), Instant.of(NOW))


async def test_its_count_hash_and_chain_are_what_audit_and_resolvers_compute(filled: str) -> None:
    # It announces no events, and is else what its change sets make.
    with pytest.raises(RegistryAltered) as broken:
        await verify_registry(filled)
    assert set(broken.value.differences.counts) == {("outbox", "events")}
    snapshot = await RegistryDatabase(filled).hydrate()
    assert snapshot.counts["venue_symbol"] == LISTINGS
    assert snapshot.counts["symbol"] == LISTINGS * 3 // 10


async def test_its_relational_tables_hold_what_current_holds(
    filled: str, engine: AsyncEngine
) -> None:
    assert await require_tables_equal_current(engine) > LISTINGS


async def test_the_writers_rules_find_nothing_to_refuse_or_change_in_it(
    filled: str, engine: AsyncEngine, mutations: Mutations
) -> None:
    async with engine.connect() as tx:
        rows = list(await tx.execute(sa.select(current.c.kind, current.c.payload)))
    items = [
        Item(kind=kind, intent=ChangeIntent.UPSERT, given=entity_codec.decode(kind, payload))
        for kind in KINDS
        for name, payload in rows
        if name == kind.name
    ]
    applied = await mutations.apply(items, Cause("test"), dry_run=True, historical=True)
    assert {outcome.result for outcome in applied.outcomes} == {Result.UNCHANGED}


async def test_every_listing_resolves_and_there_are_all_kinds_of_them(filled: str) -> None:
    snapshot = await RegistryDatabase(filled).hydrate()
    found = [resolution(snapshot, number) for number in range(LISTINGS)]
    for number, answer in enumerate(found):
        assert answer.symbol.symbol_id == MARKET.listing(number).symbol_id
        assert answer.specs.tick_size
    assert any(answer.venue_symbol.alias_of for answer in found)
    assert any(answer.symbol.option_type for answer in found)
    assert any(answer.status == pb.RESOLUTION_STATUS_DELISTED for answer in found)
    assert sum(answer.tradeable.allowed for answer in found) > LISTINGS // 2


async def test_a_burst_is_committed_as_revisions_that_continue_the_chain(
    filled: str, engine: AsyncEngine
) -> None:
    before = await RegistryDatabase(filled).hydrate()
    burst = await prepare_burst(filled, 500)
    await commit_burst(filled, burst)
    after = await RegistryDatabase(filled).hydrate()
    assert after.head.revision == burst.last_revision == before.head.revision + 1
    with pytest.raises(RegistryAltered) as broken:
        await verify_registry(filled)
    assert set(broken.value.differences.counts) == {("outbox", "events")}
    assert after.count == before.count
    assert after.set_hash != before.set_hash
    assert await require_tables_equal_current(engine) > LISTINGS


async def test_a_burst_of_more_than_trades_is_refused(filled: str) -> None:
    with pytest.raises(ValueError, match="1000 changes, but only"):
        await prepare_burst(filled, 1_000)
