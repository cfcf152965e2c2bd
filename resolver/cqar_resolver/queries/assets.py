"""Which asset a name means, and what belongs to a group. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Self

from cqc.assets.v1 import quality_flag_pb2, relationship_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import external_ids
from cqar_shared.codec.request_validation import require_external_id, require_id, require_one
from cqar_shared.domain import addresses, rules, tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid
from cqar_shared.queries import entities
from cqar_shared.queries.query import Query, QueryContext
from cqar_shared.queries.reader import Reader

#: Of each way to name an asset within a scope: the fields of scope and name.
_FIELDS: Final = {
    "venue_code": ("venue_id", "code"),
    "contract": ("chain_id", "address"),
    "external_id": ("source", "external_id"),
}


@dataclass(frozen=True, slots=True)
class ResolveAssetQuery(Query[pb.ResolveAssetResponse]):
    """Which asset does a name mean?

    Attributes:
        by: The way it is named: `asset_id`, `venue_code`, `contract` or `external_id`.
        scope: Where the name has its meaning: a venue, a chain or a source; None for an id.
    """

    rpc = "ResolveAsset"
    by: str
    scope: Any
    name: str
    now: dt.datetime = field(compare=False)

    @classmethod
    def from_request(cls, request: pb.ResolveAssetRequest, now: dt.datetime) -> Self:
        """Validate a request.

        Raises:
            Invalid: The request cannot name an asset; names every violation.
        """
        by = request.WhichOneof("by")
        if by is None:
            message = "give asset_id, venue_code, contract or external_id"
            raise Invalid([FieldViolation("by", "REQUIRED", message)])
        if by == "asset_id":
            require_id("asset_id", request.asset_id)
            return cls(by, None, request.asset_id, now)
        scope, name = (getattr(getattr(request, by), field_name) for field_name in _FIELDS[by])
        paths = [f"{by}.{field_name}" for field_name in _FIELDS[by]]
        violations: list[FieldViolation] = []
        if by == "external_id":
            require_external_id("external_id.", "source", scope, name)
            return cls(by, scope, name, now)
        violations += rules.check_slug(paths[0], scope)
        violations += rules.check_printable(paths[1], name)
        if violations:
            raise Invalid(violations)
        return cls(by, scope, name, now)

    def run(self, context: QueryContext) -> pb.ResolveAssetResponse:
        """Return the asset, its deployments and active flags, and whether it may be traded.

        Raises:
            EntityNotFound: The name means no asset, or a venue no longer uses the code.
        """
        reader = context.reader
        asset = entities.require(reader, ASSET, self._asset_id(reader))
        asset_id = asset.asset_id
        deployments = entities.find(reader, ASSET_DEPLOYMENT, "asset", asset_id)
        flags = _active_flags(reader, asset_id)
        return pb.ResolveAssetResponse(
            asset=asset,
            deployments=[entities.with_chain(reader, each) for each in deployments],
            active_flags=flags,
            tradeable=_permission(flags, context.stale),
            successions=_successions(reader, asset_id),
        )

    def _asset_id(self, reader: Reader) -> str:
        match self.by:
            case "venue_code":
                return _by_venue_code(reader, self.scope, self.name, Instant.of(self.now))
            case "contract":
                return _by_contract(reader, self.scope, self.name)
            case "external_id":
                return external_ids.asset_of(reader, self.scope, self.name)
            case _:
                return self.name


@dataclass(frozen=True, slots=True)
class ExpandGroupQuery(Query[pb.ExpandGroupResponse]):
    """Which assets belong to a group? One of both fields names it."""

    rpc = "ExpandGroup"
    group_id: str
    name: str

    @classmethod
    def from_request(cls, request: pb.ExpandGroupRequest, _: dt.datetime) -> Self:
        require_one(request, "group_id", "name")
        if request.group_id:
            require_id("group_id", request.group_id)
        return cls(request.group_id, request.name)

    def run(self, context: QueryContext) -> pb.ExpandGroupResponse:
        """Return the members in the group's order, each with its asset and active flags."""
        reader = context.reader
        if self.group_id:
            group = entities.require(reader, ASSET_GROUP, self.group_id)
        else:
            group = entities.require_found(reader, ASSET_GROUP, "name", self.name)
        members = [
            pb.ExpandedMember(
                asset=entities.require(reader, ASSET, member.asset_id),
                weight=member.weight_exact,
                active_flags=_active_flags(reader, member.asset_id),
            )
            for member in group.members
        ]
        return pb.ExpandGroupResponse(group_id=group.group_id, name=group.name, members=members)


def _by_venue_code(reader: Reader, venue_id: str, code: str, now: Instant) -> str:
    """Look at the venue itself, then at its operator; only what the code means now counts."""
    venue = entities.require(reader, VENUE, venue_id)
    for owner_id in dict.fromkeys((venue.venue_id, venue.operator)):
        for venue_asset in entities.find(reader, VENUE_ASSET, "code", owner_id, code):
            if tradeability.listed_at(venue_asset, now):
                return str(venue_asset.asset_id)
    raise EntityNotFound("venue_asset", code, f"at {venue_id}")


def _by_contract(reader: Reader, chain_id: str, text: str) -> str:
    """Accept any spelling of the address: its one canonical form is what is stored.

    Raises:
        Invalid: The text cannot be an address on this chain.
    """
    chain = entities.require(reader, CHAIN, chain_id)
    network_id = chain.network_id if chain.HasField("network_id") else None
    try:
        address = addresses.canonical(chain.chain_type, text, network_id)
    except addresses.NotAnAddress as error:
        message = f"{error} ({chain.chain_type})"
        violation = FieldViolation("contract.address", "NOT_AN_ADDRESS", message)
        raise Invalid([violation]) from error
    deployments = entities.find(reader, ASSET_DEPLOYMENT, "address", chain_id, address)
    if not deployments:
        raise EntityNotFound("asset_deployment", text, f"on {chain_id}")
    return str(deployments[0].asset_id)


def _active_flags(reader: Reader, asset_id: str) -> list[Any]:
    flags = entities.find(reader, QUALITY_FLAG, "asset", asset_id)
    return [flag for flag in flags if not flag.HasField("resolved_at")]


def _successions(reader: Reader, asset_id: str) -> list[Any]:
    """Return the relationships by which an asset became others, those without an instant last."""
    edges = entities.find(reader, ASSET_RELATIONSHIP, "from", asset_id)
    migrations = [
        edge
        for edge in edges
        if edge.relationship_type == relationship_pb2.RELATIONSHIP_TYPE_MIGRATES_TO
    ]
    return sorted(
        migrations,
        key=lambda edge: (
            not edge.HasField("effective_at"),
            edge.effective_at.ToNanoseconds(),
            edge.relationship_id,
        ),
    )


def _permission(flags: Iterable[Any], stale: pb.Reason | None) -> pb.Permission:
    reasons = [
        pb.Reason(code="FLAG_CRITICAL", kind="quality_flag", key=flag.flag_id, message=flag.reason)
        for flag in flags
        if flag.severity == quality_flag_pb2.FLAG_SEVERITY_CRITICAL
    ]
    if stale is not None:
        reasons.append(stale)
    return pb.Permission(allowed=not reasons, reasons=reasons)
