"""The rules of what something is called elsewhere, the same for assets and symbols. Pure.

A source that is a standard checks the form of its identifiers; those of other sources are any
printable text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from cqar_shared.domain import caip, identifier_formats, rules
from cqar_shared.domain.identifier_formats import NotAnIdentifier
from cqar_shared.domain.kind import Check, RegistryView
from cqar_shared.errors import FieldViolation

#: Numbers of `DataSource`; those of assets and of symbols are the same.
FIGI: Final = 6
DTI: Final = 7
ISIN: Final = 8
CAIP19: Final = 9
CFI: Final = 10
MIC: Final = 11
#: Sources whose identifiers many entities share: a class and a market, not an instrument.
SHARED_SOURCES: Final = frozenset({CFI, MIC})
_FORMATS: Final[dict[int, Callable[[str], object]]] = {
    FIGI: identifier_formats.check_figi,
    DTI: identifier_formats.check_dti,
    ISIN: identifier_formats.check_isin,
    CAIP19: caip.parse_asset,
    CFI: identifier_formats.check_cfi,
    MIC: identifier_formats.check_mic,
}


def check_external_id(field: str, source: int, external_id: str) -> Iterator[FieldViolation]:
    """Check the form of an identifier, and its check character where the source has one."""
    yield from (printable := list(rules.check_printable(field, external_id)))
    check_form = _FORMATS.get(source)
    if check_form is None or printable:
        return
    try:
        check_form(external_id)
    except NotAnIdentifier as error:
        yield FieldViolation(field, error.reason, str(error))


def canonical(source: int, external_id: str) -> str:
    """Return the spelling in which an identifier is stored.

    Addresses in CAIP-19 have several spellings, of which one is stored; other identifiers, and
    invalid ones, have one.
    """
    if source != CAIP19:
        return external_id
    try:
        return str(caip.parse_asset(external_id))
    except NotAnIdentifier:
        return external_id


def completer(source: str) -> Callable[[Any | None, Any, RegistryView], Any]:
    """Make the function that brings an external id into its stored spelling."""

    def complete(_: Any | None, given: Any, __: RegistryView) -> Any:
        external_id = canonical(getattr(given, source) or 0, given.external_id)
        return msgspec.structs.replace(given, external_id=external_id)

    return complete


def finder(kind: str, owner: str, source: str) -> Callable[[Any, RegistryView], Any | None]:
    """Make a function that finds the identifier with the same source and external id.

    Where a source's ids are shared, it is the one of the same owner.

    Args:
        kind: The kind of identifier.
        owner: The field with the entity that it identifies.
        source: The field with the source.
    """

    def same_external_id(given: Any, registry: RegistryView) -> Any | None:
        number = getattr(given, source)
        external_id = canonical(number or 0, given.external_id)
        for found in registry.find(kind, "external_id", number, external_id):
            if number not in SHARED_SOURCES or getattr(found, owner) == getattr(given, owner):
                return found
        return None

    return same_external_id


def checker(kind: str, owner: str, source: str) -> Check[Any]:
    """Make the rule: an external id names one entity, and each source has one primary id.

    Several entities may have the same id of a source in `SHARED_SOURCES`.

    Args:
        kind: The kind of identifier.
        owner: The field with the entity that it identifies.
        source: The field with the source.
    """
    find_same = finder(kind, owner, source)

    def check(before: Any | None, after: Any, registry: RegistryView) -> Iterator[FieldViolation]:
        yield from rules.check_uuid("identifier_id", after.identifier_id)
        yield from rules.check_required(after, owner, source)
        yield from check_external_id("external_id", getattr(after, source) or 0, after.external_id)
        yield from rules.check_immutable(
            before, after, "remove it and create another", owner, source, "external_id"
        )
        twin = find_same(after, registry)
        if twin is not None and twin.identifier_id != after.identifier_id:
            message = f"names {getattr(twin, owner)} already"
            yield FieldViolation("external_id", "DUPLICATE", message)
        if after.is_primary:
            values = (getattr(after, owner), getattr(after, source))
            for other in registry.find(kind, "source", *values):
                if other.is_primary and other.identifier_id != after.identifier_id:
                    message = f"{other.external_id!r} is the primary one of this source"
                    yield FieldViolation("is_primary", "PRIMARY_TAKEN", message)

    return check
