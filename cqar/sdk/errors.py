"""The SDK's errors, named for what to do about them.

CqarError
├── NotFound         nothing of that name; `reason` says what is missing
├── InvalidRequest   the request can never be answered as asked; `violations` says why
├── Denied           no key, or a key without the right
├── Unsupported      this server does not answer this question
├── EpochChanged     the registry began a new history: forget what was read, read anew
├── NotKept          the revision is older than what is kept: read anew, then watch from there
├── Busy             too much at once: wait, then ask again
├── NotReady         no server answers, or not yet: try again, or elsewhere
├── TimedOut         no answer within the given time
├── StepsUnknown     a helper needs a step or a size that is not known
└── NotConvertible   no known successions lead from one asset to the other
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from google.rpc import code_pb2, error_details_pb2, status_pb2

from cqar_shared.errors import NEAR

if TYPE_CHECKING:
    from cqar.sdk.session_position import Position


class Violation(NamedTuple):
    """A field of a request that breaks a rule: `reason` names the rule and is stable."""

    field: str
    reason: str
    message: str


class CqarError(Exception):
    """Parent of all SDK errors. It is raised itself only where the server failed.

    Attributes:
        reason: Stable, for programs, such as VENUE_SYMBOL_NOT_FOUND; empty if the server gave none.
        advice: What to do.
        position: The registry position of the server that refused; None: not known.
    """

    advice = ""
    position: Position | None = None

    def __init__(self, text: str, reason: str = "", violations: tuple[Violation, ...] = ()) -> None:
        has_advice = self.advice.partition(",")[0] in text
        super().__init__(text if has_advice else f"{text}; {self.advice}")
        self.reason = reason
        self.violations = violations


class NotFound(CqarError):
    """Nothing has that name. `reason` says what is missing: VENUE_NOT_FOUND or ASSET_NOT_FOUND.

    Attributes:
        near: Spellings of the venue that differ by case or separators alone: a hint, no answer.
    """

    near: tuple[str, ...] = ()


class InvalidRequest(CqarError):
    """The request can never be answered as asked; `violations` names every field that is wrong."""


class Denied(CqarError):
    """The call has no API key, an invalid one, or one whose role does not suffice."""

    advice = "give a key that may, as key=…"


class Unsupported(CqarError):
    """This server does not answer the question: ask another service, or a later release."""


class EpochChanged(CqarError):
    """The registry began a new history: what was read before may have been lost.

    The client has forgotten its position. The next call answers from the new history.
    """

    advice = "forget what you read before, and ask again"


class NotKept(CqarError):
    """The revision asked for is older than what is kept."""

    advice = "read anew, then watch from there"


class Busy(CqarError):
    """The question exceeds what one caller, or one answer, may have at once."""

    advice = "wait, or ask for less"


class NotReady(CqarError):
    """No server answers, or not yet. The call was retried already, if there was time."""

    advice = "try again, or at another resolver"


class TimedOut(CqarError):
    """No answer came within the given time."""

    advice = "try again, or give it more time"


class StepsUnknown(CqarError):
    """A helper needs a step or a size that is not known: do not send this order."""


class AlreadyExists(CqarError):
    """What was to be made is there already."""


class ChangedMeanwhile(CqarError):
    """The entity changed after the revision that the change was made for: read it again."""


class Refused(CqarError):
    """The registry's state does not allow the change, such as a removal of what is in use."""


class NotConvertible(CqarError):
    """No successions that are known, with their rates, made the one asset the other by then."""


def closed_error() -> CqarError:
    """The error of a call to a closed client or replica."""
    return CqarError("it is closed: make another")


_CODE = code_pb2
#: gRPC status code -> error class. For a read, ABORTED means only that the epoch changed.
_ERROR_BY_CODE: Final[dict[int, type[CqarError]]] = {
    _CODE.NOT_FOUND: NotFound,
    _CODE.INVALID_ARGUMENT: InvalidRequest,
    _CODE.ALREADY_EXISTS: AlreadyExists,
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


#: What a refusal is called where it is of a change.
_OF_A_WRITE: Final[dict[type[CqarError], type[CqarError]]] = {
    EpochChanged: ChangedMeanwhile,
    Unsupported: Refused,
}


def error_of_write(error: CqarError) -> CqarError:
    """What an error of a call means of a call that changes something."""
    classes: dict[type[CqarError], type[CqarError]] = {
        EpochChanged: ChangedMeanwhile,
        Unsupported: Refused,
    }
    meant = classes.get(type(error))
    if meant is None:
        return error
    told = meant(str(error), error.reason, error.violations)
    told.position = error.position
    return told


def error_of_status(status: status_pb2.Status) -> CqarError:
    """The exception for a `google.rpc.Status`."""
    reason, violations, near = "", tuple[Violation, ...](), tuple[str, ...]()
    for detail in _details(status):
        if isinstance(detail, error_details_pb2.ErrorInfo):
            reason = detail.reason
            near = _near(detail.metadata.get(NEAR, "[]"))
        else:
            violations = tuple(
                Violation(v.field, v.reason, v.description) for v in detail.field_violations
            )
    error = error_of_code(status.code, status.message, reason, violations)
    if isinstance(error, NotFound):
        error.near = near
    return error


def _near(text: str) -> tuple[str, ...]:
    """The spellings that a server named; none if it named them in another form."""
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError:
        return ()


def error_of_code(
    code: int, text: str, reason: str = "", violations: tuple[Violation, ...] = ()
) -> CqarError:
    """The exception for a gRPC status code and a text."""
    return _ERROR_BY_CODE.get(code, CqarError)(text, reason, violations)


def _details(status: status_pb2.Status) -> Iterator[Any]:
    for packed in status.details:
        for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
            detail = kind()
            if packed.Unpack(detail):
                yield detail
