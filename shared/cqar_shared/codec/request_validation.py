"""What can be a key of a kind, judged before anything is looked up."""

from __future__ import annotations

import datetime as dt
from typing import Any

from cqar_shared.codec import entity_codec
from cqar_shared.domain import rules
from cqar_shared.domain.kind import AnyKind
from cqar_shared.errors import FieldViolation, Invalid


def require_key(kind: AnyKind, key: str) -> None:
    """Refuse what cannot be a key, with the field's name.

    Raises:
        Invalid: It is empty, or no UUID where keys are UUIDs.
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
    """Refuse what is no id.

    Raises:
        Invalid: It is empty or no UUID.
    """
    if violations := list(rules.check_uuid(field, value)):
        raise Invalid(violations)


def require_filter(field: str, value: str) -> None:
    """Refuse a filter that cannot be an id; an empty one filters nothing."""
    if value:
        require_id(field, value)


def require_one(request: Any, *fields: str) -> None:
    """Refuse a request that names what it means twice, or not at all."""
    if sum(bool(getattr(request, field)) for field in fields) != 1:
        message = f"give one of {' and '.join(fields)}"
        raise Invalid([FieldViolation(fields[0], "REQUIRED", message)])


def as_of_moment(request: Any, now: dt.datetime) -> dt.datetime | None:
    """Return the moment that an answer is wanted as of; None for now.

    Raises:
        Invalid: The moment cannot be stored, or has not come yet.
    """
    moment = entity_codec.instant_in(request, "as_of")
    if moment is not None and moment > now:
        raise Invalid([FieldViolation("as_of", "FUTURE", "has not come yet")])
    return moment
