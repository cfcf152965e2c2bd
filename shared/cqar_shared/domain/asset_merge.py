"""Merges an asset into another: the items that let every reference to the one refer to the other.

Pure. The items are judged and committed as one revision. Afterwards nothing refers to the merged
asset but `merged_into`, and the symbols that went up in symbols of the same terms: they stay as
they were, and their ids, like the asset's, stand for what they were merged into. Merged entities
never form a chain: what was merged into the merged one before is merged into the new one.

`venue_asset_merge` joins the rows of one venue for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cqar_shared.domain.evaluation import Item
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.asset import ASSET, FORMER_NAMES_MAX, Asset, FormerName
from cqar_shared.domain.kinds.asset_deployment import ASSET_DEPLOYMENT, AssetDeployment
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP, AssetGroup, member_of
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER
from cqar_shared.domain.kinds.asset_price import ASSET_PRICE
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP, same_pair
from cqar_shared.domain.kinds.chain import CHAIN
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.relinking import CHANGED_MAX, found, relink, remove
from cqar_shared.domain.symbol_merge import move_symbols
from cqar_shared.domain.venue_asset_merge import move_venue_assets
from cqar_shared.errors import EntityNotFound, FieldViolation, Invalid, TooLarge


def merge_items(from_id: str, to_id: str, registry: RegistryView) -> list[Item]:
    """Return the items that merge an asset into another, each about another entity.

    A registry that lacks something notes it and answers with nothing; then the items, or the
    error, are of no use.

    Raises:
        EntityNotFound: One of the assets does not exist.
        Invalid: They cannot be merged; says why.
        TooLarge: More than `CHANGED_MAX` entities refer to the asset.
    """
    merged, target = require_mergeable(from_id, to_id, registry)
    items: list[Item] = []
    for item in _items_of(merged, target, registry):
        items.append(item)
        if len(items) > CHANGED_MAX:
            raise too_many(from_id, to_id)
    return items


def too_many(from_id: str, to_id: str) -> TooLarge:
    """Make the error of a merge that one revision does not hold."""
    return TooLarge(
        f"more than {CHANGED_MAX} entities refer to asset {from_id}, or to its symbols: where fewer"
        f" refer to {to_id}, merge that one into this one"
    )


def require_mergeable(from_id: str, to_id: str, registry: RegistryView) -> tuple[Asset, Asset]:
    """Return both assets.

    Raises:
        EntityNotFound: One of the assets does not exist.
        Invalid: They cannot be merged; says why.
    """
    found: list[Asset] = []
    for asset_id in (from_id, to_id):
        asset = registry.get("asset", asset_id)
        if asset is None:
            raise EntityNotFound("asset", asset_id)
        found.append(asset)
    merged, target = found
    if violations := list(_obstacles(merged, target)):
        raise Invalid(violations)
    return merged, target


def _obstacles(merged: Asset, target: Asset) -> Iterator[FieldViolation]:
    if merged.asset_id == target.asset_id:
        yield FieldViolation("to_asset_id", "SELF_REFERENCE", "an asset is not merged into itself")
        return
    if merged.merged_into is not None:
        message = f"was merged into {merged.merged_into} already: unmerge it first"
        yield FieldViolation("from_asset_id", "MERGED", message)
    if target.merged_into is not None:
        message = f"was merged into {target.merged_into}: merge into that one"
        yield FieldViolation("to_asset_id", "MERGED", message)
    if target.unverified and not merged.unverified:
        message = "is unverified, and the other one is verified: merge this one into the other"
        yield FieldViolation("to_asset_id", "UNVERIFIED", message)
    classes = (merged.asset_class, target.asset_class)
    if None not in classes and classes[0] is not classes[1]:
        names = " and ".join(each.name for each in classes if each is not None)
        yield FieldViolation(
            "to_asset_id", "OTHER_CLASS", f"they are of different classes: {names}"
        )


def _items_of(merged: Asset, target: Asset, registry: RegistryView) -> Iterator[Item]:
    yield relink(ASSET, merged, merged_into=target.asset_id)
    yield relink(ASSET, _with_names_of(merged, target))
    for earlier in found(registry, "asset", "merged_into", merged.asset_id):
        yield relink(ASSET, earlier, merged_into=target.asset_id)
    deployments = dict(_moved_deployments(merged, target, registry))
    for deployment, after in deployments.values():
        yield relink(ASSET_DEPLOYMENT, after) if after else remove(ASSET_DEPLOYMENT, deployment)
    for chain in found(registry, "chain", "native_asset", merged.asset_id):
        yield relink(CHAIN, chain, native_asset_id=target.asset_id)
    for flag in found(registry, "quality_flag", "asset", merged.asset_id):
        yield relink(QUALITY_FLAG, flag, asset_id=target.asset_id)
    yield from _identifiers(merged, target, registry)
    yield from _relationships(merged, target, registry)
    for group in found(registry, "asset_group", "member", merged.asset_id):
        yield relink(ASSET_GROUP, _with_member(group, merged, target))
    yield from _prices(merged, target, registry)
    twins = _twins_of(deployments.values(), target, registry)
    yield from move_venue_assets(merged.asset_id, target.asset_id, twins, registry)
    yield from move_symbols(merged, target, registry)


def _with_names_of(merged: Asset, target: Asset) -> Asset:
    """Return the target, found by the merged one's names, too, and of its class."""
    known: set[tuple[str | None, str | None]] = {(target.symbol, target.name)}
    known |= {(former.symbol, former.name) for former in target.former_names or ()}
    names = list(target.former_names or ())
    candidates = (FormerName(symbol=merged.symbol, name=merged.name), *(merged.former_names or ()))
    for former in candidates:
        if (former.symbol, former.name) not in known and len(names) < FORMER_NAMES_MAX:
            known.add((former.symbol, former.name))
            names.append(former)
    return msgspec.structs.replace(
        target,
        former_names=tuple(names) or None,
        asset_class=target.asset_class or merged.asset_class,
    )


def _moved_deployments(
    merged: Asset, target: Asset, registry: RegistryView
) -> Iterator[tuple[str, tuple[AssetDeployment, AssetDeployment | None]]]:
    """Yield (id, (deployment, as the target's)); None where the target has the very same one.

    Raises:
        Invalid: Both are a chain's own coin, with different decimals.
    """
    own = found(registry, "asset_deployment", "asset", target.asset_id)
    without_address = {each.chain_id: each for each in own if each.address is None}
    canonical = {each.chain_id for each in own if each.is_canonical}
    for each in found(registry, "asset_deployment", "asset", merged.asset_id):
        twin = without_address.get(each.chain_id) if each.address is None else None
        if twin is None:
            is_canonical = each.is_canonical and each.chain_id not in canonical
            after = msgspec.structs.replace(
                each, asset_id=target.asset_id, is_canonical=is_canonical
            )
            yield each.deployment_id, (each, after)
            continue
        if twin.decimals != each.decimals:
            message = (
                f"both are {each.chain_id}'s own coin, one with {each.decimals} decimals and one"
                f" with {twin.decimals}: remove deployment {each.deployment_id} or"
                f" {twin.deployment_id} first"
            )
            raise Invalid([FieldViolation("to_asset_id", "DECIMALS_DISAGREE", message)])
        yield each.deployment_id, (each, None)


def _twins_of(
    moved: Iterable[tuple[AssetDeployment, AssetDeployment | None]],
    target: Asset,
    registry: RegistryView,
) -> dict[str, str]:
    """Return deployment -> that of the target which stands for it, of those that are dropped."""
    own = found(registry, "asset_deployment", "asset", target.asset_id)
    by_chain = {each.chain_id: each.deployment_id for each in own if each.address is None}
    return {before.deployment_id: by_chain[before.chain_id] for before, after in moved if not after}


def _identifiers(merged: Asset, target: Asset, registry: RegistryView) -> Iterator[Item]:
    """Move identifiers; the target's primary one of a source stays the primary one."""
    own = found(registry, "asset_identifier", "asset", target.asset_id)
    primary = {each.source for each in own if each.is_primary}
    for each in found(registry, "asset_identifier", "asset", merged.asset_id):
        is_primary = each.is_primary and each.source not in primary
        yield relink(ASSET_IDENTIFIER, each, asset_id=target.asset_id, is_primary=is_primary)


def _relationships(merged: Asset, target: Asset, registry: RegistryView) -> Iterator[Item]:
    """Move relationships. One between both is dropped, and one that the target has already.

    Raises:
        Invalid: Units of the one are not units of the other.
    """
    ends = {merged.asset_id: target.asset_id}
    outgoing = found(registry, "asset_relationship", "from", merged.asset_id)
    incoming = found(registry, "asset_relationship", "to", merged.asset_id)
    for each in {edge.relationship_id: edge for edge in (*outgoing, *incoming)}.values():
        after = msgspec.structs.replace(
            each,
            from_asset_id=ends.get(each.from_asset_id, each.from_asset_id),
            to_asset_id=ends.get(each.to_asset_id, each.to_asset_id),
        )
        if after.from_asset_id == after.to_asset_id:
            if each.conversion_rate is not None and each.conversion_rate != 1:
                message = (
                    f"one unit of {each.from_asset_id} is {each.conversion_rate:f} of"
                    f" {each.to_asset_id} by relationship {each.relationship_id}: they are two"
                )
                raise Invalid([FieldViolation("to_asset_id", "OTHER_UNITS", message)])
            yield remove(ASSET_RELATIONSHIP, each)
        elif same_pair(after, registry):
            yield remove(ASSET_RELATIONSHIP, each)
        else:
            yield relink(ASSET_RELATIONSHIP, after)


def _with_member(group: AssetGroup, merged: Asset, target: Asset) -> AssetGroup:
    """Return a group with the target instead; where it has both, the target's weight stays."""
    held = {member.asset_id: member for member in group.members}
    old = held.pop(merged.asset_id)
    if target.asset_id not in held:
        held[target.asset_id] = member_of(group.group_id, target.asset_id, old)
    members = sorted(held.values(), key=lambda member: member.asset_id)
    return msgspec.structs.replace(group, members=tuple(members))


def _prices(merged: Asset, target: Asset, registry: RegistryView) -> Iterator[Item]:
    """Move prices; of two by one operator the newer one stays."""
    for each in found(registry, "asset_price", "asset", merged.asset_id):
        own = registry.get("asset_price", f"{each.venue_id}/{target.asset_id}")
        yield remove(ASSET_PRICE, each)
        if own is None or own.taken_at < each.taken_at:
            yield relink(ASSET_PRICE, each, asset_id=target.asset_id)
