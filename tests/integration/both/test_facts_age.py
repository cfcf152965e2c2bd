"""How old what is known of a venue is, in the answers of a resolver, and at the writer."""

from __future__ import annotations

import datetime as dt

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.mutations import Mutations
from tests.support.call_errors import refusal
from tests.support.commits import commit, eventually
from tests.support.entity_builders import (
    MARKET,
    NOW,
    a_venue,
    a_venue_facts,
    a_venue_symbol,
    an_id,
)
from tests.support.resolver_client import WAIT_S, Ask
from tests.support.writer_server import serving

KEY = pb.VenueSymbolKey(venue_id="binance", venue_symbol="BTCUSDT")
HOUR = dt.timedelta(hours=1)


async def test_a_resolver_tells_the_age_and_denies_by_it(ask: Ask, mutations: Mutations) -> None:
    listing = a_venue_symbol(listing_id=an_id("listing"), listed_at=NOW - HOUR)
    real_now = dt.datetime.now(dt.UTC)
    await commit(mutations, *MARKET[:-1], listing)
    async with ask(follows=True) as asked:
        await eventually(lambda: asked.resolver.view.state == pb.SNAPSHOT_STATE_LIVE, WAIT_S)
        question = pb.ResolveRequest(venue_id=KEY.venue_id, venue_symbol=KEY.venue_symbol)
        answer, _ = await asked.answer(asked.own.Resolve, question)
        assert not answer.resolution.HasField("facts_age_ms")
        facts = a_venue_facts(as_of=NOW - HOUR, read_at=NOW - HOUR)
        revision = await commit(mutations, facts, a_venue(facts_stale_after_s=60))
        least = f"1:{revision}"
        for _ in range(3):
            answer, _ = await asked.answer(asked.own.Resolve, question, least)
            found = answer.resolution
            assert found.facts_as_of.ToDatetime(dt.UTC) == NOW - HOUR
            assert found.facts_age_ms >= (real_now - NOW + HOUR).total_seconds() * 1000 - 5_000
            assert [r.code for r in found.tradeable.open.reasons] == ["FACTS_STALE"]
        batch, _ = await asked.answer(
            asked.own.ResolveBatch, pb.ResolveBatchRequest(keys=[KEY, KEY]), least
        )
        assert all(one.HasField("facts_age_ms") for one in batch.resolutions)
        order = pb.CheckOrderRequest(
            venue_id=KEY.venue_id,
            venue_symbol=KEY.venue_symbol,
            quantity="1",
            intent=pb.ORDER_INTENT_REDUCE,
        )
        checked, _ = await asked.answer(asked.own.CheckOrder, order, least)
        assert checked.HasField("facts_age_ms")
        assert "FACTS_STALE" not in [reason.code for reason in checked.reasons]


async def test_the_writer_lists_how_current_venues_are(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, *MARKET[:-1], a_venue("kraken", name="Kraken"), a_venue_facts())
    async with serving(engine, NOW) as client:
        method = client.admin.ListVenueFacts
        answer = await client.call(method, apb.ListVenueFactsRequest(), Role.READ)
        assert [f.venue_id for f in answer.facts] == ["binance"]
        some = apb.ListVenueFactsRequest(venue_ids=["kraken", "binance"])
        assert [f.markets for f in (await client.call(method, some, Role.READ)).facts] == [2]
        wrong = apb.ListVenueFactsRequest(venue_ids=["binanse"])
        found = await refusal(client.call(method, wrong, Role.READ))
        assert (found.code, found.reason) == (grpc.StatusCode.NOT_FOUND, "VENUE_NOT_FOUND")
