"""An asset on a chain: its address there, and its number of decimals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from cqc.assets.v1 import deployment_pb2

from cqar_shared.domain import addresses, rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, checked_as_it_is, lifecycle
from cqar_shared.errors import FieldViolation

DOUBTS_MAX: Final = 8
#: A doubt: two sources say other decimals.
DECIMALS_DISAGREE: Final = "DECIMALS_DISAGREE"


class AssetDeployment(Entity, frozen=True, kw_only=True):
    """A deployment.

    Attributes:
        address: In the chain's one canonical spelling; None for the chain's own coin.
        decimals: Number of the chain's units in one unit of the asset, as a power of ten.
        is_canonical: Whether it is the issuer's own on this chain; at most one for an asset.
        address_unchecked: Whether there are no rules for addresses of this chain type.
        doubts: Why it is in quarantine, such as DECIMALS_DISAGREE; None: it is not.
    """

    deployment_id: str = ""
    asset_id: str = ""
    chain_id: str = ""
    address: str | None = None
    decimals: int | None = None
    deployed_at: dt.datetime | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    is_canonical: bool = False
    is_native: bool = False
    address_unchecked: bool = False
    doubts: tuple[str, ...] | None = None


def complete(
    _: AssetDeployment | None, given: AssetDeployment, registry: RegistryView
) -> AssetDeployment:
    """Bring the address into its canonical spelling, if it is valid."""
    given = rules.without_empty(given, "doubts")
    chain = registry.get("chain", given.chain_id)
    if chain is None or not given.address:
        return msgspec.structs.replace(given, address_unchecked=False)
    unchecked = not addresses.is_known(chain.chain_type)
    try:
        address = addresses.canonical(chain.chain_type, given.address, chain.network_id)
    except addresses.NotAnAddress:
        address = given.address
    return msgspec.structs.replace(given, address=address, address_unchecked=unchecked)


def same_address(given: AssetDeployment, registry: RegistryView) -> AssetDeployment | None:
    """Return the deployment at the same address of the same chain, if there is one."""
    whole = complete(None, given, registry)
    if whole.address is None:
        held = registry.find("asset_deployment", "asset", whole.asset_id)
        return next((d for d in held if d.chain_id == whole.chain_id and d.address is None), None)
    return next(
        iter(registry.find("asset_deployment", "address", whole.chain_id, whole.address)), None
    )


def check_deployment(
    before: AssetDeployment | None, after: AssetDeployment, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("deployment_id", after.deployment_id)
    yield from rules.check_required(after, "asset_id", "chain_id", "decimals")
    yield from rules.check_immutable(
        before, after, "it is another deployment", "asset_id", "chain_id", "address"
    )
    # A contract's decimals never change; other decimals would rescale every amount. While two
    # sources disagree about them, the deployment is in quarantine, and they may be corrected.
    if before is None or DECIMALS_DISAGREE not in (before.doubts or ()):
        yield from rules.check_immutable(before, after, "remove it and create another", "decimals")
    yield from rules.check_words("doubts", after.doubts or (), DOUBTS_MAX)
    chain = registry.get("chain", after.chain_id)
    if chain is not None:
        yield from _check_address(after, chain.chain_type, chain.network_id)
    rival = same_address(after, registry)
    if rival is not None and rival.deployment_id != after.deployment_id:
        message = f"is asset {rival.asset_id}'s deployment {rival.deployment_id}"
        yield FieldViolation("address", "ADDRESS_TAKEN", message)
    if after.is_native:
        for other in registry.find("asset_deployment", "address", after.chain_id, None):
            if other.is_native and other.deployment_id != after.deployment_id:
                message = f"asset {other.asset_id} is the chain's own coin"
                yield FieldViolation("is_native", "NATIVE_TAKEN", message)
    if after.is_canonical:
        for other in registry.find("asset_deployment", "asset", after.asset_id):
            same = other.deployment_id == after.deployment_id
            if other.is_canonical and other.chain_id == after.chain_id and not same:
                message = f"deployment {other.deployment_id} is the canonical one on this chain"
                yield FieldViolation("is_canonical", "CANONICAL_TAKEN", message)


def _check_address(
    after: AssetDeployment, chain_type: str, network_id: int | None
) -> Iterator[FieldViolation]:
    limit = addresses.decimals_max(chain_type)
    if after.decimals is not None and not 0 <= after.decimals <= limit:
        yield FieldViolation("decimals", "OUT_OF_RANGE", f"must be 0 to {limit} on {chain_type}")
    without = after.is_native or chain_type.upper() in addresses.WITHOUT_CONTRACTS
    if without and after.address:
        yield FieldViolation("address", "NOT_APPLICABLE", "a chain's own coin has no address")
    elif not without and not after.address:
        yield FieldViolation(
            "address", "REQUIRED", "is required of what is not the chain's own coin"
        )
    elif after.address:
        try:
            addresses.canonical(chain_type, after.address, network_id)
        except addresses.NotAnAddress as error:
            yield FieldViolation("address", "NOT_AN_ADDRESS", f"{error} ({chain_type})")
        yield from rules.check_printable("address", after.address)


ASSET_DEPLOYMENT = Kind(
    name="asset_deployment",
    entity=AssetDeployment,
    message=deployment_pb2.AssetDeployment,
    key=("deployment_id",),
    table="deployments",
    check=check_deployment,
    check_relinked=checked_as_it_is(check_deployment),
    complete=complete,
    existing=same_address,
    referents={"asset_id": "asset", "chain_id": "chain"},
    lookups={"address": by("chain_id", "address"), "asset": by("asset_id")},
    event=lifecycle(
        "asset_deployment_created", "asset_deployment_updated", "asset_deployment_removed"
    ),
)
