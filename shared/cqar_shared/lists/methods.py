"""Every List method of AssetRegistry: its filters, and how its answer is filled.

Writer and resolver answer by these very methods, each with a reader of its own. So filters,
checks, orders, pages and tokens are the same.
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
from cqar_shared.lists.merged_filters import current_filters
from cqar_shared.lists.paging import ListPage
from cqar_shared.rpc.error_mapping import Context


class ListReader(presentation.BulkReader, filter_names.NameReader, Protocol):
    """The registry at one revision."""

    async def page(
        self, kind: AnyKind, filters: Sequence[Filter], size: int, token: str
    ) -> ListPage:
        """Return a page of the entities that pass all filters; see `paging.page_request`."""


A = TypeVar("A", bound=Any)


class Lists(ABC):
    """The methods.

    Attributes:
        now: The wall clock.
    """

    now: Callable[[], dt.datetime]

    @abstractmethod
    def reading(self, context: Context) -> AbstractAsyncContextManager[ListReader]:
        """Yield the reader of one answer: of one revision, which the answer's metadata names."""

    async def page(
        self, kind: AnyKind, request: Any, filters: Sequence[Filter], context: Context
    ) -> ListPage:
        async with self.reading(context) as reader:
            return await page_of(reader, kind, request, filters)

    async def ListAssets(
        self, request: pb.ListAssetsRequest, context: Context
    ) -> pb.ListAssetsResponse:
        where = {"asset_type": request.asset_type, "category": request.category}
        page = await self.page(ASSET, request, equal(where), context)
        return paged(pb.ListAssetsResponse(assets=page.messages), page)

    async def ListAssetRelationships(
        self, request: pb.ListAssetRelationshipsRequest, context: Context
    ) -> pb.ListAssetRelationshipsResponse:
        """List relationships from both ends: what an asset wraps, and what wraps it."""
        require_filter("asset_id", request.asset_id)
        filters = [
            *equal({"relationship_type": request.relationship_type}),
            *either("asset_id", request.asset_id, "from_asset_id", "to_asset_id"),
        ]
        page = await self.page(ASSET_RELATIONSHIP, request, filters, context)
        return paged(pb.ListAssetRelationshipsResponse(relationships=page.messages), page)

    async def ListAssetDeployments(
        self, request: pb.ListAssetDeploymentsRequest, context: Context
    ) -> pb.ListAssetDeploymentsResponse:
        filters = equal({"asset_id": request.asset_id, "chain_id": request.chain_id})
        async with self.reading(context) as reader:
            page = await page_of(reader, ASSET_DEPLOYMENT, request, filters)
            await presentation.name_chains(reader, page.messages)
        return paged(pb.ListAssetDeploymentsResponse(deployments=page.messages), page)

    async def ListAssetIdentifiers(
        self, request: pb.ListAssetIdentifiersRequest, context: Context
    ) -> pb.ListAssetIdentifiersResponse:
        names = ("asset_id", "source", "external_id")
        filters = equal({name: getattr(request, name) for name in names})
        page = await self.page(ASSET_IDENTIFIER, request, filters, context)
        return paged(pb.ListAssetIdentifiersResponse(identifiers=page.messages), page)

    async def ListAssetGroups(
        self, request: pb.ListAssetGroupsRequest, context: Context
    ) -> pb.ListAssetGroupsResponse:
        filters = equal({"group_type": request.group_type})
        page = await self.page(ASSET_GROUP, request, filters, context)
        return paged(pb.ListAssetGroupsResponse(groups=page.messages), page)

    async def ListQualityFlags(
        self, request: pb.ListQualityFlagsRequest, context: Context
    ) -> pb.ListQualityFlagsResponse:
        page = await self.page(QUALITY_FLAG, request, flag_filters(request), context)
        return paged(pb.ListQualityFlagsResponse(flags=page.messages), page)

    async def ListChains(
        self, request: pb.ListChainsRequest, context: Context
    ) -> pb.ListChainsResponse:
        filters = equal({"chain_type": request.chain_type})
        page = await self.page(CHAIN, request, filters, context)
        return paged(pb.ListChainsResponse(chains=page.messages), page)

    async def ListSymbols(
        self, request: pb.ListSymbolsRequest, context: Context
    ) -> pb.ListSymbolsResponse:
        require_filter("base_asset_id", request.base_asset_id)
        require_filter("quote_asset_id", request.quote_asset_id)
        names = ("symbol_type", "base_asset_id", "quote_asset_id")
        filters = equal({name: getattr(request, name) for name in names})
        page = await self.page(SYMBOL, request, filters, context)
        return paged(pb.ListSymbolsResponse(symbols=page.messages), page)

    async def ListSymbolIdentifiers(
        self, request: pb.ListSymbolIdentifiersRequest, context: Context
    ) -> pb.ListSymbolIdentifiersResponse:
        names = ("symbol_id", "data_source", "external_id")
        filters = equal({name: getattr(request, name) for name in names})
        page = await self.page(SYMBOL_IDENTIFIER, request, filters, context)
        return paged(pb.ListSymbolIdentifiersResponse(identifiers=page.messages), page)

    async def ListVenues(
        self, request: pb.ListVenuesRequest, context: Context
    ) -> pb.ListVenuesResponse:
        filters = equal({"venue_type": request.venue_type, "chain_id": request.chain_id})
        page = await self.page(VENUE, request, filters, context)
        return paged(pb.ListVenuesResponse(venues=page.messages), page)

    async def ListVenueAssets(
        self, request: pb.ListVenueAssetsRequest, context: Context
    ) -> pb.ListVenueAssetsResponse:
        require_filter("asset_id", request.asset_id)
        filters = equal({"venue_id": request.venue_id, "asset_id": request.asset_id})
        page = await self.page(VENUE_ASSET, request, filters, context)
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
    filters = equal({name: getattr(request, name) for name in names})
    if not request.include_delisted:
        filters.append(only_open("include_delisted", "delisted_at", now))
    page = await page_of(reader, VENUE_SYMBOL, request, filters)
    symbols = await reader.get_many(SYMBOL, (v.symbol_id for v in page.messages))
    listings = await presentation.present_listings(reader, page.messages, Instant.of(now))
    response = pb.ListVenueSymbolsResponse(venue_symbols=listings, symbols=symbols)
    return paged(response, page)


async def page_of(
    reader: ListReader, kind: AnyKind, request: Any, filters: Sequence[Filter]
) -> ListPage:
    """Return the page that a request asks for.

    Raises:
        Invalid: The request asks for no valid page; see `paging.page_request`.
        EntityNotFound: A filter names an entity that does not exist.
        TooLarge: The whole list was asked for, and is too long.
    """
    filters = await current_filters(reader, kind, filters)
    page = await reader.page(kind, filters, request.page_size, request.page_token)
    if not page.total:
        await filter_names.require_named(reader, ((each.field, each.value) for each in filters))
    return page


def flag_filters(request: pb.ListQualityFlagsRequest) -> list[Filter]:
    """Return the filters of a list of flags."""
    filters = [
        *equal({"asset_id": request.asset_id, "flag_type": request.flag_type}),
        *at_least("min_severity", request.min_severity, "severity"),
    ]
    if not request.include_resolved:
        filters.append(only_unset("include_resolved", "resolved_at"))
    return filters


def paged(response: A, page: ListPage) -> A:
    """Set what every list's response says of its page; return the response."""
    response.next_page_token = page.next_token
    response.total_count = page.total
    return response
