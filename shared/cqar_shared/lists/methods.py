"""Every List method of AssetRegistry: what it filters by, and how its answer is filled.

Writer and resolver answer by these very methods, each with a reading of its own: so filters,
checks, orders, pages and tokens are one.
"""

from __future__ import annotations

import datetime as dt
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, TypeVar

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.request_validation import require_filter
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.symbol_identifier import SYMBOL_IDENTIFIER
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.lists import filter_names, presentation
from cqar_shared.lists.filters import Filter, at_least, either, equal, only_open, only_unset
from cqar_shared.lists.paging import ListPage
from cqar_shared.rpc.error_mapping import Context


class ListReader(presentation.BulkReader, filter_names.NameReader, Protocol):
    """The registry at one revision."""

    async def page(
        self, kind: AnyKind, wanted: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        """Entities that pass all filters, after the token's key; see `paging.asked_for`."""


A = TypeVar("A", bound=Any)


class Lists(ABC):
    """The methods.

    Attributes:
        now: The wall clock.
    """

    now: Callable[[], dt.datetime]

    @abstractmethod
    def reading(self, context: Context) -> AbstractAsyncContextManager[ListReader]:
        """All that one answer reads, at one revision, which the answer's metadata names."""

    async def page(
        self, kind: AnyKind, request: Any, wanted: Sequence[Filter], context: Context
    ) -> ListPage:
        async with self.reading(context) as reading:
            return await page_of(reading, kind, request, wanted)

    async def ListAssets(
        self, request: pb.ListAssetsRequest, context: Context
    ) -> pb.ListAssetsResponse:
        where = {"asset_type": request.asset_type, "category": request.category}
        page = await self.page(ASSET, request, equal(where), context)
        return paged(pb.ListAssetsResponse(assets=page.messages), page)

    async def ListAssetRelationships(
        self, request: pb.ListAssetRelationshipsRequest, context: Context
    ) -> pb.ListAssetRelationshipsResponse:
        """From both ends: what it wraps, and what wraps it."""
        require_filter("asset_id", request.asset_id)
        wanted = [
            *equal({"relationship_type": request.relationship_type}),
            *either("asset_id", request.asset_id, "from_asset_id", "to_asset_id"),
        ]
        page = await self.page(ASSET_RELATIONSHIP, request, wanted, context)
        return paged(pb.ListAssetRelationshipsResponse(relationships=page.messages), page)

    async def ListAssetDeployments(
        self, request: pb.ListAssetDeploymentsRequest, context: Context
    ) -> pb.ListAssetDeploymentsResponse:
        wanted = equal({"asset_id": request.asset_id, "chain_id": request.chain_id})
        async with self.reading(context) as reading:
            page = await page_of(reading, ASSET_DEPLOYMENT, request, wanted)
            await presentation.name_chains(reading, page.messages)
        return paged(pb.ListAssetDeploymentsResponse(deployments=page.messages), page)

    async def ListAssetIdentifiers(
        self, request: pb.ListAssetIdentifiersRequest, context: Context
    ) -> pb.ListAssetIdentifiersResponse:
        wanted = equal({"asset_id": request.asset_id})
        page = await self.page(ASSET_IDENTIFIER, request, wanted, context)
        return paged(pb.ListAssetIdentifiersResponse(identifiers=page.messages), page)

    async def ListAssetGroups(
        self, request: pb.ListAssetGroupsRequest, context: Context
    ) -> pb.ListAssetGroupsResponse:
        wanted = equal({"group_type": request.group_type})
        page = await self.page(ASSET_GROUP, request, wanted, context)
        return paged(pb.ListAssetGroupsResponse(groups=page.messages), page)

    async def ListQualityFlags(
        self, request: pb.ListQualityFlagsRequest, context: Context
    ) -> pb.ListQualityFlagsResponse:
        page = await self.page(QUALITY_FLAG, request, flags_wanted(request), context)
        return paged(pb.ListQualityFlagsResponse(flags=page.messages), page)

    async def ListChains(
        self, request: pb.ListChainsRequest, context: Context
    ) -> pb.ListChainsResponse:
        wanted = equal({"chain_type": request.chain_type})
        page = await self.page(CHAIN, request, wanted, context)
        return paged(pb.ListChainsResponse(chains=page.messages), page)

    async def ListSymbols(
        self, request: pb.ListSymbolsRequest, context: Context
    ) -> pb.ListSymbolsResponse:
        require_filter("base_asset_id", request.base_asset_id)
        require_filter("quote_asset_id", request.quote_asset_id)
        names = ("symbol_type", "base_asset_id", "quote_asset_id")
        wanted = equal({name: getattr(request, name) for name in names})
        page = await self.page(SYMBOL, request, wanted, context)
        return paged(pb.ListSymbolsResponse(symbols=page.messages), page)

    async def ListSymbolIdentifiers(
        self, request: pb.ListSymbolIdentifiersRequest, context: Context
    ) -> pb.ListSymbolIdentifiersResponse:
        wanted = equal({"symbol_id": request.symbol_id})
        page = await self.page(SYMBOL_IDENTIFIER, request, wanted, context)
        return paged(pb.ListSymbolIdentifiersResponse(identifiers=page.messages), page)

    async def ListVenues(
        self, request: pb.ListVenuesRequest, context: Context
    ) -> pb.ListVenuesResponse:
        wanted = equal({"venue_type": request.venue_type, "chain_id": request.chain_id})
        page = await self.page(VENUE, request, wanted, context)
        return paged(pb.ListVenuesResponse(venues=page.messages), page)

    async def ListVenueAssets(
        self, request: pb.ListVenueAssetsRequest, context: Context
    ) -> pb.ListVenueAssetsResponse:
        require_filter("asset_id", request.asset_id)
        wanted = equal({"venue_id": request.venue_id, "asset_id": request.asset_id})
        page = await self.page(VENUE_ASSET, request, wanted, context)
        return paged(pb.ListVenueAssetsResponse(venue_assets=page.messages), page)

    async def ListVenueSymbols(
        self, request: pb.ListVenueSymbolsRequest, context: Context
    ) -> pb.ListVenueSymbolsResponse:
        async with self.reading(context) as reader:
            return await list_venue_symbols(reader, request, self.now())


async def list_venue_symbols(
    reader: ListReader, request: pb.ListVenueSymbolsRequest, now: dt.datetime
) -> pb.ListVenueSymbolsResponse:
    """Return a page of listings as they are now, with their symbols."""
    require_filter("symbol_id", request.symbol_id)
    names = ("venue_id", "symbol_id", "venue_symbol")
    wanted = equal({name: getattr(request, name) for name in names})
    if not request.include_delisted:
        wanted.append(only_open("include_delisted", "delisted_at", now))
    page = await page_of(reader, VENUE_SYMBOL, request, wanted)
    symbols = await reader.get_many(SYMBOL, (v.symbol_id for v in page.messages))
    listings = await presentation.present_listings(reader, page.messages, Instant.of(now))
    response = pb.ListVenueSymbolsResponse(venue_symbols=listings, symbols=symbols)
    return paged(response, page)


async def page_of(
    reading: ListReader, kind: AnyKind, request: Any, wanted: Sequence[Filter]
) -> ListPage:
    """The page that a request asks for.

    Raises:
        Invalid: As `paging.asked_for`.
        NotFound: A filter names an entity that is not there.
        TooLarge: All was asked for, and is too much.
    """
    page = await reading.page(kind, wanted, request.page_size, request.page_token)
    if not page.total:
        await filter_names.require_named(reading, ((each.field, each.value) for each in wanted))
    return page


def flags_wanted(request: pb.ListQualityFlagsRequest) -> list[Filter]:
    """What flags must pass."""
    wanted = [
        *equal({"asset_id": request.asset_id, "flag_type": request.flag_type}),
        *at_least("min_severity", request.min_severity, "severity"),
    ]
    if not request.include_resolved:
        wanted.append(only_unset("include_resolved", "resolved_at"))
    return wanted


def paged(response: A, page: ListPage) -> A:
    """The response, with what every list's says of its page."""
    response.next_page_token = page.next_token
    response.total_count = page.total
    return response
