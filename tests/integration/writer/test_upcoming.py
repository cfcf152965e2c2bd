"""What is known to come is listed in order, page by page, and by what the entities say."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from cqc.writer.v1 import registry_admin_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.symbol import SymbolTypeCode
from cqar_shared.domain.kinds.venue_symbol import TERMS, MarketStatusCode
from cqar_shared.domain.listing_term_rules import ScheduledTerm
from cqar_writer.mutations import Mutations
from cqar_writer.store import upcoming_rows
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import (
    NOW,
    USDT,
    a_symbol,
    a_venue,
    a_venue_symbol,
    an_asset,
    an_id,
)
from tests.support.writer_server import Client, serving

DAY = dt.timedelta(days=1)
FUTURE = a_symbol(symbol_type=SymbolTypeCode.FUTURE, settlement_asset_id=USDT, expiry=NOW + 6 * DAY)
BASE = (an_asset(), an_asset("USDT"), a_venue(), a_venue("kraken"), a_symbol(), FUTURE)


def soon(days: int, field: str, value: str) -> ScheduledTerm:
    return ScheduledTerm(effective_at=NOW + days * DAY, field=field, value=value)


def a_listing(spelling: str, **changes: Any) -> Any:
    given = {"listing_id": an_id(spelling), "venue_symbol": spelling, "listed_at": NOW - 9 * DAY}
    return a_venue_symbol(**{**given, "is_primary": False, **changes})


LISTINGS = (
    a_listing(
        "A",
        scheduled=(
            *(soon(-1, "tick_size", "1"), soon(2, "tick_size", "2"), soon(2, "lot_size", "3")),
            *(soon(4, "status", "CANCEL_ONLY"), soon(9, "tick_size", "5")),
        ),
        delisted_at=NOW + 5 * DAY,
    ),
    a_listing("B", listed_at=NOW + DAY, trading_starts_at=NOW + 2 * DAY, venue_id="kraken"),
    a_listing("F", symbol_id=FUTURE.symbol_id, status=MarketStatusCode.ONLINE),
    a_listing("G", symbol_id=FUTURE.symbol_id, delisted_at=NOW - DAY),
    a_listing(
        "ALIAS", symbol_id=FUTURE.symbol_id, alias_of="F", **dict.fromkeys(TERMS), tick_bands=()
    ),
)
#: (days from now, spelling, changes).
EXPECTED = [
    (1, "B", {"listed_at": "2026-11-25T12:00:00Z"}),
    (2, "A", {"tick_size": "2", "lot_size": "3"}),
    (2, "B", {"trading_starts_at": "2026-11-26T12:00:00Z"}),
    (4, "A", {"status": "CANCEL_ONLY"}),
    (5, "A", {"status": "DELISTED"}),
    (6, "F", {"expiry": "2026-11-30T12:00:00Z"}),
]


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(mutations, *BASE)
    await commit(mutations, *LISTINGS)
    async with serving(engine, NOW) as client:
        yield client


def at(moment: dt.datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp


async def upcoming(client: Client, **request: Any) -> tuple[list[Any], str]:
    given = pb.ListUpcomingRequest(**request)
    answer = await client.call(client.admin.ListUpcoming, given, Role.READ)
    found = [
        (
            (moment_of(one.effective_at) - NOW) / DAY,
            one.venue_symbol,
            {change.field: change.value for change in one.changes},
        )
        for one in answer.upcoming
    ]
    return found, answer.next_page_token


async def test_all_that_comes_is_told_by_its_instant(client_: Client) -> None:
    found, token = await upcoming(client_)
    assert sorted(found, key=str) == sorted(EXPECTED, key=str)
    assert [days for days, *_ in found] == [days for days, *_ in EXPECTED]
    assert not token


async def test_pages_lead_to_all_of_it_and_filters_to_some(client_: Client) -> None:
    found: list[Any] = []
    token = ""
    for _ in range(len(EXPECTED) + 1):
        some, token = await upcoming(client_, page_size=1, page_token=token)
        found += some
        if not token:
            break
    assert found == (await upcoming(client_))[0]
    assert {s for _, s, _ in (await upcoming(client_, venue_id="kraken"))[0]} == {"B"}
    until, _ = await upcoming(client_, until=at(NOW + 2 * DAY))
    assert [days for days, *_ in until] == [1, 2, 2]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"venue_id": "Not A Slug"}, "INVALID"),
        ({"venue_id": "nowhere"}, "VENUE_NOT_FOUND"),
        ({"page_size": 1_001}, "INVALID"),
        ({"page_token": "AAAA"}, "INVALID"),
    ],
)
async def test_what_cannot_be_is_refused(
    client_: Client, request_: dict[str, Any], reason: str
) -> None:
    given = pb.ListUpcomingRequest(**request_)
    assert (await refusal(client_.call(client_.admin.ListUpcoming, given))).reason == reason


async def test_a_row_that_its_entity_does_not_know_is_no_answer(
    client_: Client, engine: AsyncEngine
) -> None:
    async with engine.begin() as tx:
        moved = "UPDATE venue_symbols SET trading_starts_at = trading_starts_at + interval '1 h'"
        await tx.execute(sa.text(moved))
    call = client_.call(client_.admin.ListUpcoming, pb.ListUpcomingRequest())
    assert (await refusal(call)).code == grpc.StatusCode.DATA_LOSS


async def test_each_part_of_the_question_has_an_index(engine: AsyncEngine) -> None:
    async with engine.begin() as tx:
        await tx.execute(sa.text("SET LOCAL enable_seqscan = off"))
        given = {"now": NOW, "until": NOW + 99 * DAY, "after": NOW, "limit": 9}
        query = sa.text(f"EXPLAIN {upcoming_rows._ALL.text}").bindparams(
            *(sa.bindparam(n, type_=sa.TIMESTAMP(timezone=True)) for n in ("now", "until", "after"))
        )
        rows = await tx.execute(query, {**given, "after_id": an_id("x")})
        plan = "\n".join(rows.scalars())
    for index in ("delisted_at", "listed_at", "trading_starts_at", "scheduled"):
        assert f"idx_venue_symbols_{index}" in plan
    assert "idx_symbols_expiry" in plan
