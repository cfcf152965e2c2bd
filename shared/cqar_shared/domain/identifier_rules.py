"""The rules of what something is called elsewhere, the same for assets and symbols. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Check, RegistryView
from cqar_shared.errors import FieldViolation


def finder(kind: str, source: str) -> Callable[[Any, RegistryView], Any | None]:
    """Make a function that finds the identifier with the same source and external id.

    Args:
        kind: The kind of identifier.
        source: The field with the source.
    """

    def same_external_id(given: Any, registry: RegistryView) -> Any | None:
        values = (getattr(given, source), given.external_id)
        return next(iter(registry.find(kind, "external_id", *values)), None)

    return same_external_id


def checker(kind: str, owner: str, source: str) -> Check[Any]:
    """Make the rule: an external id names one entity, and each source has one primary id.

    Args:
        kind: The kind of identifier.
        owner: The field with the entity that it identifies.
        source: The field with the source.
    """
    find_same = finder(kind, source)

    def check(before: Any | None, after: Any, registry: RegistryView) -> Iterator[FieldViolation]:
        yield from rules.check_uuid("identifier_id", after.identifier_id)
        yield from rules.check_required(after, owner, source)
        yield from rules.check_printable("external_id", after.external_id)
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
