"""Turns what files change of listings into canaries: for a group of resolvers first. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from cqar.files.comparison import FileChange
from cqar.files.record_form import record_of
from cqar_shared.codec import entity_codec
from cqar_shared.domain import decimals
from cqar_shared.domain.kinds.venue_symbol import TERMS, VENUE_SYMBOL, VenueSymbol
from cqar_shared.domain.listing_canaries import CanaryTerm

#: What a group may have otherwise than all: decimal terms, and the status.
_TRIED: Final = (*TERMS, "status")


class CanaryPlan(NamedTuple):
    """The group that has changes first, and for how long.

    Attributes:
        group: A slug: `canary_group` in the settings of its resolvers.
        begins_at, ends_at: When the changes begin to hold for it, and when they lapse.
    """

    group: str
    begins_at: dt.datetime
    ends_at: dt.datetime


def as_canaries(
    changes: Iterable[FileChange], registry: Mapping[tuple[str, str], Any], plan: CanaryPlan
) -> tuple[list[FileChange], list[str]]:
    """Return the changes as canaries, and what cannot be one, for people.

    Args:
        changes: What files change; none is a removal.
        registry: (kind, key) -> the message that it has.
    """
    made: list[FileChange] = []
    problems: list[str] = []
    for change in changes:
        message = registry.get((change.kind.name, change.key))
        where = change.place or f"{change.kind.name} {change.key}"
        if change.kind is not VENUE_SYMBOL or message is None or change.entity is None:
            problems.append(f"{where}: only a listing that exists can differ for a group")
            continue
        held: Any = entity_codec.from_message(VENUE_SYMBOL, message)
        wanted: Any = change.entity
        if other := _other_fields(held, wanted):
            problems.append(f"{where}: {', '.join(other)} cannot differ for a group")
            continue
        terms = {n: v for n in _TRIED if (v := getattr(wanted, n)) != getattr(held, n)}
        if missing := [name for name, value in terms.items() if value is None]:
            problems.append(f"{where}: {', '.join(missing)} cannot be unset for a group")
            continue
        entity = _with_canaries(held, terms, plan)
        after = record_of(VENUE_SYMBOL, entity_codec.to_message(VENUE_SYMBOL, entity))
        made.append(change._replace(entity=entity, after=after))
    return made, problems


def _other_fields(held: VenueSymbol, wanted: VenueSymbol) -> list[str]:
    names = (n for n in VenueSymbol.__struct_fields__ if n not in _TRIED)
    return [name for name in names if getattr(held, name) != getattr(wanted, name)]


def _with_canaries(held: VenueSymbol, terms: Mapping[str, Any], plan: CanaryPlan) -> VenueSymbol:
    """The listing with values for a group; what the group has of other fields stays."""
    kept = [
        one
        for one in held.canaries or ()
        if one.canary_group != plan.group or one.field not in terms
    ]
    new = [
        CanaryTerm(
            canary_group=plan.group,
            effective_at=plan.begins_at,
            ends_at=plan.ends_at,
            field=field,
            value=value.name if field == "status" else decimals.plain(value),
        )
        for field, value in terms.items()
    ]
    return msgspec.structs.replace(held, canaries=(*kept, *new))
