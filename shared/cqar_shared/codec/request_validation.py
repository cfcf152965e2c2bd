"""Checks keys, ids and instants in a request before anything is looked up. Pure."""

from __future__ import annotations

from typing import Any

from cqar_shared.domain import identifier_rules, rules
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.errors import FieldViolation, Invalid


def require_key(kind: AnyKind, key: str) -> None:
    """Refuse a text that cannot be a key of the kind.

    Raises:
        Invalid: the key is empty, or is not a UUID although keys of the kind are UUIDs.
    """
    parts = kind.parts_of(key)
    columns = dict(zip(kind.key, [*parts, *[""] * len(kind.key)], strict=False))
    violations: list[FieldViolation] = []
    for name, value in columns.items():
        if not value:
            violations.append(FieldViolation(name, "REQUIRED", "is required"))
        elif name not in kind.slugs:
            violations += rules.check_uuid(name, value)
        elif len(value) > rules.SYMBOL_CHARS_MAX or "\0" in value:
            violations.append(FieldViolation(name, "NOT_A_KEY", "is no key of this kind"))
    if violations:
        raise Invalid(violations)


def require_id(field: str, value: str) -> None:
    """Refuse a text that is not an id.

    Raises:
        Invalid: the text is empty or not a UUID.
    """
    if violations := list(rules.check_uuid(field, value)):
        raise Invalid(violations)


def require_filter(field: str, value: str) -> None:
    """Refuse a filter that is not an id; an empty one does not filter."""
    if value:
        require_id(field, value)


def require_one(request: Any, *fields: str) -> None:
    """Refuse a request that sets none of these fields, or several."""
    if sum(bool(getattr(request, field)) for field in fields) != 1:
        message = f"give one of {' and '.join(fields)}"
        raise Invalid([FieldViolation(fields[0], "REQUIRED", message)])


def require_external_id(prefix: str, source_field: str, source: int, external_id: str) -> None:
    """Refuse an identifier that its source cannot have.

    Args:
        prefix: What the fields' names begin with: "", or a message's field and a dot.

    Raises:
        Invalid: the source is unset, or the identifier is not of its form.
    """
    violations: list[FieldViolation] = []
    if not source:
        violations.append(FieldViolation(f"{prefix}{source_field}", "REQUIRED", "is required"))
    violations += identifier_rules.check_external_id(f"{prefix}external_id", source, external_id)
    if violations:
        raise Invalid(violations)


def require_symbol_name(request: Any) -> None:
    """Refuse a GetSymbolRequest that does not name a symbol by its id or by an identifier.

    Raises:
        Invalid: the request has neither or both, or what it has is not of its form.
    """
    if not (request.data_source or request.external_id):
        require_key(SYMBOL, request.symbol_id)
        return
    if request.symbol_id:
        message = "give symbol_id, or data_source and external_id"
        raise Invalid([FieldViolation("symbol_id", "REQUIRED", message)])
    require_external_id("", "data_source", request.data_source, request.external_id)
