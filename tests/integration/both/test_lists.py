"""Every list, at the writer and at a resolver: page by page, counted exactly, whole or refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2

from cqar_shared.domain.kinds.quality_flag import FlagSeverity, FlagType
from cqar_shared.lists import paging
from cqar_writer.mutations import ITEMS_MAX, Mutations
from tests.integration.conftest import Serve
from tests.support.both_services import Served
from tests.support.call_errors import refusal
from tests.support.commits import CAUSE, commit, upsert
from tests.support.entity_builders import BTC, NOW, a_chain, a_flag, an_id, an_identifier
from tests.support.five_of_each import COINS, COUNT, FORKS, LISTS, PLACES, REGISTRY_OF_FIVES

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
Code = grpc.StatusCode


@pytest.fixture
async def registry(serve: Serve, mutations: Mutations) -> AsyncIterator[Served]:
    await commit(mutations, *REGISTRY_OF_FIVES)
    async with serve(NOW + dt.timedelta(hours=1)) as served:
        yield served


async def pages(registry: Served, rpc: str, **request: Any) -> AsyncIterator[Any]:
    """All pages of a list, each as an answer."""
    token = ""
    while True:
        answer = await registry.call(rpc, **request, page_token=token)
        yield answer
        if not (token := answer.next_page_token):
            return


def test_every_list_is_here() -> None:
    methods = pb.DESCRIPTOR.services_by_name["AssetRegistry"].methods
    assert set(LISTS) == {m.name for m in methods if m.name.startswith("List")}


async def test_pages_are_the_whole_and_each_tells_how_many_match(registry: Served) -> None:
    for rpc, (field, key, where, _) in LISTS.items():
        whole = await registry.call(rpc, **where)
        assert (whole.total_count, whole.next_page_token) == (COUNT, ""), rpc
        answers = [answer async for answer in pages(registry, rpc, **where, page_size=2)]
        assert [len(getattr(answer, field)) for answer in answers] == [2, 2, 1], rpc
        assert {answer.total_count for answer in answers} == {COUNT}, rpc
        found = [entity for answer in answers for entity in getattr(answer, field)]
        assert found == list(getattr(whole, field)), rpc
        keys = [getattr(entity, key) for entity in found]
        assert keys == sorted(set(keys)), rpc


async def test_a_whole_list_that_is_too_long_is_refused_and_comes_in_pages(
    registry: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WHOLE_MAX", COUNT - 1)
    for rpc, (field, _, where, _) in LISTS.items():
        found = await refusal(registry.call(rpc, **where))
        assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE"), rpc
        assert "page_size" in found.text, rpc
        answers = [answer async for answer in pages(registry, rpc, **where, page_size=COUNT - 1)]
        assert [len(getattr(answer, field)) for answer in answers] == [COUNT - 1, 1], rpc


async def test_a_token_is_of_one_query_and_a_page_has_a_bound(registry: Served) -> None:
    tokens = {
        name: (await registry.call(name, **its.where, page_size=1)).next_page_token
        for name, its in LISTS.items()
    }
    assert len(set(tokens.values())) == len(LISTS)
    for rpc, (_, _, where, other) in LISTS.items():
        own = tokens[rpc]
        theirs = [token for name, token in tokens.items() if name != rpc]
        asked = [where | {"page_token": bad} for bad in (*theirs, "x", "é", own[:-4])]
        asked.append(other | {"page_size": 1, "page_token": own})
        for request in asked:
            found = await refusal(registry.call(rpc, **request))
            refused = (Code.INVALID_ARGUMENT, {("page_token", "OTHER_QUERY")})
            assert (found.code, found.violations) == refused, (rpc, request)
        for size in (-1, 1001):
            found = await refusal(registry.call(rpc, **where, page_size=size))
            assert found.violations == {("page_size", "OUT_OF_RANGE")}, rpc
        assert (await registry.call(rpc, **where, page_size=1000)).total_count == COUNT, rpc


async def test_what_is_there_all_along_comes_once_whatever_changes_meanwhile(
    registry: Served, mutations: Mutations
) -> None:
    stays = {an_id(f"i{n}") for n in PLACES}
    seen: list[str] = []
    added = 0
    async for answer in pages(registry, "ListAssetIdentifiers", asset_id=BTC, page_size=1):
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


async def test_relationships_are_listed_from_both_ends_and_by_type(registry: Served) -> None:
    found = await registry.call("ListAssetRelationships", asset_id=COINS[0])
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
        found = await registry.call("ListAssetRelationships", **where)
        assert (len(found.relationships), found.total_count) == (count, count), where


@pytest.mark.parametrize("of", [{}, {"asset_id": COINS[1]}])
async def test_flags_are_filtered_before_they_are_paged_and_counted(
    of: dict[str, str], registry: Served, mutations: Mutations
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
            whole = await registry.call("ListQualityFlags", **of, **type_, **where)
            request = {**of, **type_, **where, "page_size": 3}
            answers = [answer async for answer in pages(registry, "ListQualityFlags", **request)]
            ids = sorted(flag.flag_id for flag in matching)
            assert [flag.flag_id for flag in whole.flags] == ids, where
            assert [flag.flag_id for answer in answers for flag in answer.flags] == ids
            assert {answer.total_count for answer in [whole, *answers]} == {len(ids)}
    found = await refusal(registry.call("ListQualityFlags", **of, min_severity=-1))
    assert found.violations == {("min_severity", "UNKNOWN")}


async def test_more_than_comes_at_once_is_read_in_pages(serve: Serve, mutations: Mutations) -> None:
    count = paging.WHOLE_MAX + 1
    chains = [a_chain(chain_id=f"c{n}", chain_name=f"C{n}") for n in range(count)]
    for start in range(0, count, ITEMS_MAX // 2):
        some = [upsert(chain) for chain in chains[start : start + ITEMS_MAX // 2]]
        assert (await mutations.apply(some, CAUSE)).committed
    async with serve(NOW) as registry:
        found = await refusal(registry.call("ListChains"))
        assert found.code == Code.RESOURCE_EXHAUSTED
        answers = [answer async for answer in pages(registry, "ListChains", page_size=1000)]
    ids = [chain.chain_id for answer in answers for chain in answer.chains]
    assert ids == sorted(chain.chain_id for chain in chains)
    assert {answer.total_count for answer in answers} == {count}
