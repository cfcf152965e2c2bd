"""What a finding says of fields, as the entities' values, and whether it is still so. Pure.

A difference names a field of the listing, or as `symbol.NAME` one of its symbol. Values are texts,
as `entity_diff.value_text` writes them.
"""

from __future__ import annotations

import datetime as dt
import enum
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from typing import Any, Final

import msgspec

from cqar_shared.domain import decimals, entity_diff
from cqar_shared.domain.kind import RegistryView
from cqar_shared.domain.kinds.finding import Finding, FindingDifference
from cqar_shared.domain.kinds.symbol import IDENTITY, SYMBOL, Symbol
from cqar_shared.domain.kinds.venue_symbol import (
    OTHER_TERMS,
    TERMS,
    VENUE_SYMBOL,
    VenueSymbol,
    is_open,
)
from cqar_shared.errors import FieldViolation, Invalid, MovedOn

OF_SYMBOL: Final = "symbol."
#: Fields that a decision may change. Doubts are lifted by what is decided, and never stated.
_OF_LISTING: Final = frozenset({*TERMS, *OTHER_TERMS, "status", "listed_at", "delisted_at"}) - {
    "doubts"
}
_FACTS_OF_SYMBOL: Final = frozenset(
    (
        *("contract_kind", "contract_size", "price_asset_id", "underlying_class", "underlying"),
        *("settlement_method", "exercise_style", "last_trade_at"),
    )
)


class FieldChanges(typing.NamedTuple):
    """What differences change: field -> value.

    Attributes:
        identity: Of the symbol; a listing of another identity is one of another symbol.
        facts: Of the symbol, beside its identity.
    """

    listing: dict[str, Any]
    identity: dict[str, Any]
    facts: dict[str, Any]


def require_listing(finding: Finding, registry: RegistryView) -> VenueSymbol:
    """Return the listing that a finding is about, with its terms of now.

    Raises:
        MovedOn: It is not there, or has ended, or is not as the finding's differences say.
    """
    listing: VenueSymbol | None = registry.get(VENUE_SYMBOL.name, finding.listing_id or "")
    if listing is None:
        raise MovedOn(f"its listing {finding.listing_id or ''!r} is not there any more")
    if not is_open(listing, registry.now):
        raise MovedOn(f"{listing.venue_symbol!r} has ended")
    listing = VENUE_SYMBOL.present(listing, registry.now)
    symbol = registry.get(SYMBOL.name, listing.symbol_id)
    for difference in finding.differences or ():
        entity, name = _owner(difference, listing, symbol)
        found = entity_diff.value_text(getattr(entity, name, None))
        if found != (difference.before or ""):
            what = f"{difference.field} is {found or 'unset'}, not {difference.before or 'unset'}"
            raise MovedOn(f"{what}: it changed since this was found")
    return listing


def _owner(difference: FindingDifference, listing: Any, symbol: Any) -> tuple[Any, str]:
    name = difference.field.removeprefix(OF_SYMBOL)
    is_of_symbol = name != difference.field or name in IDENTITY
    return (symbol if is_of_symbol else listing), name


def changes_of(finding: Finding) -> FieldChanges:
    """Return what approving changes.

    Raises:
        Invalid: A difference names a field that no decision changes, or a value that it cannot
            have; names all of them.
    """
    changes = FieldChanges({}, {}, {})
    violations: list[FieldViolation] = []
    for place, difference in enumerate(finding.differences or ()):
        violations += _read(difference, f"differences[{place}].", changes)
    if violations:
        raise Invalid(violations)
    return changes


def _read(
    difference: FindingDifference, prefix: str, changes: FieldChanges
) -> Iterator[FieldViolation]:
    field = difference.field
    name = field.removeprefix(OF_SYMBOL)
    entity: type[Any]
    if field in _OF_LISTING:
        entity, target = VenueSymbol, changes.listing
    elif field == OF_SYMBOL + name and name in _FACTS_OF_SYMBOL:
        entity, target = Symbol, changes.facts
    elif field == OF_SYMBOL + name and name in IDENTITY:
        entity, target = Symbol, changes.identity
    else:
        yield FieldViolation(f"{prefix}field", "UNKNOWN", f"no decision changes {field!r}")
        return
    try:
        target[name] = value_of(entity, name, difference.after or "")
    except ValueError as error:
        yield FieldViolation(f"{prefix}after", "MALFORMED", f"is no {name}: {error}")


@cache
def _hints(entity: Any) -> dict[str, Any]:
    return typing.get_type_hints(entity)


def value_of(entity: Any, field: str, text: str) -> Any:
    """Read a value as `entity_diff.value_text` writes it.

    Raises:
        ValueError: The field cannot have it.
    """
    hint = _hints(entity)[field]
    if not text:
        is_list = typing.get_origin(hint) is tuple
        return () if is_list else None
    if isinstance(hint, types.UnionType):
        hint = next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)
    if hint is str:
        return text
    if hint is Decimal:
        return decimals.parse(text)
    if hint is dt.datetime:
        return _instant(text)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        if text not in hint.__members__:
            message = f"no {hint.__name__.removesuffix('Code')} is called {text[:64]!r}"
            raise ValueError(message)
        return hint[text]
    return msgspec.json.decode(text, type=hint)


def _instant(text: str) -> dt.datetime:
    instant = dt.datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = "an instant has a time zone"
        raise ValueError(message)
    return instant
