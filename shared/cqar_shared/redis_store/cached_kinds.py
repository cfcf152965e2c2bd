"""Which entities and lists are cached, under which keys, and for how long."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf.message import DecodeError

from cqar_shared.domain.kind import AnyKind
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.quality_flag import QUALITY_FLAG
from cqar_shared.domain.kinds.symbol import SYMBOL
from cqar_shared.domain.kinds.venue import VENUE
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from cqar_shared.redis_store.cache import VALUE_BYTES_MAX
from cqar_shared.redis_store.cache_format import Value

log = logging.getLogger(__name__)


class CachedKind(NamedTuple):
    """What is cached under one prefix.

    Attributes:
        lookup: The lookup of a cached list; empty for one entity by its key.
        answer: The message with the list, in its field `field`.
    """

    kind: AnyKind
    prefix: str
    minutes: int
    lookup: str = ""
    answer: Any = None
    field: str = ""

    def key(self, values: Iterable[str]) -> str:
        return ":".join((self.prefix, *values))

    def value(self, messages: list[Any]) -> Value:
        """Encode a list, or an entity; one that does not exist is an empty value."""
        if self.lookup:
            payload = self.answer(**{self.field: messages}).SerializeToString()
        else:
            payload = b"".join(message.SerializeToString() for message in messages)
        return Value(payload if len(payload) <= VALUE_BYTES_MAX else None, self.minutes * 60)

    def messages(self, payload: bytes) -> list[Any]:
        if self.lookup:
            return list(getattr(self.answer.FromString(payload), self.field))
        return [self.kind.message.FromString(payload)] if payload else []


ENTRIES: Final = {
    (entry.kind.name, entry.lookup): entry
    for entry in (
        CachedKind(ASSET, "asset", 60),
        CachedKind(SYMBOL, "symbol", 60),
        CachedKind(VENUE, "venue", 60),
        CachedKind(VENUE_ASSET, "venue_asset", 15),
        CachedKind(
            *(VENUE_SYMBOL, "venue_symbol", 15, "spelling"),
            *(pb.ListVenueSymbolsResponse, "venue_symbols"),
        ),
        CachedKind(QUALITY_FLAG, "quality_flags", 5, "asset", pb.ListQualityFlagsResponse, "flags"),
    )
}


def decoded(entry: CachedKind, payload: bytes) -> list[Any] | None:
    """Decode a value; None if it cannot be read, so that PostgreSQL is asked."""
    try:
        return entry.messages(payload)
    except DecodeError:
        log.warning("a value of %s in Redis is not a message", entry.prefix)
        return None
