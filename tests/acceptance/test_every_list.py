"""On real listings, every page of every list is the same at the writer and at a resolver."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
import pytest
from cqc.services.v1 import asset_registry_pb2
from cqc.services.v1.asset_registry_pb2_grpc import AssetRegistryStub

from tests.acceptance.conftest import Stack, saved
from tests.unit.resolver.services.test_rpc_coverage import REGISTRY

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
FILES: Final = (
    ("binance", "exchangeInfo", "spot_exchangeInfo_2022-11-28.json", "2022-11-28"),
    ("kraken", "AssetPairs", "AssetPairs_2025-06-11.json", "2025-06-11"),
)
LISTS: Final = [name for name in REGISTRY if name.startswith("List")]
#: Beyond the list with no filter.
FILTERED: Final[dict[str, list[dict[str, Any]]]] = {
    "ListVenueSymbols": [
        {"include_delisted": True},
        {"venue_id": "kraken"},
        {"venue_id": "kraken", "venue_symbol": "XBT/USD"},
    ],
    "ListVenueAssets": [{"venue_id": "kraken"}],
    "ListSymbols": [{"symbol_type": 1}],
    "ListQualityFlags": [{"include_resolved": True}],
}
PAGE: Final = 300


class Services:
    """A writer and a resolver that has all that was committed."""

    def __init__(self, writer: Any, resolver: Any, key: str, least: str) -> None:
        self._writer = writer
        self._resolver = resolver
        self._key = ("x-api-key", key)
        self._least = ("cqar-min-revision", least)

    async def same(self, rpc: str, **request: Any) -> Any:
        """What both answer."""
        asked = getattr(pb, f"{rpc}Request")(**request)
        answers = [
            await getattr(stub, rpc)(asked, metadata=metadata, timeout=30)
            for stub, metadata in ((self._writer, (self._key,)), (self._resolver, (self._least,)))
        ]
        first, second = (answer.SerializeToString(deterministic=True) for answer in answers)
        assert first == second, request
        return answers[0]


@pytest.fixture(scope="module")
async def services(stack: Stack) -> AsyncIterator[Services]:
    await stack.ok("catalogue", "load")
    for venue, name, file, at in FILES:
        path = saved(venue, file)
        await stack.ok("import", venue, "--file", f"{name}={path}", "--at", at)
    ends = stack.endpoints
    async with (
        grpc.aio.insecure_channel(ends.writer) as writer,
        grpc.aio.insecure_channel(ends.resolvers[0]) as resolver,
    ):
        least = str(await stack.head())
        stubs: tuple[Any, Any] = (AssetRegistryStub(writer), AssetRegistryStub(resolver))
        yield Services(*stubs, ends.keys.read, least)


@pytest.mark.parametrize("rpc", LISTS)
async def test_all_pages_are_the_same(rpc: str, services: Services) -> None:
    for where in ({}, *FILTERED.get(rpc, [])):
        answer = await services.same(rpc, **where, page_size=PAGE)
        pages = 1
        while answer.next_page_token:
            token = answer.next_page_token
            answer = await services.same(rpc, **where, page_size=PAGE, page_token=token)
            pages += 1
        assert pages == max(1, -(-answer.total_count // PAGE)), where


async def test_there_is_something_to_compare(services: Services) -> None:
    listings = await services.same("ListVenueSymbols", page_size=1)
    assert listings.total_count > 3_000
    symbols = await services.same("ListSymbols", page_size=1)
    assert symbols.total_count > 2_000
