"""Which asset is meant, by whatever name, and what belongs to a group. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cqc.assets.v1 import quality_flag_pb2
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import resolve_listing
from cqar_resolver.queries.query import QueryContext
from cqar_resolver.snapshot.reader import Reader
from cqar_shared.domain import addresses, rules, tradeability
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid


def require_question(request: pb.ResolveAssetRequest) -> None:
    """Refuse what can name no asset.

    Raises:
        Invalid: With every violation.
    """
    violations: list[FieldViolation] = []
    match request.WhichOneof("by"):
        case "asset_id":
            violations += rules.check_uuid("asset_id", request.asset_id)
        case "venue_code":
            violations += rules.check_slug("venue_code.venue_id", request.venue_code.venue_id)
            violations += rules.check_printable("venue_code.code", request.venue_code.code)
        case "contract":
            violations += rules.check_slug("contract.chain_id", request.contract.chain_id)
            violations += rules.check_printable("contract.address", request.contract.address)
        case "external_id":
            if not request.external_id.source:
                violations.append(FieldViolation("external_id.source", "REQUIRED", "is required"))
            given = request.external_id.external_id
            violations += rules.check_printable("external_id.external_id", given)
        case _:
            message = "give asset_id, venue_code, contract or external_id"
            violations.append(FieldViolation("by", "REQUIRED", message))
    if violations:
        raise Invalid(violations)


def resolve(
    basis: QueryContext, request: pb.ResolveAssetRequest, now: Instant
) -> pb.ResolveAssetResponse:
    """The asset that is meant, its deployments and active flags, and whether it may be traded.

    Raises:
        NotFound: Nothing is meant, or a venue's code that it has no more.
    """
    reading = basis.reading
    asset_id = _asset_id(reading, request, now)
    asset = resolve_listing.require(reading, ASSET, asset_id)
    deployments = resolve_listing.find(reading, ASSET_DEPLOYMENT, "asset", asset_id)
    flags = _active_flags(reading, asset_id)
    return pb.ResolveAssetResponse(
        asset=asset,
        deployments=[resolve_listing.with_chain(reading, each) for each in deployments],
        active_flags=flags,
        tradeable=_permission(flags, basis.stale),
    )


def expand(basis: QueryContext, request: pb.ExpandGroupRequest) -> pb.ExpandGroupResponse:
    """A group's members in the group's order, each with its asset and active flags.

    Raises:
        NotFound: There is no such group.
    """
    reading = basis.reading
    if request.WhichOneof("by") == "group_id":
        group = resolve_listing.require(reading, ASSET_GROUP, request.group_id)
    else:
        group = resolve_listing.require_found(reading, ASSET_GROUP, "name", request.name)
    members = [
        pb.ExpandedMember(
            asset=resolve_listing.require(reading, ASSET, member.asset_id),
            weight=member.weight_exact,
            active_flags=_active_flags(reading, member.asset_id),
        )
        for member in group.members
    ]
    return pb.ExpandGroupResponse(group_id=group.group_id, name=group.name, members=members)


def _asset_id(reading: Reader, request: pb.ResolveAssetRequest, now: Instant) -> str:
    match request.WhichOneof("by"):
        case "venue_code":
            return _by_venue_code(reading, request.venue_code, now)
        case "contract":
            return _by_contract(reading, request.contract)
        case "external_id":
            return _by_external_id(reading, request.external_id)
        case _:
            return request.asset_id


def _by_venue_code(reading: Reader, code: pb.VenueAssetCode, now: Instant) -> str:
    """At the venue itself, else at its operator; only what the code means now."""
    venue = resolve_listing.require(reading, VENUE, code.venue_id)
    for venue_id in dict.fromkeys((venue.venue_id, venue.operator)):
        for held in resolve_listing.find(reading, VENUE_ASSET, "code", venue_id, code.code):
            if tradeability.listed_at(held, now):
                return str(held.asset_id)
    raise EntityNotFound("venue_asset", code.code, f"at {code.venue_id}")


def _by_contract(reading: Reader, contract: pb.ContractAddress) -> str:
    """However the address is written: what is stored is its one canonical form.

    Raises:
        Invalid: It cannot be one on this chain.
    """
    chain = resolve_listing.require(reading, CHAIN, contract.chain_id)
    network_id = chain.network_id if chain.HasField("network_id") else None
    try:
        address = addresses.canonical(chain.chain_type, contract.address, network_id)
    except addresses.NotAnAddress as error:
        violation = FieldViolation(
            "contract.address", "NOT_AN_ADDRESS", f"{error} ({chain.chain_type})"
        )
        raise Invalid([violation]) from error
    found = resolve_listing.find(reading, ASSET_DEPLOYMENT, "address", contract.chain_id, address)
    if not found:
        raise EntityNotFound("asset_deployment", contract.address, f"on {contract.chain_id}")
    return str(found[0].asset_id)


def _by_external_id(reading: Reader, external: pb.ExternalId) -> str:
    """Of one source an id names one asset, or is not answered.

    Raises:
        NotFound: It names none, or several.
    """
    found = resolve_listing.find(
        reading, ASSET_IDENTIFIER, "external_id", external.source, external.external_id
    )
    owners = {str(identifier.asset_id) for identifier in found}
    if len(owners) != 1:
        why = f"names {len(owners)} assets of this source" if owners else ""
        raise EntityNotFound("asset_identifier", external.external_id, why)
    return owners.pop()


def _active_flags(reading: Reader, asset_id: str) -> list[Any]:
    flags = resolve_listing.find(reading, QUALITY_FLAG, "asset", asset_id)
    return [flag for flag in flags if not flag.HasField("resolved_at")]


def _permission(flags: Iterable[Any], stale: pb.Reason | None) -> pb.Permission:
    reasons = [
        pb.Reason(code="FLAG_CRITICAL", kind="quality_flag", key=flag.flag_id, message=flag.reason)
        for flag in flags
        if flag.severity == quality_flag_pb2.FLAG_SEVERITY_CRITICAL
    ]
    if stale is not None:
        reasons.append(stale)
    return pb.Permission(allowed=not reasons, reasons=reasons)
