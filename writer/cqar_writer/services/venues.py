"""Venues, and the assets they hold."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import instant_in, like
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, delist
from cqar_shared.domain.rules import slug_of
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Venues(RpcMethods):
    async def CreateVenue(
        self, request: pb.CreateVenueRequest, context: Context
    ) -> pb.CreateVenueResponse:
        message: Any = like(VENUE, request)
        if not message.venue_id:
            message.venue_id = slug_of(request.name)
        venue, revision = await self.create(VENUE, message, request, context)
        return pb.CreateVenueResponse(venue=venue, revision=revision)

    async def GetVenue(self, request: pb.GetVenueRequest, context: Context) -> pb.GetVenueResponse:
        return pb.GetVenueResponse(venue=await self.get(VENUE, request.venue_id, context))

    async def UpdateVenue(
        self, request: pb.UpdateVenueRequest, context: Context
    ) -> pb.UpdateVenueResponse:
        venue, revision = await self.update(VENUE, request, context)
        return pb.UpdateVenueResponse(venue=venue, revision=revision)

    async def CreateVenueAsset(
        self, request: pb.CreateVenueAssetRequest, context: Context
    ) -> pb.CreateVenueAssetResponse:
        message = like(VENUE_ASSET, request)
        venue_asset, revision = await self.create(VENUE_ASSET, message, request, context)
        return pb.CreateVenueAssetResponse(venue_asset=venue_asset, revision=revision)

    async def GetVenueAsset(
        self, request: pb.GetVenueAssetRequest, context: Context
    ) -> pb.GetVenueAssetResponse:
        venue_asset = await self.get(VENUE_ASSET, f"{request.venue_id}/{request.asset_id}", context)
        return pb.GetVenueAssetResponse(venue_asset=venue_asset)

    async def UpdateVenueAsset(
        self, request: pb.UpdateVenueAssetRequest, context: Context
    ) -> pb.UpdateVenueAssetResponse:
        venue_asset, revision = await self.update(VENUE_ASSET, request, context)
        return pb.UpdateVenueAssetResponse(venue_asset=venue_asset, revision=revision)

    async def DelistVenueAsset(
        self, request: pb.DelistVenueAssetRequest, context: Context
    ) -> pb.DelistVenueAssetResponse:
        step = partial(delist, at=instant_in(request, "delisted_at") or self.now())
        key = f"{request.venue_id}/{request.asset_id}"
        venue_asset, revision = await self.evolve(VENUE_ASSET, key, step, request, context)
        return pb.DelistVenueAssetResponse(venue_asset=venue_asset, revision=revision)
