"""What a question to the registry may end with, named for what to do about it.

CqarError
├── NotFound         nothing of that name; `reason` says what is missing
├── InvalidRequest   it can never be answered as asked; `violations` says why
├── Denied           no key, or not one that may
├── Unsupported      the server asked does not answer this
├── EpochChanged     the registry began a new history: forget what was read, read anew
├── NotKept          so far back nothing is kept: read anew, then watch from there
├── Busy             too much at once: wait, then ask again
├── NotReady         nobody answers, or cannot yet: try again, or elsewhere
├── TimedOut         no answer within the time given
└── StepsUnknown     a helper needs a step or a size that nobody knows
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from google.rpc import code_pb2, error_details_pb2, status_pb2


class Violation(NamedTuple):
    """One thing wrong with a request: which field, which rule (stable), and in words."""

    field: str
    reason: str
    message: str


class CqarError(Exception):
    """Parent of all; itself only where the server erred.

    Attributes:
        reason: Stable, for programs, such as VENUE_SYMBOL_NOT_FOUND; empty where nobody said one.
        advice: What to do.
    """

    advice = ""

    def __init__(self, text: str, reason: str = "", violations: tuple[Violation, ...] = ()) -> None:
        is_said = self.advice.partition(",")[0] in text
        super().__init__(text if is_said else f"{text}; {self.advice}")
        self.reason = reason
        self.violations = violations


class NotFound(CqarError):
    """Nothing of that name. `reason` says what is missing: VENUE_NOT_FOUND or ASSET_NOT_FOUND."""


class InvalidRequest(CqarError):
    """It can never be answered as asked; `violations` names every field that is wrong."""


class Denied(CqarError):
    """No key, one that is not valid, or one whose role does not suffice."""

    advice = "give a key that may, as key=…"


class Unsupported(CqarError):
    """The server asked does not answer this: another service, or a later release."""


class EpochChanged(CqarError):
    """The registry began a new history; what was read before may never have been kept.

    What the client session is forgotten: asked again, it answers from the new history.
    """

    advice = "forget what you read before, and ask again"


class NotKept(CqarError):
    """So far back nothing is kept."""

    advice = "read anew, then watch from there"


class Busy(CqarError):
    """More was asked for at once than one caller, or one answer, may have."""

    advice = "wait, or ask for less"


class NotReady(CqarError):
    """Nobody answers there, or cannot yet. Asked a few times already, where there was time."""

    advice = "try again, or at another resolver"


class TimedOut(CqarError):
    """No answer within the time that was given."""

    advice = "try again, or give it more time"


class StepsUnknown(CqarError):
    """A helper needs a step or a size that nobody knows: do not send this order."""


def closed_error() -> CqarError:
    """What was closed is asked."""
    return CqarError("it is closed: make another")


_CODE = code_pb2
#: Status -> what it means for a question. ABORTED has but one meaning for a read.
_ERROR_BY_CODE: Final[dict[int, type[CqarError]]] = {
    _CODE.NOT_FOUND: NotFound,
    _CODE.INVALID_ARGUMENT: InvalidRequest,
    _CODE.UNAUTHENTICATED: Denied,
    _CODE.PERMISSION_DENIED: Denied,
    _CODE.UNIMPLEMENTED: Unsupported,
    _CODE.FAILED_PRECONDITION: Unsupported,
    _CODE.ABORTED: EpochChanged,
    _CODE.OUT_OF_RANGE: NotKept,
    _CODE.RESOURCE_EXHAUSTED: Busy,
    _CODE.UNAVAILABLE: NotReady,
    _CODE.DEADLINE_EXCEEDED: TimedOut,
}


def error_of_status(status: status_pb2.Status) -> CqarError:
    """What a server said, as an exception."""
    reason, violations = "", tuple[Violation, ...]()
    for detail in _details(status):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            reason = detail.reason
        else:
            found = detail.field_violations
            violations = tuple(Violation(v.field, v.reason, v.description) for v in found)
    return error_of_code(status.code, status.message, reason, violations)


def error_of_code(
    code: int, text: str, reason: str = "", violations: tuple[Violation, ...] = ()
) -> CqarError:
    """The same, where a number and a sentence are all that is known."""
    return _ERROR_BY_CODE.get(code, CqarError)(text, reason, violations)


def _details(status: status_pb2.Status) -> Iterator[Any]:
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            detail = kind()
            if packed.Unpack(detail):
                yield detail
