"""A group of assets that belong together, each with an exact weight: "all ETH variants"."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from cqc.assets.v1 import group_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import (
    Entity,
    Event,
    Kind,
    Lookup,
    RegistryView,
    Row,
    by,
    checked_as_it_is,
)
from cqar_shared.errors import EntityNotFound, FieldViolation

#: Members of one group.
MEMBERS_MAX: Final = 2_000
#: A member's id is derived from its group and asset, so sending a group again changes nothing.
_NAMESPACE: Final = uuid.UUID("0f3c2c1e-8d0a-5b1c-9f7e-3a4d2b6c1e55")


class GroupMember(msgspec.Struct, frozen=True, kw_only=True):
    """One asset in a group.

    Attributes:
        weight: Units of the group in one unit of the asset; None if it has no weight.
    """

    member_id: str = ""
    group_id: str = ""
    asset_id: str = ""
    weight: Decimal | None = None
    added_at: dt.datetime | None = None


class AssetGroup(Entity, frozen=True, kw_only=True):
    """A group with its members, in the order of their assets' ids."""

    group_id: str = ""
    name: str = ""
    description: str | None = None
    group_type: str | None = None
    members: tuple[GroupMember, ...] = ()
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None


def member_rows(group: AssetGroup) -> Iterator[Row]:
    for member in group.members:
        yield "group_members", msgspec.structs.asdict(member)


def member_of(group_id: str, asset_id: str, like: GroupMember) -> GroupMember:
    """Return a member of a group, with the weight and the time of another one."""
    member_id = str(uuid.uuid5(_NAMESPACE, f"{group_id}/{asset_id}"))
    return msgspec.structs.replace(like, member_id=member_id, group_id=group_id, asset_id=asset_id)


def complete(before: AssetGroup | None, given: AssetGroup, registry: RegistryView) -> AssetGroup:
    """Sort the members, unless one of them breaks a rule.

    Violations name members by their index in the request; such a group is not stored.
    """
    known = {member.asset_id: member for member in (before.members if before else ())}
    members = [
        msgspec.structs.replace(
            member_of(given.group_id, member.asset_id, member),
            added_at=known[member.asset_id].added_at if member.asset_id in known else registry.now,
        )
        for member in given.members
    ]
    known_assets = all(registry.get("asset", member.asset_id) for member in members)
    if known_assets and not any(_check_members(members)):
        members.sort(key=lambda member: member.asset_id)
    return msgspec.structs.replace(given, members=tuple(members))


def same_name(given: AssetGroup, registry: RegistryView) -> AssetGroup | None:
    return next(iter(registry.find("asset_group", "name", given.name)), None)


def check_group(
    _: AssetGroup | None, after: AssetGroup, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("group_id", after.group_id)
    yield from rules.check_printable("name", after.name)
    yield from rules.check_length(after, description=rules.TEXT_CHARS_MAX, group_type=64)
    twin = same_name(after, registry)
    if twin is not None and twin.group_id != after.group_id:
        yield FieldViolation("name", "DUPLICATE", f"is the name of group {twin.group_id}")
    if len(after.members) > MEMBERS_MAX:
        yield FieldViolation("members", "TOO_MANY", f"at most {MEMBERS_MAX}")
    yield from _check_members(after.members)


def _check_members(members: Sequence[GroupMember]) -> Iterator[FieldViolation]:
    seen_ids: set[str] = set()
    for place, member in enumerate(members):
        prefix = f"members[{place}]."
        if member.asset_id in seen_ids:
            yield FieldViolation(f"{prefix}asset_id", "DUPLICATE", "is a member already")
        seen_ids.add(member.asset_id)
        yield from rules.check_positive(member, prefix, "weight")


def with_member(group: AssetGroup, asset_id: str, weight: Decimal | None) -> AssetGroup:
    """Add a member to the group; a rule refuses an asset that is in it already."""
    fresh = GroupMember(asset_id=asset_id, weight=weight)
    return msgspec.structs.replace(group, members=(*group.members, fresh))


def without_member(group: AssetGroup, asset_id: str) -> AssetGroup:
    """Remove a member from the group.

    Raises:
        EntityNotFound: the asset is not a member.
    """
    rest = tuple(member for member in group.members if member.asset_id != asset_id)
    if len(rest) == len(group.members):
        raise EntityNotFound("asset_group_member", asset_id, f"in group {group.name!r}")
    return msgspec.structs.replace(group, members=rest)


def event_of(before: AssetGroup | None, after: AssetGroup | None) -> str | Event:
    if before is None:
        return "asset_group_created"
    if after is None:
        return "asset_group_removed"
    was = {member.asset_id: member for member in before.members}
    becomes = {member.asset_id: member for member in after.members}
    added, removed = becomes.keys() - was.keys(), was.keys() - becomes.keys()
    if len(added) == 1 and not removed:
        return Event("asset_group_member_added", {"member": becomes[added.pop()]})
    if len(removed) == 1 and not added:
        return Event("asset_group_member_removed", {"member": was[removed.pop()]})
    return "asset_group_updated"


ASSET_GROUP = Kind(
    name="asset_group",
    entity=AssetGroup,
    message=group_pb2.AssetGroup,
    key=("group_id",),
    table="asset_groups",
    child_tables=("group_members",),
    children=member_rows,
    check=check_group,
    check_relinked=checked_as_it_is(check_group),
    complete=complete,
    existing=same_name,
    referents={"members.asset_id": "asset"},
    lookups={
        "name": by("name"),
        "member": Lookup(
            ("asset_id",),
            table="group_members",
            values=lambda group: ((member.asset_id,) for member in group.members),
        ),
    },
    event=event_of,
)
