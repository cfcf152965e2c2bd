"""Collections of one coin's tokens across chains, as groups: rotki's form. Pure.

A CSV with the columns collection_id, name, symbol, asset and, if wanted, main_asset: one row a
member. A group is added to and never taken from. Where two members are two assets here, the list
takes them for one: finding DUPLICATE.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from cqar.importer.reference.asset_refs import AssetRefs, descriptions
from cqar.importer.reference.list_assets import ListAssets
from cqar.importer.reference.list_file import ListFile, Record, UnreadableRow, required, text_of
from cqar.importer.reference.list_plan import ListPlan
from cqar.importer.reference.places import Places
from cqar.importer.reference.statements import ListRow, RowOutcome, Statements
from cqar.importer.saved_answers import UnusableAnswer
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain.kinds.asset_group import ASSET_GROUP, AssetGroup, GroupMember

KIND: Final = "collections"
GROUP_TYPE: Final = "collection"
_COLUMNS: Final = frozenset({"collection_id", "name", "symbol", "asset"})


def plan_collections(stated: Statements, described: ListFile | None = None) -> ListPlan:
    """Say what a list of collections would change.

    Args:
        described: A list that describes the assets that the collections name by codes.

    Raises:
        UnusableAnswer: The file has another form.
    """
    source = stated.source
    if not set(source.columns) >= _COLUMNS:
        wanted = ", ".join(sorted(_COLUMNS))
        raise UnusableAnswer(f"{source.name} is no list of collections: a CSV with {wanted}")
    assets = ListAssets(stated, Places(stated.state))
    refs = AssetRefs(stated.state, assets, descriptions(described) if described else None)
    plan = _CollectionPlan(stated, assets, refs)
    members: defaultdict[str, list[tuple[ListRow, Record]]] = defaultdict(list)
    for record in source.value:
        number, name = record.get("collection_id"), record.get("name")
        stated.begin(f"{number} {name} ({record.get('symbol')}): {record.get('asset')}", record)
        try:
            required(record, "asset")
            members[f"{required(record, 'collection_id')} {required(record, 'name')}"].append(
                (stated.row, record)
            )
        except UnreadableRow as error:
            stated.refuse(RowOutcome.UNREADABLE, str(error))
    for rows in members.values():
        plan.state_group(rows)
    return ListPlan(KIND, stated)


class _CollectionPlan:
    def __init__(self, stated: Statements, assets: ListAssets, refs: AssetRefs) -> None:
        self._stated = stated
        self._assets = assets
        self._refs = refs
        self._groups: dict[str, AssetGroup] = {
            group.name: group for group in stated.state.all(ASSET_GROUP)
        }
        self._taken: set[str] = set()

    def state_group(self, rows: list[tuple[ListRow, Record]]) -> None:
        """State a group with those of its members that are known."""
        group = self._group(rows[0][1])
        found: list[tuple[ListRow, str]] = []
        for row, record in rows:
            self._stated.resume(row)
            named = self._refs.of_listed(text_of(record, "asset"), makes_new=False)
            if named is None:
                self._stated.refuse(
                    RowOutcome.UNSUPPORTED,
                    f"no asset {record['asset']} here: import lists of its contracts first",
                )
                continue
            row.by = named.by
            found.append((row, named.asset_id))
            held = {member.asset_id for member in group.members}
            row.outcome = RowOutcome.UNCHANGED if named.asset_id in held else RowOutcome.NEW
            if named.asset_id not in held:
                member = GroupMember(asset_id=named.asset_id)
                group = msgspec.structs.replace(group, members=(*group.members, member))
                self._stated.put(ASSET_GROUP, group)
        self._propose_merges(text_of(rows[0][1], "main_asset"), found)

    def _group(self, record: Record) -> AssetGroup:
        """Return the group of a collection's name; a second collection of the name gets another."""
        name = " ".join(f"{text_of(record, 'name')} ({text_of(record, 'symbol')})".split())
        if name in self._taken:
            name = f"{name} #{text_of(record, 'collection_id')}"
        self._taken.add(name)
        known = self._groups.get(name)
        if known is not None:
            return known
        group_id = catalogue_id("asset_group", f"{GROUP_TYPE}/{name}")
        return AssetGroup(group_id=group_id, name=name, group_type=GROUP_TYPE)

    def _propose_merges(self, main_text: str, found: list[tuple[ListRow, str]]) -> None:
        """Open a finding for each member that is another asset than the main one."""
        assets = self._assets
        main = self._refs.of_listed(main_text, makes_new=False) if main_text else None
        verified = (i for _, i in found if (a := assets.asset(i)) and not a.unverified)
        keep = main.asset_id if main is not None else next(verified, None)
        proposed: set[str] = set()
        for row, asset_id in found:
            keep = keep or asset_id
            if asset_id != keep and asset_id not in proposed:
                proposed.add(asset_id)
                self._stated.resume(row)
                first, second = assets.older(keep, asset_id) if main is None else (keep, asset_id)
                changes = len(self._stated.entities)
                assets.duplicates(first, second, "one collection has both", evidence="REVIEWED")
                if len(self._stated.entities) > changes and row.outcome is RowOutcome.UNCHANGED:
                    row.outcome = RowOutcome.CHANGED
