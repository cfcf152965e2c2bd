"""Attaches other sources' names to assets: by contract, or by a name that is known. Pure.

A ticker attaches nothing. Where a row's contracts, or what it is called already, are of several
assets here, a person decides: finding DUPLICATE.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from cqar.importer.reference.asset_refs import AssetRefs
from cqar.importer.reference.identifier_rows import (
    ChainRef,
    IdentifierRow,
    identifier_rows,
    reader_of,
)
from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import UnreadableRow
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import OWN_COIN_ADDRESSES, Places
from cqar.importer.reference.statements import RowOutcome, Statements
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain.kinds.asset_identifier import (
    ASSET_IDENTIFIER,
    AssetDataSource,
    AssetIdentifier,
)
from cqar_shared.domain.kinds.asset_relationship import ASSET_RELATIONSHIP
from cqar_shared.domain.kinds.chain import Chain

KIND: Final = "identifiers"


class _Identifiers(NamedTuple):
    """What the rows are compared with.

    Attributes:
        backed: (asset, another that it wraps, bridges or stands for).
        has_primary: (asset, source) that have a primary identifier.
    """

    stated: Statements
    assets: ListAssets
    refs: AssetRefs
    backed: frozenset[tuple[str, str]]
    has_primary: set[tuple[str, AssetDataSource]]


def plan_identifiers(stated: Statements, data_source: AssetDataSource | None = None) -> ListPlan:
    """Say what a list of identifiers would change.

    Args:
        data_source: Of a plain list whose rows do not say it.

    Raises:
        UnusableAnswer: The file has none of the forms that are known.
    """
    form, read = reader_of(stated.source, data_source)
    assets = ListAssets(stated, Places(stated.state))
    context = _Identifiers(
        stated,
        assets,
        AssetRefs(stated.state, assets),
        frozenset(
            (edge.from_asset_id, edge.to_asset_id) for edge in stated.state.all(ASSET_RELATIONSHIP)
        ),
        {(i.asset_id, i.source) for i in stated.state.all(ASSET_IDENTIFIER) if i.is_primary},
    )
    for raw, row in identifier_rows(stated.source, read):
        if isinstance(row, str):
            stated.begin(str(raw), raw)
            stated.refuse(RowOutcome.UNREADABLE, row)
            continue
        stated.begin(row.text, raw)
        if row.silent:
            stated.refuse(RowOutcome.UNSUPPORTED, row.silent)
            continue
        try:
            _row(context, row)
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
    plan = ListPlan(KIND, stated)
    plan.notes.append(f"read as {form}")
    return plan


def _row(context: _Identifiers, row: IdentifierRow) -> None:
    stated = context.stated
    by_contract = _by_contract(context, row)
    by_name = {context.refs.of_identifier(*name) for name in (*row.names, *row.known_by)}
    named = {asset_id for asset_id in by_name if asset_id is not None}
    if not (found := by_contract | named):
        stated.refuse(RowOutcome.UNSUPPORTED, _why_unknown(row))
        return
    stated.row.by = "CONTRACT" if by_contract else "IDENTIFIER"
    asset_id = _one_of(context, found)
    if asset_id is None:
        stated.remark("it is called several assets here")
        return
    for source, external_id in row.names:
        _attach(context, asset_id, source, external_id)


def _by_contract(context: _Identifiers, row: IdentifierRow) -> set[str]:
    found: set[str] = set()
    for reference, address in row.contracts:
        chain = _chain(context.assets.places, reference)
        if chain is not None and address.lower() not in OWN_COIN_ADDRESSES:
            known = context.refs.at(chain, address)
            found |= {known.asset_id} if known is not None else set()
    if row.asset:
        own = context.refs.of_own(row.asset)
        found |= {own.asset_id} if own is not None else set()
    return found


def _chain(places: Places, reference: ChainRef | None) -> Chain | None:
    if reference is None:
        return None
    if isinstance(reference, int):
        return places.chain_of_number(reference)
    return places.chain(reference)


def _why_unknown(row: IdentifierRow) -> str:
    if row.asset:
        return f"no asset {row.asset} here"
    if row.contracts:
        return "none of its contracts is known here"
    return "it names no contract, and none of its identifiers is known: a ticker attaches nothing"


def _one_of(context: _Identifiers, found: set[str]) -> str | None:
    """Return the asset that is meant of several; None where that is to be decided.

    Sources list bridged and wrapped tokens with the coin that backs them: that one is meant.
    """
    backing = sorted(
        one for one in found if not any((one, other) in context.backed for other in found)
    )
    if len(backing) == 1:
        return backing[0]
    assets = context.assets
    verified = [one for one in backing if (a := assets.asset(one)) and not a.unverified]
    keep = (verified or backing or sorted(found))[0]
    for other in backing:
        if other != keep:
            first, second = assets.older(keep, other)
            assets.duplicates(first, second, "has one identifier for both")
    return keep if len(verified) == 1 else None


def _attach(
    context: _Identifiers, asset_id: str, source: AssetDataSource, external_id: str
) -> None:
    """State an identifier, unless it names an asset already."""
    if context.refs.of_identifier(source, external_id) is not None:
        return
    identifier = AssetIdentifier(
        identifier_id=catalogue_id("identifier", f"{source.name}/{external_id}"),
        asset_id=asset_id,
        source=source,
        external_id=external_id,
        is_primary=(asset_id, source) not in context.has_primary,
    )
    context.has_primary.add((asset_id, source))
    context.refs.know(identifier)
    context.stated.put(ASSET_IDENTIFIER, identifier)
