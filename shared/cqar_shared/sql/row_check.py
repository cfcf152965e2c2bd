"""Checks that an entity has the values of the row by which it was found.

The registry's hashes cover entities, but not the tables for lookups. So an entity that a lookup
finds must itself have the looked-up values. A lookup cannot detect a missing row; `cqar audit
verify` does.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from cqar_shared.codec import entity_codec
from cqar_shared.codec.field_map import fields_of
from cqar_shared.domain.instant import moment_of
from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds import KIND_BY_NAME
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.errors import DataLoss

log = logging.getLogger(__name__)

#: Types with the same form in message and column, unlike decimals and instants.
_PLAIN: Final = (str, int, bool)
LISTING_TERMS: Final = "listing_terms"

Values = Iterable[tuple[Any, ...]]


def altered(table: str, key: str) -> DataLoss:
    """Make the error to raise, and log it: the caller is usually not an operator."""
    error = DataLoss(table, key)
    log.error("%s", error)
    return error


def require_own(kind: AnyKind, key: str, payload: bytes) -> Message:
    """Decode an entity of `current`.

    Raises:
        DataLoss: the payload is not a message of the kind, or is another entity.
    """
    try:
        message = kind.message.FromString(payload)
    except DecodeError:
        raise altered("current", f"{kind.name} {key}") from None
    if kind.key_of(message) != key:
        raise altered("current", f"{kind.name} {key}")
    return message


def require_filed(
    kind: AnyKind, lookup: str, values: Sequence[Any], key: str, payload: bytes
) -> None:
    """Check that an entity has the values by which a lookup found it.

    Raises:
        DataLoss: the entity has other values.
    """
    message = require_own(kind, key, payload)
    if tuple(values) not in _values_of(kind.name, lookup)(message, payload):
        raise altered(kind.lookups[lookup].table or kind.table, key)


@cache
def _values_of(kind_name: str, lookup_name: str) -> Callable[[Message, bytes], Values]:
    """Return a function for an entity's lookup values, from its message if that has them."""
    kind = KIND_BY_NAME[kind_name]
    lookup = kind.lookups[lookup_name]
    if lookup.values is not None:
        of_message = lookup.values
        return lambda message, _: list(of_message(message))
    known = {field.name: field for field in fields_of(kind.entity, kind.message.DESCRIPTOR).whole}
    if not all(
        isinstance(known[name].type, type) and issubclass(known[name].type, _PLAIN)
        for name in lookup.columns
    ):
        return lambda _, payload: list(lookup.values_of(entity_codec.decode(kind, payload)))
    names = lookup.columns

    def of_fields(message: Message, _: bytes) -> Values:
        return (
            tuple(getattr(message, name) if message.HasField(name) else None for name in names),
        )

    return of_fields


def require_terms(listing_id: str, since: dt.datetime, payload: bytes) -> None:
    """Check that a row of `listing_terms` holds its listing with terms since its instant.

    Raises:
        DataLoss: the row holds another listing, or terms of another instant.
    """
    try:
        listing: Any = VENUE_SYMBOL.message.FromString(payload)
    except DecodeError:
        raise altered(LISTING_TERMS, listing_id) from None
    # Terms that were stored by an old release have no instant.
    terms_since = moment_of(listing.terms_since) if listing.HasField("terms_since") else since
    if (listing.listing_id, terms_since) != (listing_id, since):
        raise altered(LISTING_TERMS, listing_id)


def require_pointing(
    kind: AnyKind, table: str, key: str, payload: bytes, target: tuple[str, str]
) -> None:
    """Check that an entity refers to another one, as a row says.

    Raises:
        DataLoss: the entity does not refer to it.
    """
    require_own(kind, key, payload)
    if target not in {ref for _, ref in kind.refs_of(entity_codec.decode(kind, payload))}:
        raise altered(table, key)
