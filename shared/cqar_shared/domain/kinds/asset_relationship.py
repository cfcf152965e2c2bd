"""A relationship between two assets: wETH WRAPS ETH, USDC.e BRIDGES USDC."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from cqc.assets.v1 import relationship_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by, lifecycle
from cqar_shared.errors import FieldViolation


class RelationshipType(enum.IntEnum):
    WRAPS = 1
    BRIDGES = 2
    STAKES = 3
    SYNTHETIC_OF = 4
    LIQUIDITY_PAIR = 5
    MIGRATES_TO = 6
    FORKS_FROM = 7
    REBASES_WITH = 8


class SuccessionCode(enum.IntEnum):
    """How one asset came to stand for another; numbered as `cqc.assets.v1.SuccessionKind`."""

    RENAME = 1
    SWAP = 2
    MERGE = 3
    REDENOMINATION = 4


_T = RelationshipType
#: Sets of types whose relationships must not form a cycle. Backing (what stands behind a token) is
#: one order; migration (what a token became) is another, and may run against it.
ACYCLIC: Final = (frozenset({_T.WRAPS, _T.STAKES, _T.BRIDGES, _T.SYNTHETIC_OF}), {_T.MIGRATES_TO})
#: A walk that visits more assets than this is refused rather than trusted.
WALK_ASSETS_MAX: Final = 10_000


class AssetRelationship(Entity, frozen=True, kw_only=True):
    """A directed relationship.

    Attributes:
        conversion_rate: Units of `to` in one unit of `from`.
        effective_at: Of MIGRATES_TO, when units of `from` became units of `to`; None: not known.
        succession: Only of MIGRATES_TO; None: not known.
    """

    relationship_id: str = ""
    from_asset_id: str = ""
    to_asset_id: str = ""
    relationship_type: RelationshipType | None = None
    conversion_rate: Decimal | None = None
    protocol: str | None = None
    description: str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    effective_at: dt.datetime | None = None
    succession: SuccessionCode | None = None


def check_relationship(
    before: AssetRelationship | None, after: AssetRelationship, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("relationship_id", after.relationship_id)
    yield from rules.check_required(after, "from_asset_id", "to_asset_id", "relationship_type")
    yield from rules.check_positive(after, "", "conversion_rate")
    yield from rules.check_length(after, protocol=128, description=rules.TEXT_CHARS_MAX)
    yield from rules.check_immutable(
        before,
        after,
        "delete it and create another",
        "from_asset_id",
        "to_asset_id",
        "relationship_type",
    )
    if after.relationship_type not in (None, RelationshipType.MIGRATES_TO):
        for field in ("effective_at", "succession"):
            if getattr(after, field) is not None:
                message = "only a migration (MIGRATES_TO) has one"
                yield FieldViolation(field, "NOT_APPLICABLE", message)
    if after.from_asset_id and after.from_asset_id == after.to_asset_id:
        yield FieldViolation("to_asset_id", "SELF_REFERENCE", "an asset does not relate to itself")
    elif before is None:
        if same_pair(after, registry):
            yield FieldViolation("to_asset_id", "DUPLICATE", "this relationship is there already")
        yield from _check_no_cycle(after, registry)


def same_pair(entity: AssetRelationship, registry: RegistryView) -> AssetRelationship | None:
    """Return the relationship of the same type between the same assets, if there is one."""
    pair = (entity.from_asset_id, entity.to_asset_id, entity.relationship_type)
    return next(iter(registry.find("asset_relationship", "pair", *pair)), None)


def _check_no_cycle(after: AssetRelationship, registry: RegistryView) -> Iterator[FieldViolation]:
    for types in ACYCLIC:
        if after.relationship_type not in types:
            continue
        reached, frontier = {after.to_asset_id}, [after.to_asset_id]
        while frontier:
            for edge in registry.find("asset_relationship", "from", frontier.pop()):
                if edge.relationship_type in types and edge.to_asset_id not in reached:
                    reached.add(edge.to_asset_id)
                    frontier.append(edge.to_asset_id)
            if after.from_asset_id in reached:
                message = "would lead in a circle back to the asset it starts from"
                yield FieldViolation("to_asset_id", "CYCLE", message)
                return
            if len(reached) > WALK_ASSETS_MAX:
                message = f"leads to more than {WALK_ASSETS_MAX} assets"
                yield FieldViolation("to_asset_id", "TOO_MANY", message)
                return


ASSET_RELATIONSHIP = Kind(
    name="asset_relationship",
    entity=AssetRelationship,
    message=relationship_pb2.AssetRelationship,
    key=("relationship_id",),
    table="relationships",
    check=check_relationship,
    # As one that is made: it must not close a circle, nor be there twice.
    check_relinked=lambda _, after, registry: check_relationship(None, after, registry),
    existing=same_pair,
    referents={"from_asset_id": "asset", "to_asset_id": "asset"},
    lookups={
        "pair": by("from_asset_id", "to_asset_id", "relationship_type"),
        "from": by("from_asset_id"),
        "to": by("to_asset_id"),
    },
    event=lifecycle("relationship_established", "relationship_updated", "relationship_removed"),
)
