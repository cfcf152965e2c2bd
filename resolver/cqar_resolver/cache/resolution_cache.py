"""Resolutions as bytes, each worked out once until something that it rests on changes. Pure."""

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

#: The tag of a message's field 1 that is a message: `ResolveResponse.resolution` and each of
#: `ResolveBatchResponse.resolutions`.
_FIRST: Final = b"\x0a"
#: The tags of `Resolution.freshness` and `ResolveBatchResponse.freshness`.
_FRESHNESS: Final = b"\x4a"
_BATCH_FRESHNESS: Final = b"\x12"
#: No valid key is longer; the answers to longer ones are not kept.
QUESTION_BYTES_MAX: Final = 1024


class ResolutionCache:
    """Answers to (venue, spelling), by the bytes of a VenueSymbolKey.

    A ResolveRequest without `as_of` has the same bytes.
    """

    def __init__(self) -> None:
        self._cache = AnswerCache()

    def answer(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """Return the answer kept, or make it."""
        found = self.find(question, memory, now_ns) if stale is None else None
        return found or self.make(question, memory, stale, now_ns)

    def find(
        self, question: bytes, memory: VersionedReader, now_ns: int, until_ns: int = 0
    ) -> CachedAnswer | None:
        """Return the answer kept, if it still holds; memory must not be stale.

        Args:
            until_ns: The answer must also hold at any instant before this one.
        """
        return self._cache.find(question, memory, now_ns, until_ns)

    def make(
        self, question: bytes, memory: VersionedReader, stale: pb.Reason | None, now_ns: int
    ) -> CachedAnswer:
        """Make the answer; a miss is one, too. It is kept unless memory may be stale.

        It is kept for these very bytes only: a key with unknown fields asks something else.
        """
        key = pb.VenueSymbolKey.FromString(question)
        key.DiscardUnknownFields()
        reader, now = RecordingReader(memory), Instant(now_ns)
        context = QueryContext(reader, stale)
        resolution = resolve_or_miss(context, key.venue_id, key.venue_symbol, now)
        answer = CachedAnswer(
            encode(_FIRST, resolution.SerializeToString()),
            tuple(reason.code for reason in resolution.tradeable.open.reasons),
            reader.dependencies,
            memory.position.revision,
            now,
            is_found=not resolution.HasField("not_found"),
        )
        is_whole = len(question) <= QUESTION_BYTES_MAX and key.SerializeToString() == question
        if stale is None and is_whole:
            self._cache.keep(question, memory, answer)
        return answer


def encode_freshness(freshness: pb.Freshness) -> bytes:
    """Return a ResolveResponse with nothing but freshness, to be appended to its resolution.

    Parsers merge the parts of a message that occurs twice.
    """
    return encode(_FIRST, encode(_FRESHNESS, freshness.SerializeToString()))


def batch_response(answers: list[CachedAnswer], freshness: pb.Freshness) -> bytes:
    """Return a ResolveBatchResponse."""
    last = encode(_BATCH_FRESHNESS, freshness.SerializeToString())
    return b"".join([*[answer.encoded for answer in answers], last])


def encode(tag: bytes, message: bytes) -> bytes:
    """Return a field that holds a message."""
    size, length = len(message), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"".join((tag, length, message))
