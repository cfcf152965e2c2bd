"""What makes an alias valid: a spelling that stands for another one of its symbol. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING

from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.rules import overlap
from cqar_shared.errors import FieldViolation

if TYPE_CHECKING:
    from cqar_shared.domain.kinds.venue_symbol import VenueSymbol


def others(after: VenueSymbol, found: Iterable[VenueSymbol]) -> Iterator[VenueSymbol]:
    """Yield the other listings whose periods overlap with that of `after`."""
    return (v for v in found if v.listing_id != after.listing_id and overlap(v, after))


def aliases_of(entity: VenueSymbol, registry: RegistryView) -> list[VenueSymbol]:
    """The aliases of a listing, which have its status and steps and none of their own."""
    found = registry.find("venue_symbol", "market", entity.venue_id, entity.symbol_id)
    return [v for v in others(entity, found) if v.alias_of == entity.venue_symbol]


def _stood_for(aliases: Iterable[VenueSymbol]) -> str:
    return ", ".join(f"{v.venue_symbol!r} ({v.listing_id})" for v in aliases)


def check_removal(listing: VenueSymbol, registry: RegistryView) -> Iterator[FieldViolation]:
    if aliases := aliases_of(listing, registry):
        message = f"it gives its terms to {_stood_for(aliases)}: remove those with it, before it"
        yield FieldViolation("listing_id", "HAS_ALIASES", message)


def check_alias(
    before: VenueSymbol | None,
    after: VenueSymbol,
    registry: RegistryView,
    terms: Collection[str],
    other_terms: Collection[str],
) -> Iterator[FieldViolation]:
    """Check a spelling that stands for another one.

    Args:
        terms, other_terms: The decimal terms and the others; an alias has none of them.
    """
    was_none = before is not None and not before.alias_of
    if was_none and (aliases := aliases_of(after, registry)):
        message = f"it gives its terms to {_stood_for(aliases)}: change those first"
        yield FieldViolation("alias_of", "HAS_ALIASES", message)
    if after.is_primary:
        yield FieldViolation("is_primary", "ALIAS", "an alias is not a primary spelling")
    for field in terms:
        if getattr(after, field) is not None:
            yield FieldViolation(f"exact.{field}", "ALIAS", "an alias has no terms of its own")
    for field in other_terms:
        if getattr(after, field):
            yield FieldViolation(field, "ALIAS", "an alias has no terms of its own")
    found = registry.find("venue_symbol", "spelling", after.venue_id, after.alias_of)
    targets = list(others(after, found))
    if not targets:
        yield FieldViolation(
            "alias_of", "NOT_FOUND", f"no spelling {after.alias_of!r} in this period"
        )
    elif targets[0].symbol_id != after.symbol_id:
        yield FieldViolation("alias_of", "OTHER_SYMBOL", "is a spelling of another symbol")
    elif targets[0].alias_of:
        yield FieldViolation("alias_of", "ALIAS", "is an alias itself")
