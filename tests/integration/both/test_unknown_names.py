"""A filter that names what is not there is refused by name, at the writer and at a resolver."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2

from cqar_shared.lists.filter_names import NAMED
from cqar_shared.lists.paging import PAGE_MAX
from cqar_writer.mutations import Mutations
from tests.integration.conftest import Serve
from tests.support.both_services import Served
from tests.support.call_errors import refusal
from tests.support.commits import commit
from tests.support.entity_builders import NOW, an_asset, an_id
from tests.support.five_of_each import REGISTRY_OF_FIVES

#: Requests are made from plain values.
pb: Any = asset_registry_pb2
NOBODY = an_id("nobody")


def filters() -> list[tuple[str, str]]:
    """(RPC, field) of every list or search that is filtered by the name of an entity."""
    methods = pb.DESCRIPTOR.services_by_name["AssetRegistry"].methods
    return [
        (method.name, field.name)
        for method in methods
        if method.name.startswith(("List", "Search"))
        for field in method.input_type.fields
        # What a source calls a thing names no entity.
        if field.name.endswith("_id") and field.name != "external_id"
    ]


@pytest.fixture
async def registry(serve: Serve, mutations: Mutations) -> AsyncIterator[Served]:
    await commit(mutations, *REGISTRY_OF_FIVES, an_asset("LONELY"))
    async with serve(NOW + dt.timedelta(hours=1)) as served:
        yield served


def test_every_filter_by_an_entity_is_known() -> None:
    assert {field for _, field in filters()} == set(NAMED)
    assert len(filters()) >= 14


async def test_a_filter_that_names_nothing_is_refused_by_its_name(registry: Served) -> None:
    for rpc, field in filters():
        kind = NAMED[field]
        nothing = NOBODY if kind.keyed_by_uuid else "nowhere"
        query = {"query": "BTC"} if rpc.startswith("Search") else {}
        for page in ({},) if query else ({}, {"page_size": PAGE_MAX}):
            found = await refusal(registry.call(rpc, **{field: nothing}, **query, **page))
            assert found.code == grpc.StatusCode.NOT_FOUND, rpc
            assert found.reason == f"{kind.name.upper()}_NOT_FOUND", rpc
            assert f"no {kind.name} {nothing!r}" in found.text


async def test_what_is_there_and_has_nothing_is_an_empty_list(registry: Served) -> None:
    lonely = {"asset_id": an_asset("LONELY").asset_id}
    filtered: list[tuple[str, dict[str, Any]]] = [
        *(("ListQualityFlags", lonely), ("ListQualityFlags", {**lonely, "page_size": 5})),
        *(("ListVenueAssets", lonely), ("ListAssetDeployments", lonely)),
        ("ListVenueSymbols", {"venue_id": "venue-1", "venue_symbol": "NONE"}),
        *(("ListAssetGroups", {"group_type": "none"}), ("ListAssets", {"category": "none"})),
    ]
    for rpc, where in filtered:
        assert (await registry.call(rpc, **where)).total_count == 0, (rpc, where)


async def test_a_near_name_is_hinted_at_and_a_long_one_is_cut(registry: Served) -> None:
    near = await refusal(registry.call("ListVenueSymbols", venue_id="venue1", page_size=9))
    assert "no venue 'venue1' (did you mean 'venue-1'?)" in near.text
    long = await refusal(registry.call("ListVenueSymbols", venue_id="x" * 10_000))
    assert (long.code, len(long.text) < 200) == (grpc.StatusCode.NOT_FOUND, True)
