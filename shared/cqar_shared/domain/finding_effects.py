"""What approving or rejecting a finding changes: one function for each kind of finding. Pure.

Each takes the finding, the choice of who decides, and the registry, and returns the items of the
decision. An item refers to an entity at most once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from cqar_shared.domain import identity_effects
from cqar_shared.domain.evaluation import ChangeIntent, Item
from cqar_shared.domain.finding_differences import changes_of, require_listing
from cqar_shared.domain.finding_doubts import Choice, doubts_without, evolve_listing
from cqar_shared.domain.finding_policy import FindingKind
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.asset_deployment import (
    ASSET_DEPLOYMENT,
    DECIMALS_DISAGREE,
    AssetDeployment,
)
from cqar_shared.domain.kinds.finding import FINDING, UNDECIDED, Finding, FindingAction
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.domain.listing_replacement import replacement_items, symbol_like
from cqar_shared.errors import FieldViolation, Invalid, MovedOn

CHANGE_UNDECIDED: Final = "CHANGE_UNDECIDED"
SOURCE_UNREADABLE: Final = "SOURCE_UNREADABLE"
SOURCE_MISSING: Final = "SOURCE_MISSING"
DOUBTED_BY_REJECTS: Final = "DOUBTED_BY_REJECTS"
#: Actions that deny opening while the finding is undecided.
_DENYING: Final = frozenset((FindingAction.TWO_PEOPLE, FindingAction.HOLD))


Effect = Callable[[Finding, Choice, RegistryView], Iterable[Item]]


def approved(finding: Finding, choice: Choice, registry: RegistryView) -> list[Item]:
    """Return what approving changes.

    Raises:
        MovedOn: What the finding is about is no longer as it says.
        Invalid: A choice is missing, or the finding says what cannot be.
    """
    return list(APPROVING.get(finding.kind, _take_terms)(finding, choice, registry))


def rejected(finding: Finding, registry: RegistryView) -> list[Item]:
    """Return what rejecting changes: the doubts that only stood until it was decided."""
    return list(REJECTING.get(finding.kind, _keep_terms)(finding, Choice(), registry))


# ------------------------------------------------------------ terms


def _take_terms(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    """Take the values that were found; a symbol of another identity takes another listing."""
    if not finding.listing_id:
        return
    changes = changes_of(finding)
    listing = require_listing(finding, registry)
    lifted = _settled(finding, registry)
    if changes.identity:
        symbol = _require(registry, SYMBOL.name, listing.symbol_id)
        wanted = {**changes.facts, **changes.identity}
        symbol_id, items = symbol_like(symbol, wanted, registry)
        yield from items
        terms = {**changes.listing, "doubts": doubts_without(listing, *lifted)}
        yield from replacement_items(listing, symbol_id, terms, registry)
        return
    if changes.facts:
        facts = changes.facts
        yield Item(
            kind=SYMBOL,
            intent=ChangeIntent.EVOLVE,
            key=listing.symbol_id,
            step=lambda symbol: msgspec.structs.replace(symbol, **facts),
        )
    if changes.listing or set(lifted) & set(listing.doubts or ()):
        yield evolve_listing(listing.listing_id, changes.listing, *lifted)


def _keep_terms(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    """Keep the old values, and lift the doubt if nothing else of the listing is undecided."""
    yield from _lift(finding, registry, *_settled(finding, registry))


def _settled(finding: Finding, registry: RegistryView) -> tuple[str, ...]:
    """The doubt that a decision lifts, unless another finding about the listing keeps it."""
    doubt = _doubt_of(finding)
    found = registry.find(FINDING.name, "listing", finding.listing_id)
    is_kept = any(
        other.finding_id != finding.finding_id
        and other.state in UNDECIDED
        and other.action in _DENYING
        and _doubt_of(other) == doubt
        and not _is_rival(other, finding)
        for other in found
    )
    return () if is_kept else (doubt,)


def _doubt_of(finding: Finding) -> str:
    """The doubt that the finding leaves in its listing while it is undecided."""
    is_held = finding.action is FindingAction.HOLD
    return identity_effects.MEANING_UNDECIDED if is_held else CHANGE_UNDECIDED


def _is_rival(other: Finding, finding: Finding) -> bool:
    """Whether another finding says something else of the same fields."""
    if other.kind != finding.kind or other.listing_id != finding.listing_id:
        return False
    if finding.kind == FindingKind.MULTIPLIER:
        return True
    fields = {d.field for d in finding.differences or ()}
    return bool(fields) and fields == {d.field for d in other.differences or ()}


def rivals_of(finding: Finding, registry: RegistryView) -> list[Finding]:
    """The undecided findings of the same listing that propose other values of its fields.

    Approving one leaves nothing to decide of them. Likewise of what is asked about an asset that
    goes up in another one.
    """
    if finding.kind in MERGING and finding.asset_id:
        return identity_effects.rivals_about_asset(finding, registry)
    if not finding.listing_id:
        return []
    found = registry.find(FINDING.name, "listing", finding.listing_id)
    return [
        other
        for other in found
        if other.finding_id != finding.finding_id
        and other.state in UNDECIDED
        and _is_rival(other, finding)
    ]


def _lift(finding: Finding, registry: RegistryView, *lifted: str) -> Iterator[Item]:
    """Lift doubts of the listing that it is about, as far as it has them."""
    if not finding.listing_id:
        return
    listing = registry.get(VENUE_SYMBOL.name, finding.listing_id)
    if listing is not None and set(lifted) & set(listing.doubts or ()):
        yield evolve_listing(listing.listing_id, {}, *lifted)


def _require(registry: RegistryView, kind: str, key: str) -> Any:
    entity = registry.get(kind, key)
    if entity is None:
        raise MovedOn(f"{kind.replace('_', ' ')} {key!r} is not there any more")
    return entity


# ------------------------------------------------------------ sources


def _end_listing(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    """End the listing: where the finding says when, then; otherwise now."""
    listing = require_listing(finding, registry)
    end = changes_of(finding).listing.get("delisted_at")
    at = end or finding.effective_at or registry.now
    yield evolve_listing(listing.listing_id, {"delisted_at": at}, SOURCE_MISSING)


def _lift_missing(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    yield from _lift(finding, registry, SOURCE_MISSING)


def _lift_unreadable(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    listing = require_listing(finding, registry)
    if SOURCE_UNREADABLE not in (listing.doubts or ()):
        raise MovedOn(f"{listing.venue_symbol!r} was read since")
    yield evolve_listing(listing.listing_id, {}, SOURCE_UNREADABLE)


def _lift_rejects(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    """Lift the doubt, unless orders were refused for something else, too, which is undecided."""
    others = registry.find(FINDING.name, "listing", finding.listing_id or "")
    is_kept = any(
        other.finding_id != finding.finding_id
        and other.kind == finding.kind
        and other.state in UNDECIDED
        for other in others
    )
    if not is_kept:
        yield from _lift(finding, registry, DOUBTED_BY_REJECTS)


def _nothing(_: Finding, __: Choice, ___: RegistryView) -> Iterable[Item]:
    return ()


# ------------------------------------------------------------ deployments


def _take_decimals(finding: Finding, choice: Choice, registry: RegistryView) -> Iterator[Item]:
    """Take the chosen number of decimals, else the one that was found."""
    deployment = _deployment_of(finding, registry)
    before = next((d for d in finding.differences or () if d.field == "decimals"), None)
    if before is not None and before.before and str(deployment.decimals) != before.before:
        raise MovedOn(f"it has {deployment.decimals} decimals now, not {before.before}")
    chosen = choice.units if choice.units is not None else before and before.after
    if not str(chosen or "").isdecimal():
        message = "how many decimals it has: a whole number"
        raise Invalid([FieldViolation("units", "REQUIRED", message)])
    yield _settle_decimals(deployment, int(str(chosen)))


def _keep_decimals(finding: Finding, _: Choice, registry: RegistryView) -> Iterator[Item]:
    deployment = _deployment_of(finding, registry)
    yield _settle_decimals(deployment, deployment.decimals)


def _deployment_of(finding: Finding, registry: RegistryView) -> AssetDeployment:
    chain_id, address = finding.chain_id or "", finding.address or ""
    found = registry.find(ASSET_DEPLOYMENT.name, "address", chain_id, address)
    deployment: AssetDeployment | None = next(iter(found), None)
    if deployment is None:
        raise MovedOn(f"no deployment at {address!r} on {chain_id!r} any more")
    return deployment


def _settle_decimals(deployment: AssetDeployment, decimals: int | None) -> Item:
    def step(before: AssetDeployment) -> AssetDeployment:
        doubts = tuple(d for d in before.doubts or () if d != DECIMALS_DISAGREE) or None
        return msgspec.structs.replace(before, decimals=decimals, doubts=doubts)

    key = deployment.deployment_id
    return Item(kind=ASSET_DEPLOYMENT, intent=ChangeIntent.EVOLVE, key=key, step=step)


_K = FindingKind
#: Kinds of which approving merges the asset that they are about.
MERGING: Final = frozenset(
    (_K.REUSE, _K.SAME_TICKER, _K.RENAMED, _K.SWAP, _K.DUPLICATE, _K.ASSET_MERGE)
)
#: Kind -> what approving does; other kinds take the values of their differences.
APPROVING: Final[Mapping[str, Effect]] = {
    _K.GONE: _end_listing,
    _K.SOURCE_MISSING: _end_listing,
    _K.UNREADABLE: _lift_unreadable,
    _K.DECIMALS_DISAGREE: _take_decimals,
    _K.REUSE: identity_effects.settle_reuse,
    _K.SAME_TICKER: identity_effects.merge_into_choice,
    _K.RENAMED: identity_effects.merge_into_choice,
    _K.SWAP: identity_effects.merge_into_choice,
    _K.DUPLICATE: identity_effects.merge_into_choice,
    _K.ASSET_MERGE: identity_effects.merge_asset,
    _K.MULTIPLIER: identity_effects.take_multiple,
    _K.LISTED: _keep_terms,
    _K.MASS_CHANGE: _nothing,
    _K.CHANGED_FORM: _nothing,
    _K.ORDER_REJECTED: _lift_rejects,
}
#: Kind -> what rejecting does; other kinds keep the values of before.
REJECTING: Final[Mapping[str, Effect]] = {
    _K.GONE: _lift_missing,
    _K.SOURCE_MISSING: _lift_missing,
    _K.UNREADABLE: _nothing,
    _K.DECIMALS_DISAGREE: _keep_decimals,
    **dict.fromkeys(
        (_K.REUSE, _K.SAME_TICKER, _K.RENAMED, _K.SWAP, _K.DUPLICATE),
        identity_effects.keep_apart,
    ),
    _K.ASSET_MERGE: _nothing,
    _K.LISTED: _keep_terms,
    _K.MASS_CHANGE: _nothing,
    _K.CHANGED_FORM: _nothing,
    _K.ORDER_REJECTED: _lift_rejects,
}
