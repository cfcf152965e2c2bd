"""Every list: page by page, counted exactly, whole or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import paging
from shared.entities.api_key import Role
from shared.entities.asset_relationship import RelationshipType
from shared.entities.quality_flag import FlagSeverity, FlagType
from tests.builders import (
    BTC,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.changes import CAUSE, commit, upsert
from tests.grpc_writer import Client, serving
from tests.refusals import refusal
from writer.mutations import ITEMS_MAX, Mutations

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
Code = grpc.StatusCode
BTC_USDT = a_symbol().symbol_id
COUNT = 5
PLACES = range(COUNT)
COINS = [an_id(f"coin{place}") for place in PLACES]


class List(NamedTuple):
    """A list that `REGISTRY_OF_FIVES` has five of.

    Attributes:
        field: The answer's field that holds them.
        key: What identifies each.
        where: The filter that leaves five.
        other: Another filter.
    """

    field: str
    key: str
    where: dict[str, Any]
    other: dict[str, Any]


LISTS = {
    "ListAssets": List("assets", "asset_id", {"category": "meme"}, {"category": "gold"}),
    "ListAssetDeployments": List(
        "deployments", "deployment_id", {"asset_id": BTC}, {"asset_id": USDT}
    ),
    "ListAssetIdentifiers": List("identifiers", "identifier_id", {"asset_id": BTC}, {}),
    "ListAssetRelationships": List(
        "relationships", "relationship_id", {"asset_id": BTC}, {"asset_id": COINS[0]}
    ),
    "ListAssetGroups": List("groups", "group_id", {"group_type": "basket"}, {}),
    "ListQualityFlags": List("flags", "flag_id", {"asset_id": BTC}, {"flag_type": 3}),
    "ListChains": List("chains", "chain_id", {"chain_type": "EVM"}, {}),
    "ListSymbols": List("symbols", "symbol_id", {"quote_asset_id": USDT}, {"symbol_type": 1}),
    "ListSymbolIdentifiers": List("identifiers", "identifier_id", {"symbol_id": BTC_USDT}, {}),
    "ListVenues": List("venues", "venue_id", {"venue_type": 1}, {}),
    "ListVenueAssets": List("venue_assets", "venue_id", {"asset_id": BTC}, {}),
    "ListVenueSymbols": List(
        "venue_symbols", "listing_id", {"symbol_id": BTC_USDT}, {"include_delisted": True}
    ),
}
FORKS = {"relationship_type": RelationshipType.FORKS_FROM}
REGISTRY_OF_FIVES = (
    *(an_asset(), an_asset("USDT"), a_symbol()),
    *(an_asset(f"COIN{place}", category="meme") for place in PLACES),
    *(a_chain(chain_id=f"chain-{place}", chain_name=f"Chain {place}") for place in PLACES),
    *(
        a_deployment(asset_id=BTC, chain_id=f"chain-{place}", deployment_id=an_id(f"on {place}"))
        for place in PLACES
    ),
    *(an_identifier(identifier_id=an_id(f"i{n}"), external_id=f"btc-{n}") for n in PLACES),
    *(a_symbol_identifier(identifier_id=an_id(f"s{n}"), external_id=f"b-{n}") for n in PLACES),
    *(a_relationship(coin, BTC) for coin in COINS[:3]),
    *(a_relationship(BTC, coin) for coin in COINS[3:]),
    *(a_group(group_id=an_id(f"g{n}"), name=f"g{n}", group_type="basket") for n in PLACES),
    *(a_flag(flag_id=an_id(f"flag {n}")) for n in PLACES),
    *(a_venue(f"venue-{place}") for place in PLACES),
    *(a_venue_asset(venue_id=f"venue-{place}") for place in PLACES),
    *(a_venue_symbol(venue_id=f"venue-{n}", listing_id=an_id(f"listed {n}")) for n in PLACES),
    *(a_symbol(base_asset_id=coin) for coin in COINS[:4]),
    # What none of the filters lets through.
    a_relationship(COINS[0], COINS[4], **FORKS),
    a_flag(flag_id=an_id("of a coin"), asset_id=COINS[0]),
)


@pytest.fixture
async def client_(engine: AsyncEngine, mutations: Mutations) -> AsyncIterator[Client]:
    await commit(mutations, *REGISTRY_OF_FIVES)
    async with serving(engine, NOW + dt.timedelta(hours=1)) as client:
        yield client


async def ask(client: Client, rpc: str, **request: Any) -> Any:
    asked = getattr(pb, f"{rpc}Request")(**request)
    return await client.call(getattr(client.registry, rpc), asked, Role.READ)


async def pages(client: Client, rpc: str, **request: Any) -> AsyncIterator[Any]:
    """All pages of a list, each as an answer."""
    token = ""
    while True:
        answer = await ask(client, rpc, **request, page_token=token)
        yield answer
        if not (token := answer.next_page_token):
            return


def test_every_list_is_here() -> None:
    methods = pb.DESCRIPTOR.services_by_name["AssetRegistry"].methods
    assert set(LISTS) == {m.name for m in methods if m.name.startswith("List")}


@pytest.mark.parametrize("rpc", LISTS)
async def test_pages_are_the_whole_and_each_tells_how_many_match(rpc: str, client_: Client) -> None:
    field, key, where, _ = LISTS[rpc]
    whole = await ask(client_, rpc, **where)
    assert (whole.total_count, whole.next_page_token) == (COUNT, "")
    answers = [answer async for answer in pages(client_, rpc, **where, page_size=2)]
    assert [len(getattr(answer, field)) for answer in answers] == [2, 2, 1]
    assert {answer.total_count for answer in answers} == {COUNT}
    found = [entity for answer in answers for entity in getattr(answer, field)]
    assert found == list(getattr(whole, field))
    keys = [getattr(entity, key) for entity in found]
    assert keys == sorted(set(keys))


@pytest.mark.parametrize("rpc", LISTS)
async def test_a_whole_list_that_is_too_long_is_refused_and_comes_in_pages(
    rpc: str, client_: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    field, _, where, _ = LISTS[rpc]
    monkeypatch.setattr(paging, "WHOLE_MAX", COUNT - 1)
    found = await refusal(ask(client_, rpc, **where))
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
    assert "page_size" in found.text
    answers = [answer async for answer in pages(client_, rpc, **where, page_size=COUNT - 1)]
    assert [len(getattr(answer, field)) for answer in answers] == [COUNT - 1, 1]


@pytest.mark.parametrize("rpc", LISTS)
async def test_a_token_is_of_one_query_and_a_page_has_a_bound(rpc: str, client_: Client) -> None:
    _, _, where, other = LISTS[rpc]
    tokens = {
        name: (await ask(client_, name, **its.where, page_size=1)).next_page_token
        for name, its in LISTS.items()
    }
    assert len(set(tokens.values())) == len(LISTS)
    own = tokens.pop(rpc)
    refused = [ask(client_, rpc, **where, page_token=token) for token in tokens.values()]
    refused += [ask(client_, rpc, **other, page_size=1, page_token=own)]
    refused += [ask(client_, rpc, **where, page_token=bad) for bad in ("x", "é", own[:-4])]
    for call in refused:
        found = await refusal(call)
        assert (found.code, found.violations) == (
            Code.INVALID_ARGUMENT,
            {("page_token", "OTHER_QUERY")},
        )
    for size in (-1, 1001):
        found = await refusal(ask(client_, rpc, **where, page_size=size))
        assert found.violations == {("page_size", "OUT_OF_RANGE")}
    assert (await ask(client_, rpc, **where, page_size=1000)).total_count == COUNT


async def test_what_is_there_all_along_comes_once_whatever_changes_meanwhile(
    client_: Client, mutations: Mutations
) -> None:
    stays = {an_id(f"i{n}") for n in PLACES}
    seen: list[str] = []
    added = 0
    async for answer in pages(client_, "ListAssetIdentifiers", asset_id=BTC, page_size=1):
        seen += [identifier.identifier_id for identifier in answer.identifiers]
        added += 1
        # As often before the next page's first key as after it.
        made = an_identifier(identifier_id=an_id(f"new {added}"), external_id=f"new-{added}")
        await commit(mutations, made)
        if added == 20:
            break
    assert len(seen) == len(set(seen))
    rest = {key for key in stays if key > seen[-1]}
    assert stays - rest <= set(seen)


async def test_relationships_are_listed_from_both_ends_and_by_type(client_: Client) -> None:
    found = await ask(client_, "ListAssetRelationships", asset_id=COINS[0])
    assert {(r.from_asset_id, r.to_asset_id) for r in found.relationships} == {
        (COINS[0], BTC),
        (COINS[0], COINS[4]),
    }
    for where, count in (
        ({"asset_id": COINS[4]}, 2),
        ({"asset_id": COINS[4], **FORKS}, 1),
        ({"asset_id": BTC, **FORKS}, 0),
        (FORKS, 1),
        ({}, COUNT + 1),
    ):
        found = await ask(client_, "ListAssetRelationships", **where)
        assert (len(found.relationships), found.total_count) == (count, count), where


@pytest.mark.parametrize("of", [{}, {"asset_id": COINS[1]}])
async def test_flags_are_filtered_before_they_are_paged_and_counted(
    of: dict[str, str], client_: Client, mutations: Mutations
) -> None:
    resolved = {"resolved_at": NOW, "resolved_by": "desk", "resolution_notes": "refunded"}
    flags = [
        a_flag(
            flag_id=an_id(f"{severity} {state}"),
            asset_id=COINS[1],
            flag_type=FlagType.TAX_TOKEN,
            severity=severity,
            **state,
        )
        for severity in FlagSeverity
        for state in ({}, resolved)
    ]
    await commit(mutations, *flags)
    for where, matching in (
        ({}, [f for f in flags if not f.resolved_at]),
        ({"include_resolved": True}, flags),
        ({"min_severity": 4}, [f for f in flags if f.severity >= 4 and not f.resolved_at]),
        ({"min_severity": 4, "include_resolved": True}, [f for f in flags if f.severity >= 4]),
        ({"min_severity": 9}, []),
    ):
        # By type only pages tell of one asset; without it the whole list may come from Redis.
        for type_ in ({"flag_type": FlagType.TAX_TOKEN}, {}) if of else ({"flag_type": 9},):
            whole = await ask(client_, "ListQualityFlags", **of, **type_, **where)
            request = {**of, **type_, **where, "page_size": 3}
            answers = [answer async for answer in pages(client_, "ListQualityFlags", **request)]
            ids = sorted(flag.flag_id for flag in matching)
            assert [flag.flag_id for flag in whole.flags] == ids, where
            assert [flag.flag_id for answer in answers for flag in answer.flags] == ids
            assert {answer.total_count for answer in [whole, *answers]} == {len(ids)}
    found = await refusal(ask(client_, "ListQualityFlags", **of, min_severity=-1))
    assert found.violations == {("min_severity", "UNKNOWN")}


async def test_more_than_comes_at_once_is_read_in_pages(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    count = paging.WHOLE_MAX + 1
    chains = [a_chain(chain_id=f"c{n}", chain_name=f"C{n}") for n in range(count)]
    for start in range(0, count, ITEMS_MAX // 2):
        some = [upsert(chain) for chain in chains[start : start + ITEMS_MAX // 2]]
        assert (await mutations.apply(some, CAUSE)).committed
    async with serving(engine, NOW) as client:
        found = await refusal(ask(client, "ListChains"))
        assert found.code == Code.RESOURCE_EXHAUSTED
        answers = [answer async for answer in pages(client, "ListChains", page_size=1000)]
    ids = [chain.chain_id for answer in answers for chain in answer.chains]
    assert ids == sorted(chain.chain_id for chain in chains)
    assert {answer.total_count for answer in answers} == {count}
