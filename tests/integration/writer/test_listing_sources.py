"""Where terms are from is recorded, told as of any instant, and held by no resolver."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.replication.v1 import replication_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_resolver.replication.postgres import RegistryDatabase
from cqar_resolver.snapshot.change_sets import decode, plan
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.listing_source import LISTING_SOURCE
from cqar_shared.replication import positions
from cqar_shared.sql.schema import current
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import (
    MARKET,
    NOW,
    a_listing_source,
    a_venue_symbol,
    an_id,
)
from tests.support.writer_server import Client, serving

DAY = dt.timedelta(days=1)
LISTING = an_id("listing")
BASE = (*MARKET[:-1], a_venue_symbol(listing_id=LISTING, listed_at=NOW - 9 * DAY))


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(mutations, *BASE)
    async with serving(engine, NOW) as client:
        yield client


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def told(client: Client, **request: Any) -> str:
    given = pb.GetListingSourceRequest(**request)
    answer = await client.call(client.admin.GetListingSource, given, Role.READ)
    return str(answer.listing_source.reader)


async def test_the_newest_is_told_and_that_of_any_instant(
    client_: Client, mutations: Mutations
) -> None:
    for days in (5, 3, 1):
        await commit(mutations, a_listing_source(taken_at=NOW - days * DAY, reader=f"r {days}"))
    spelled = {"venue_id": "binance", "venue_symbol": "BTCUSDT"}
    assert await told(client_, listing_id=LISTING) == await told(client_, **spelled) == "r 1"
    assert await told(client_, **spelled, as_of=at(NOW - 2 * DAY)) == "r 3"
    assert await told(client_, listing_id=LISTING, as_of=at(NOW - 5 * DAY)) == "r 5"
    early = pb.GetListingSourceRequest(listing_id=LISTING, as_of=at(NOW - 6 * DAY))
    found = await refusal(client_.call(client_.admin.GetListingSource, early, Role.READ))
    assert (found.code, found.reason) == (grpc.StatusCode.NOT_FOUND, "LISTING_SOURCE_NOT_FOUND")


async def test_an_older_answer_does_not_replace_a_newer_one(
    client_: Client, mutations: Mutations
) -> None:
    await commit(mutations, a_listing_source(taken_at=NOW - DAY, reader="newer"))
    older = a_listing_source(taken_at=NOW - 2 * DAY, reader="older")
    assert not (await mutations.apply([upsert(older)], CAUSE)).committed
    assert await told(client_, listing_id=LISTING) == "newer"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"listing_id": LISTING, "venue_id": "binance"}, "INVALID"),
        ({"listing_id": "x"}, "INVALID"),
        ({}, "INVALID"),
        ({"venue_id": "kraken", "venue_symbol": "X"}, "VENUE_NOT_FOUND"),
        ({"venue_id": "binance", "venue_symbol": "X"}, "VENUE_SYMBOL_NOT_FOUND"),
        ({"listing_id": LISTING}, "LISTING_SOURCE_NOT_FOUND"),
    ],
)
async def test_what_names_no_source_is_refused(
    client_: Client, request_: dict[str, Any], reason: str
) -> None:
    given = pb.GetListingSourceRequest(**request_)
    found = await refusal(client_.call(client_.admin.GetListingSource, given, Role.READ))
    assert found.reason == reason


async def _commits(engine: AsyncEngine) -> list[tuple[Any, Any]]:
    async with engine.connect() as tx:
        rows = await tx.execute(
            sa.text(
                "SELECT o.*, h.registry_id, CASE WHEN o.chain_version > 1 THEN sha256(o.events)"
                " ELSE '' END AS events_hash FROM outbox o, registry_head h ORDER BY revision"
            )
        )
        found = []
        for row in rows.mappings():
            names = ("epoch", "revision", "chain", "live_count", "set_hash", "registry_id")
            head = replication_pb2.Head(**{name: row[name] for name in names})
            found.append(
                (
                    head,
                    replication_pb2.Commit(
                        prev_chain=row["prev_chain"],
                        change_set=row["payload"],
                        chain_version=row["chain_version"],
                        events_hash=row["events_hash"],
                    ),
                )
            )
        return found


async def test_a_resolver_holds_none_of_it_and_its_chain_is_whole(
    engine: AsyncEngine, mutations: Mutations, database: str
) -> None:
    """Whether it loads the registry or follows it, and where sources change and go again."""
    await commit(mutations, *BASE)
    follower = await RegistryDatabase(database).hydrate()
    behind = follower.head.revision
    await commit(mutations, a_listing_source())
    await commit(mutations, a_listing_source(reader="another"), a_venue_symbol_update())
    removal = Item(kind=LISTING_SOURCE, intent=ChangeIntent.REMOVE, key=LISTING)
    await commit(mutations, a_listing_source(reader="third"))
    assert (await mutations.apply([removal], CAUSE)).committed
    await commit(mutations, a_listing_source(reader="fourth"))
    for head, row in await _commits(engine):
        if head.revision > behind:
            change_set = decode(follower.position, head, row)
            assert all(change.kind != "listing_source" for change in change_set.changes)
            follower.apply(head, list(plan(follower, change_set)))
    loaded = await RegistryDatabase(database).hydrate()
    assert state(follower) == state(loaded)
    assert loaded.counts.get("listing_source") is None
    assert follower.get("listing_source", LISTING) is None
    async with engine.connect() as tx:
        query = sa.select(current.c.deleted, current.c.archived).where(
            current.c.kind == LISTING_SOURCE.name
        )
        assert [tuple(row) for row in await tx.execute(query)] == [(False, True)]


async def test_the_release_before_follows_too(engine: AsyncEngine, mutations: Mutations) -> None:
    """It knows no such kind, and takes an archived change for nothing that it holds."""
    await commit(mutations, *BASE)
    await commit(mutations, a_listing_source())
    (*_, (_, row)) = await _commits(engine)
    change_set = replication_pb2.ChangeSet.FromString(positions.unpack(row.change_set))
    (change,) = change_set.changes
    assert (change.kind, change.archived, change.deleted) == ("listing_source", True, False)


def a_venue_symbol_update() -> Any:
    return a_venue_symbol(listing_id=LISTING, listed_at=NOW - 9 * DAY, doubts=("SOURCE_MISSING",))


def state(snapshot: Snapshot) -> tuple[Any, ...]:
    return snapshot.position, snapshot.counts, snapshot.set_hash
