"""Puts names beside the ids in a refusal: people know listings and assets by name."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, Final

from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar.admin.connection import CallFailed, Connection
from cqar.sdk.changes import MESSAGES

#: Ids of one error that are looked up.
LOOKED_UP_MAX: Final = 8
#: A kind and an id, as the registry's errors have them.
_REFERENCE: Final = re.compile(
    rf"\b({'|'.join(kind.replace('_', '[_ ]') for kind in sorted(MESSAGES, reverse=True))}) "
    r"'?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})'?"
)


def with_labels(error: CallFailed, connection: Connection) -> CallFailed:
    """Return the error with names beside ids; what cannot be looked up stays an id."""
    text = str(error)
    found = dict.fromkeys(_REFERENCE.findall(text))
    if not found:
        return error
    for kind, key in islice(found, LOOKED_UP_MAX):
        if label := _label(connection, kind.replace(" ", "_"), key):
            text = re.sub(rf"\b{kind} '?{key}'?", f"{kind} {label} ({key})", text)
    return error.reworded(text)


def _label(connection: Connection, kind: str, key: str) -> str:
    """What people call an entity; empty if its history cannot be read."""
    entity = pb.EntityRef(kind=kind, key=key)
    request = pb.HistoryRequest(entity=entity, page_size=1)
    try:
        response = connection.call(connection.admin.History, request)
    except CallFailed:
        return ""
    for entry in response.entries:
        message: Any = MESSAGES[kind].FromString(entry.after or entry.before)
        if kind == "venue_symbol":
            return f"{message.venue_id}/{message.venue_symbol}"
        return str(getattr(message, "symbol", "") or getattr(message, "name", ""))
    return ""
