"""What spellings mean, as bytes, each worked out once until something it rests on changes. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cqc.resolver.v1 import resolver_pb2 as pb

from resolver import answers
from resolver.reading import Basis
from resolver.remembered import Made, Memory, Noting, Remembered
from shared import rules
from shared.errors import Invalid, NotFound, Violation
from shared.instant import Instant

#: Of a message's first field that is a message: `ResolveResponse.resolution` and each of
#: `ResolveBatchResponse.resolutions`.
_FIRST: Final = b"\x0a"
#: `Resolution.freshness` and `ResolveBatchResponse.freshness`.
_FRESHNESS: Final = b"\x4a"
_BATCH_FRESHNESS: Final = b"\x12"
#: No spelling that there may be is longer: others are not remembered.
QUESTION_BYTES_MAX: Final = 1024


class Resolutions:
    """Answers to (venue, spelling), by the bytes of a VenueSymbolKey.

    Those of a ResolveRequest without `as_of` are the same.
    """

    def __init__(self) -> None:
        self._remembered = Remembered()

    def of(self, question: bytes, memory: Memory, stale: pb.Reason | None, now_ns: int) -> Made:
        """The answer, made before or now."""
        known = self.known(question, memory, now_ns) if stale is None else None
        return known or self.make(question, memory, stale, now_ns)

    def known(self, question: bytes, memory: Memory, now_ns: int, until_ns: int = 0) -> Made | None:
        """The answer, if it was made before and still holds; for who may trust this memory.

        Args:
            until_ns: And holds at any instant before this one.
        """
        return self._remembered.find(question, memory, now_ns, until_ns)

    def make(self, question: bytes, memory: Memory, stale: pb.Reason | None, now_ns: int) -> Made:
        """The answer, where that there is none is one, too; remembered unless it may be stale.

        Only for these very bytes: a key that says more than one knows of is no other's question.
        """
        key = pb.VenueSymbolKey.FromString(question)
        key.DiscardUnknownFields()
        noting, now = Noting(memory), Instant(now_ns)
        found = resolve_or_say_why(Basis(noting, pb.Freshness(), stale), key, now)
        made = Made(
            framed(_FIRST, found.SerializeToString()),
            tuple(reason.code for reason in found.tradeable.open.reasons),
            noting.things,
            memory.position.revision,
            now,
            is_found=not found.HasField("not_found"),
        )
        is_whole = len(question) <= QUESTION_BYTES_MAX and key.SerializeToString() == question
        if stale is None and is_whole:
            self._remembered.keep(question, memory, made)
        return made


Resolving = Callable[[Basis, str, str, Instant], pb.Resolution]


def resolve_or_say_why(
    basis: Basis, key: pb.VenueSymbolKey, at: Instant, how: Resolving = answers.resolve
) -> pb.Resolution:
    """One answer of a batch, where a miss is an answer too."""
    try:
        require_spelling(key.venue_id, key.venue_symbol)
        return how(basis, key.venue_id, key.venue_symbol, at)
    except (NotFound, Invalid) as error:
        reason = pb.Reason(code=error.reason, message=str(error))
        return pb.Resolution(status=pb.RESOLUTION_STATUS_NOT_FOUND, not_found=reason)


def require_spelling(venue_id: str, spelling: str) -> None:
    """Refuse what no venue or spelling can be.

    Raises:
        Invalid: With both fields' violations.
    """
    violations: list[Violation] = [
        *rules.check_slug("venue_id", venue_id),
        *rules.check_printable("venue_symbol", spelling),
    ]
    if violations:
        raise Invalid(violations)


def told(freshness: pb.Freshness) -> bytes:
    """How current a ResolveResponse is, to stand behind its resolution.

    Of a message that is stated twice, parsers merge the parts.
    """
    return framed(_FIRST, framed(_FRESHNESS, freshness.SerializeToString()))


def batch_response(made: list[Made], freshness: pb.Freshness) -> bytes:
    """A ResolveBatchResponse."""
    said = framed(_BATCH_FRESHNESS, freshness.SerializeToString())
    return b"".join([*[one.framed for one in made], said])


def framed(tag: bytes, message: bytes) -> bytes:
    """A field that holds a message."""
    size, length = len(message), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return b"".join((tag, length, message))
