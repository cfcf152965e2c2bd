"""Whether what a table's row was found by is what its entity says.

Entities are covered by the registry's hashes; the tables that they are looked up in are not. So an
entity that a lookup finds must itself have the values that were looked up. What is missing from a
table cannot be seen by a lookup: `cqar audit verify` finds that.
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

#: What a message holds as its column does; decimals and instants it holds in forms of their own.
_PLAIN: Final = (str, int, bool)
LISTING_TERMS: Final = "listing_terms"

Values = Iterable[tuple[Any, ...]]


def altered(table: str, key: str) -> DataLoss:
    """The error to raise; it is logged here, since whoever is answered is no operator."""
    error = DataLoss(table, key)
    log.error("%s", error)
    return error


def require_own(kind: AnyKind, key: str, payload: bytes) -> Message:
    """The message of an entity that stands under a key in `current`.

    Raises:
        DataLoss: It is no message of its kind, or another entity's.
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
    """See that an entity is filed where it was found.

    Raises:
        DataLoss: It is filed elsewhere, by what it says itself.
    """
    message = require_own(kind, key, payload)
    if tuple(values) not in _values_of(kind.name, lookup)(message, payload):
        raise altered(kind.lookups[lookup].table or kind.table, key)


@cache
def _values_of(kind_name: str, lookup_name: str) -> Callable[[Message, bytes], Values]:
    """All the tuples that an entity is found under: of its message where that says them plainly."""
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

    def stated(message: Message, _: bytes) -> Values:
        return (
            tuple(getattr(message, name) if message.HasField(name) else None for name in names),
        )

    return stated


def require_terms(listing_id: str, since: dt.datetime, payload: bytes) -> None:
    """See that a row of `listing_terms` holds its listing, as from its instant on.

    Raises:
        DataLoss: It does not.
    """
    try:
        listing: Any = VENUE_SYMBOL.message.FromString(payload)
    except DecodeError:
        raise altered(LISTING_TERMS, listing_id) from None
    # What was there before terms had an instant says none.
    stated = moment_of(listing.terms_since) if listing.HasField("terms_since") else since
    if (listing.listing_id, stated) != (listing_id, since):
        raise altered(LISTING_TERMS, listing_id)


def require_pointing(
    kind: AnyKind, table: str, key: str, payload: bytes, target: tuple[str, str]
) -> None:
    """See that an entity points at another, as a row of a table says.

    Raises:
        DataLoss: It does not.
    """
    require_own(kind, key, payload)
    if target not in {ref for _, ref in kind.refs_of(entity_codec.decode(kind, payload))}:
        raise altered(table, key)
