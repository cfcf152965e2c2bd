"""Two resolvers of one registry: of a group that tries terms, and of none."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_shared.domain.listing_canaries import CanaryTerm
from cqar_writer.mutations import Mutations
from tests.support.commits import commit
from tests.support.entity_builders import MARKET, NOW, a_venue_symbol, an_id
from tests.support.resolver_client import Ask, Asked, question

ORDER = pb.CheckOrderRequest(
    venue_id="binance",
    venue_symbol="BTCUSDT",
    price="100.1",
    quantity="1",
    side=pb.ORDER_SIDE_BUY,
    intent=pb.ORDER_INTENT_OPEN,
)


async def tick_and_group(asked: Asked, least: str) -> list[tuple[str, str]]:
    """The tick and the group of Resolve, ResolveBatch and CheckOrder."""
    one, _ = await asked.answer(asked.own.Resolve, question(), least)
    key = pb.VenueSymbolKey(venue_id="binance", venue_symbol="BTCUSDT")
    batch, _ = await asked.answer(asked.own.ResolveBatch, pb.ResolveBatchRequest(keys=[key]), least)
    found = [one.resolution, batch.resolutions[0]]
    checked, _ = await asked.answer(asked.own.CheckOrder, ORDER, least)
    told = [(each.specs.tick_size, each.canary_group) for each in found]
    return [*told, (checked.price, checked.canary_group)]


@pytest.mark.parametrize("follows", [True, False])
async def test_only_the_group_has_the_terms_by_memory_and_by_postgres(
    ask: Ask, mutations: Mutations, *, follows: bool
) -> None:
    now = dt.datetime.now(dt.UTC)
    tried = CanaryTerm(
        canary_group="desk",
        effective_at=now - dt.timedelta(minutes=1),
        ends_at=now + dt.timedelta(hours=1),
        field="tick_size",
        value="0.5",
    )
    listing = a_venue_symbol(
        listing_id=an_id("listing"),
        listed_at=NOW - dt.timedelta(hours=1),
        tick_size=Decimal("0.1"),
        canaries=(tried,),
    )
    revision = await commit(mutations, *MARKET[:-1], listing)
    least = f"1:{revision}"
    async with ask(follows=follows, canary_group="desk") as desk, ask(follows=follows) as other:
        # Twice: the second answer may be one that was kept, here or in Redis.
        for _ in range(2):
            assert await tick_and_group(desk, least) == [("0.5", "desk")] * 2 + [("100", "desk")]
            assert await tick_and_group(other, least) == [("0.1", "")] * 2 + [("100.1", "")]
