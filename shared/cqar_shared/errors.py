"""The errors that this project raises on purpose.

    RegistryError
    ├── ItemsRejected       the request can never succeed as sent
    │   ├── Invalid           one or more fields break a rule
    │   ├── EntityNotFound    no such entity
    │   ├── Exists            the entity exists already
    │   ├── InUse             another entity still refers to it
    │   ├── TooLarge          more than one request or revision may carry
    │   ├── Misdirected       another service answers this
    │   ├── Unimplemented     no release answers this yet
    │   ├── Unauthenticated   no key, or one that is not valid
    │   └── Forbidden         the key's role does not suffice
    ├── Conflict            the entity was changed since; read it again, then retry
    │   ├── MovedOn           what a finding is about is no longer as it says
    │   └── AlreadyDecided    a finding was decided before
    ├── EpochEnded          the history asked about was replaced; read again
    ├── OutOfRange          history that far back is not kept; read anew
    ├── TooMany             this caller asks for too much at once; wait, then retry
    ├── DataLoss            stored data contradicts itself; an operator must look
    └── ServiceNotReady     this process cannot answer yet; try another one
        └── Fenced            its database is no longer the registry's
    StartupError            this process cannot start as it is set up
    ├── InvalidConfiguration  a setting, or a file that it names, cannot be used
    └── MissingExtra          a package is not installed

Domain code raises these and never touches gRPC. `cqar_shared.rpc.error_mapping` is the only place
that turns them into status codes. Programs print a `StartupError` and exit with code 1.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What is told of what is wrong with one request, or with one item of it; and of each.
VIOLATIONS_MAX: Final = 100
FIELD_CHARS_MAX: Final = 200
MESSAGE_CHARS_MAX: Final = 500
#: Where an ErrorInfo's metadata names, as JSON, what is spelled nearly like what was not found.
NEAR: Final = "near"


class FieldViolation(NamedTuple):
    """One finding of a rule: which field, which rule (stable, for programs), and in words."""

    field: str
    reason: str
    message: str


def _brief(violation: FieldViolation) -> FieldViolation:
    """A value that it quotes may be as long as a request."""
    field, _, message = violation
    if len(field) <= FIELD_CHARS_MAX and len(message) <= MESSAGE_CHARS_MAX:
        return violation
    return violation._replace(field=field[:FIELD_CHARS_MAX], message=message[:MESSAGE_CHARS_MAX])


class RegistryError(Exception):
    """Parent of every error this project raises on purpose."""

    #: Stable, machine-readable name; clients switch on it, so it never changes.
    reason = "INTERNAL"


class ItemsRejected(RegistryError):
    """The request can never succeed as sent."""


class Invalid(ItemsRejected):
    """One or more fields break a rule.

    The first `VIOLATIONS_MAX` findings are told.
    """

    reason = "INVALID"

    def __init__(self, violations: Iterable[FieldViolation]) -> None:
        self.violations = tuple(map(_brief, islice(violations, VIOLATIONS_MAX)))
        super().__init__("; ".join(f"{v.field}: {v.message}" for v in self.violations))


class EntityNotFound(ItemsRejected):
    """No such entity. `reason` says what was missing, such as VENUE_NOT_FOUND.

    Attributes:
        near: What is spelled nearly so: a hint.
    """

    reason = "NOT_FOUND"
    near: tuple[str, ...] = ()

    def __init__(self, kind: str, what: str, among: str = "") -> None:
        super().__init__(f"no {kind.replace('_', ' ')} {what!r}{among and ' ' + among}")
        self.reason = f"{kind.upper()}_NOT_FOUND"


class Exists(ItemsRejected):
    """It is there already."""

    reason = "EXISTS"


class InUse(ItemsRejected):
    """Another entity still refers to it."""

    reason = "IN_USE"


class TooLarge(ItemsRejected):
    """More than one request or one revision may carry."""

    reason = "TOO_LARGE"


class Misdirected(ItemsRejected):
    """Another service answers this; the message says which."""

    reason = "WRONG_SERVICE"


class Unimplemented(ItemsRejected):
    """Part of the contract, and not answered by this release."""

    reason = "UNIMPLEMENTED"


class Unauthenticated(ItemsRejected):
    """No API key, or one that is unknown, expired or revoked."""

    reason = "UNAUTHENTICATED"


class Forbidden(ItemsRejected):
    """The key's role does not suffice."""

    reason = "FORBIDDEN"


class Conflict(RegistryError):
    """The entity moved on; read it again, then retry."""

    reason = "REVISION_CONFLICT"


class MovedOn(Conflict):
    """What a finding is about is no longer as it says; read it again, then decide."""

    reason = "MOVED_ON"


class AlreadyDecided(Conflict):
    """The finding was decided before, or is superseded."""

    reason = "ALREADY_DECIDED"


class EpochEnded(RegistryError):
    """The history asked about was replaced; read again without a minimum."""

    reason = "EPOCH_CHANGED"


class OutOfRange(RegistryError):
    """So far back nothing is kept; read anew, then go on from there."""

    reason = "NOT_KEPT"


class TooMany(RegistryError):
    """This caller asks for too much at once; wait, then retry."""

    reason = "RATE_LIMITED"


class DataLoss(RegistryError):
    """A table's row does not say what the entity it belongs to says: it was altered.

    Attributes:
        table: Which table.
    """

    reason = "DATA_LOSS"

    def __init__(self, table: str, key: str) -> None:
        super().__init__(
            f"the table {table} does not say what its entity says, at {key!r}: an operator must"
            " run `cqar audit verify`"
        )
        self.table = table


class ServiceNotReady(RegistryError):
    """This process cannot answer yet; try another one."""

    reason = "NOT_READY"


class Fenced(ServiceNotReady):
    """This writer's database is an older one of the registry; try another writer."""

    reason = "FENCED"


class StartupError(Exception):
    """This process cannot start as it is set up; the message says what to change."""


class InvalidConfiguration(StartupError):
    """A setting, or a file that it names, cannot be used. No message contains a secret."""


class MissingExtra(StartupError):
    """A package is not installed; the message names the extra that installs it."""
