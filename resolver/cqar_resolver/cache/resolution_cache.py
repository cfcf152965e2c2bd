"""What spellings mean, as bytes, each worked out once until something it rests on changes. Pure."""

from __future__ import annotations

from typing import Final

from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.cache.answer_cache import (
    AnswerCache,
    CachedAnswer,
    RecordingReader,
    VersionedReader,
)
from cqar_resolver.queries.resolution import resolve_or_miss
from cqar_shared.domain.instant import Instant
from cqar_shared.queries.query import QueryContext

#: Of a message's first field that is a message: `ResolveResponse.resolution` and each of
#: `ResolveBatchResponse.resolutions`.
_FIRST: Final = b"\x0a"
#: `Resolution.freshness` and `ResolveBatchResponse.freshness`.
_FRESHNESS: Final = b"\x4a"
_BATCH_FRESHNESS: Final = b"\x12"
#: No spelling that there may be is longer: others are not remembered.
QUESTION_BYTES_MAX: Final = 1024


class ResolutionCache:
    """Answers to (venue, spelling), by the bytes of a VenueSymbolKey.

    Those of a ResolveRequest without `as_of` are the same.
    """

    def __init__(self) -> None:
        self._remembered = AnswerCache()

    def of(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """The answer, made before or now."""
        known = self.known(question, memory, now_ns) if stale is None else None
        return known or self.make(question, memory, stale, now_ns)

    def known(
        self, question: bytes, memory: VersionedReader, now_ns: int, until_ns: int = 0
    ) -> CachedAnswer | None:
        """The answer, if it was made before and still holds; for who may trust this memory.

        Args:
            until_ns: And holds at any instant before this one.
        """
        return self._remembered.find(question, memory, now_ns, until_ns)

    def make(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """The answer, where that there is none is one, too; remembered unless it may be stale.

        Only for these very bytes: a key that says more than one knows of is no other's question.
        """
        key = pb.VenueSymbolKey.FromString(question)
        key.DiscardUnknownFields()
        reader, now = RecordingReader(memory), Instant(now_ns)
        context = QueryContext(reader, stale)
        found = resolve_or_miss(context, key.venue_id, key.venue_symbol, now)
        made = CachedAnswer(
            encoded(_FIRST, found.SerializeToString()),
            tuple(reason.code for reason in found.tradeable.open.reasons),
            reader.things,
            memory.position.revision,
            now,
            is_found=not found.HasField("not_found"),
        )
        is_whole = len(question) <= QUESTION_BYTES_MAX and key.SerializeToString() == question
        if stale is None and is_whole:
            self._remembered.keep(question, memory, made)
        return made


def encode_freshness(freshness: pb.Freshness) -> bytes:
    """How current a ResolveResponse is, to stand behind its resolution.

    Of a message that is stated twice, parsers merge the parts.
    """
    return encoded(_FIRST, encoded(_FRESHNESS, freshness.SerializeToString()))


def batch_response(made: list[CachedAnswer], freshness: pb.Freshness) -> bytes:
    """A ResolveBatchResponse."""
    said = encoded(_BATCH_FRESHNESS, freshness.SerializeToString())
    return b"".join([*[one.framed for one in made], said])


def encoded(tag: bytes, message: bytes) -> bytes:
    """A field that holds a message."""
    size, length = len(message), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"".join((tag, length, message))
