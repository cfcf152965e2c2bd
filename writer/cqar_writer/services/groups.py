"""Groups of assets, and their members."""

from __future__ import annotations

from functools import partial
from typing import Any

from cqc.services.v1 import asset_registry_pb2 as pb

from cqar_shared.codec.entity_codec import like, read
from cqar_shared.codec.request_validation import require_id, require_one
from cqar_shared.domain.kinds.asset_group import (
    ASSET_GROUP,
    GroupMember,
    with_member,
    without_member,
)
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.rpc.error_mapping import Context
from cqar_writer.services.rpc_methods import RpcMethods


class Groups(RpcMethods):
    async def CreateAssetGroup(
        self, request: pb.CreateAssetGroupRequest, context: Context
    ) -> pb.CreateAssetGroupResponse:
        group, revision = await self.create(
            ASSET_GROUP, like(ASSET_GROUP, request), request, context
        )
        return pb.CreateAssetGroupResponse(group=group, revision=revision)

    async def GetAssetGroup(
        self, request: pb.GetAssetGroupRequest, context: Context
    ) -> pb.GetAssetGroupResponse:
        require_one(request, "group_id", "name")
        if request.group_id:
            return pb.GetAssetGroupResponse(
                group=await self.get(ASSET_GROUP, request.group_id, context)
            )
        async with self.reading(context) as reading:
            groups = await reading.find(ASSET_GROUP, "name", request.name)
        if not groups:
            raise EntityNotFound(ASSET_GROUP.name, request.name)
        return pb.GetAssetGroupResponse(group=groups[0])

    async def AddAssetToGroup(
        self, request: pb.AddAssetToGroupRequest, context: Context
    ) -> pb.AddAssetToGroupResponse:
        require_id("asset_id", request.asset_id)
        given, violations = read(GroupMember, request)
        if violations:
            raise Invalid(violations)
        weight = given.get("weight")
        step = partial(with_member, asset_id=request.asset_id, weight=weight)
        try:
            group, revision = await self.evolve(
                ASSET_GROUP, request.group_id, step, request, context
            )
        except Invalid as error:
            exact = request.HasField("weight_exact")
            raise Invalid([_as_asked(v, exact=exact) for v in error.violations]) from error
        return pb.AddAssetToGroupResponse(
            member=_member(group, request.asset_id), revision=revision
        )

    async def RemoveAssetFromGroup(
        self, request: pb.RemoveAssetFromGroupRequest, context: Context
    ) -> pb.RemoveAssetFromGroupResponse:
        require_id("asset_id", request.asset_id)
        step = partial(without_member, asset_id=request.asset_id)
        _, revision = await self.evolve(ASSET_GROUP, request.group_id, step, request, context)
        return pb.RemoveAssetFromGroupResponse(success=True, revision=revision)


def _as_asked(violation: FieldViolation, *, exact: bool) -> FieldViolation:
    """By the request's name for the field: of all members only the new one can be at fault."""
    member, _, field = violation.field.rpartition(".")
    if member and field == "weight" and exact:
        field = "weight_exact"
    return violation._replace(field=field)


def _member(group: Any, asset_id: str) -> Any:
    return next(member for member in group.members if member.asset_id == asset_id)
