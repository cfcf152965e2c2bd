"""What every kind of entity declares, and what the rules of a kind may see.

A `Kind` holds types, names and pure functions. The codec, the writer's transactions, the outbox,
the events and the resolver's snapshot are written once, against `Kind`: a new kind adds no code
to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from cqar_shared.errors import FieldViolation

if TYPE_CHECKING:
    import datetime as dt

    from google.protobuf.message import Message


class Entity(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immutable domain value. Its field names are those of its message and its table.

    It cannot be part of a reference cycle, so the garbage collector ignores it (`gc=False`).
    """


E = TypeVar("E", bound=Entity)

#: (table name, column -> value).
Row = tuple[str, dict[str, Any]]
#: (kind name, key).
Ref = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lookup(Generic[E]):
    """A way to find entities by some of their values.

    Attributes:
        columns: Columns that hold the values in PostgreSQL, and the entity's fields unless
            `values` is given.
        table: The child table that has the columns; empty for the kind's own table.
        values: Returns every tuple of values under which an entity is found.
    """

    columns: tuple[str, ...]
    table: str = ""
    values: Callable[[E], Iterable[tuple[Any, ...]]] | None = None
    _of_columns: Callable[[E], Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_of_columns", attrgetter(*self.columns))

    def values_of(self, entity: E) -> Iterable[tuple[Any, ...]]:
        if self.values is not None:
            return self.values(entity)
        found = self._of_columns(entity)
        return (found if len(self.columns) > 1 else (found,),)


def by(*fields: str) -> Lookup[Any]:
    return Lookup(fields)


class Event(NamedTuple):
    """A domain event about a part of the entity: its name, and message field -> part."""

    name: str
    facts: Mapping[str, Any]


class RegistryView(Protocol):
    """What a rule may read besides the entity: the registry as of this change.

    The caller loads what the rules asked for and runs them again, until they ask for nothing new.
    So a rule must be pure, and needs no list of what it reads.
    """

    now: dt.datetime
    #: The change describes the past: expired instruments and ended periods are accepted.
    historical: bool
    #: Since when the terms of a listing are as the change says; None means now.
    as_of: dt.datetime | None
    #: What is so already is noted, too: that it was stated to be so.
    confirms: bool

    def get(self, kind: str, key: str) -> Any | None:
        """Return the live entity, or None."""

    def find(self, kind: str, lookup: str, *values: Any) -> Iterable[Any]:
        """Return the live entities that are found under these values of the lookup."""


Check = Callable[[E | None, E, RegistryView], Iterator[FieldViolation]]


def _no_existing(_: Any, __: RegistryView) -> None:
    return None


def _as_given(_: Any, given: Any, __: RegistryView) -> Any:
    return given


def _as_stored(entity: Any, _: dt.datetime) -> Any:
    return entity


def checked_as_it_is(check: Check[Any]) -> Check[Any]:
    """Make the rule of an entity that refers to something else from now on, and stays what it is.

    It is checked as an update of itself: what is wrong in it is found, and no field has changed.
    """
    return lambda _, after, registry: check(after, after, registry)


def _no_removal_rule(_: Any, __: RegistryView) -> Iterator[FieldViolation]:
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[E]):
    """One kind of entity, on the wire, in PostgreSQL and in memory.

    Attributes:
        name: Singular snake_case noun: field of `ApplyItem`, key space, metric label.
        key: The fields that identify an entity, joined by "/". If the only one is empty on
            creation, the entity gets a fresh UUID, unless `existing` finds an entity.
        referents: Field -> the kind it refers to; `members.asset_id` means that field of each
            member. An unset field refers to nothing.
        about: Field -> the kind of what it is about. Who states it as of a revision is refused if
            that changed later: what is said of it may not be so any more.
        lookups: Name -> how entities are found: by an index in PostgreSQL, by a dictionary in a
            snapshot.
        table: Name of the relational projection (`cqar_shared.sql.tables`). Its columns are the
            struct's fields.
        slugs: Fields of the key that a person chooses; the others are UUIDs.
        children: Rows of `child_tables`, replaced together with the entity.
        prefetch_lookups: Lookups that its rules always ask for, by the values of the entity that
            is evaluated. They are loaded before the rules run, so that the rules run once.
        check: The violations of replacing `before` (None: creating) by `after`.
        present: The entity as it is at an instant, which may have passed what was announced; an
            EVOLVE continues from there.
        past: The entity as an upsert says that it was before what is known of it now.
        complete: Fills the fields that follow from the others, such as a symbol's text.
        existing: The entity that an upsert without a key means, or None.
        check_relinked: The violations of replacing `before` by `after`, which is the same thing and
            refers to others, since two assets were merged or taken apart; None: nothing that it
            refers to can be merged.
        check_removal: The violations of removing it, other than that something refers to it.
        event: (before, after) -> the name of the domain event; an `Event` if it carries more
            than the entity; None for no event.
        derived: Message fields that are computed from the entity and never stored.
        recreatable: Whether creating it again reopens it, instead of being refused.
        exported: Whether Export, Watch and History include it.
        client_writable: Whether Apply accepts it; otherwise only the writer makes it.
        archives: Whether it leaves snapshots and lists some time after its end.
        resident: Whether resolvers hold it. An entity of another kind is only in PostgreSQL: from
            its beginning it is stored as archived entities are, neither counted nor hashed.
    """

    name: str
    entity: type[E]
    message: type[Message]
    key: tuple[str, ...]
    table: str
    check: Check[E]
    event: Callable[[E | None, E | None], str | Event | None]
    referents: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, str] = field(default_factory=dict)
    lookups: Mapping[str, Lookup[E]] = field(default_factory=dict)
    prefetch_lookups: tuple[str, ...] = ()
    children: Callable[[E], Iterable[Row]] = lambda _: ()
    child_tables: tuple[str, ...] = ()
    slugs: frozenset[str] = frozenset()
    complete: Callable[[E | None, E, RegistryView], E] = _as_given
    existing: Callable[[E, RegistryView], E | None] = _no_existing
    check_relinked: Check[E] | None = None
    check_removal: Callable[[E, RegistryView], Iterator[FieldViolation]] = _no_removal_rule
    derived: Mapping[str, Callable[[E], Any]] = field(default_factory=dict)
    exported: bool = True
    client_writable: bool = True
    archives: bool = False
    resident: bool = True
    present: Callable[[E, dt.datetime], E] = _as_stored
    past: Callable[[E | None, E, RegistryView], tuple[E, ...]] = lambda *_: ()
    recreatable: Callable[[E], bool] = lambda _: False

    def key_of(self, entity: E) -> str:
        return "/".join(getattr(entity, name) for name in self.key)

    def parts_of(self, key: str) -> list[str]:
        """Split a key into its fields; only the last one may contain a slash."""
        return key.split("/", len(self.key) - 1)

    @property
    def keyed_by_uuid(self) -> bool:
        """Whether a new entity without a key gets a fresh UUID."""
        return self.key[0] not in self.slugs

    def refs_of(self, entity: E) -> Iterator[tuple[str, Ref]]:
        """Yield (field, entity that it refers to) for every referent that is set."""
        for name, kind in self.referents.items():
            outer, _, inner = name.partition(".")
            if not inner:
                if key := getattr(entity, name):
                    yield name, (kind, key)
                continue
            for place, part in enumerate(getattr(entity, outer)):
                yield f"{outer}[{place}].{inner}", (kind, getattr(part, inner))


AnyKind = Kind[Any]


def lifecycle(
    created: str, updated: str, removed: str
) -> Callable[[Any | None, Any | None], str | None]:
    """Make the `event` function of a kind that has only these three events."""

    def event(before: Any | None, after: Any | None) -> str | None:
        if before is None:
            return created
        return removed if after is None else updated

    return event
