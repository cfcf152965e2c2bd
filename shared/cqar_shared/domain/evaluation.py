"""Decides what a request would change, item by item. Pure: no I/O, no clock, no randomness.

Items are evaluated in three groups: removals of kinds that nothing refers to, so that a listing
can take the place of a removed one; then upserts, in the order of `KINDS` (a kind comes after those
that it refers to); then the other removals in reverse order. An item sees the effect of earlier
items.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import msgspec

from cqar_shared.domain.kind import AnyKind, Entity, Ref, RegistryView
from cqar_shared.domain.kinds import KINDS, MERGING
from cqar_shared.domain.working_set import LookupKey, Referrers, WorkingSet
from cqar_shared.errors import (
    MESSAGE_CHARS_MAX,
    Conflict,
    EntityNotFound,
    Exists,
    FieldViolation,
    InUse,
    Invalid,
    RegistryError,
)

#: How many referrers an `InUse` error names.
REFERRERS_NAMED: Final = 3


class ChangeIntent(enum.Enum):
    CREATE = enum.auto()  # the entity must not exist
    UPSERT = enum.auto()  # the entity may exist
    EVOLVE = enum.auto()  # the entity must exist
    REMOVE = enum.auto()  # the entity must exist
    # The entity is as given, and what it is stays: what it refers to was merged, or taken apart
    # again. No request states this; `asset_merge` and `asset_unmerge` alone do.
    RELINK = enum.auto()


class Result(enum.IntEnum):
    """Numbered as `cqc.writer.v1.OutcomeStatus`."""

    CREATED = 1
    UPDATED = 2
    UNCHANGED = 3
    DELETED = 4
    REJECTED = 5


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One change that a request asks for.

    Attributes:
        key: The entity's key; empty if `given` or `locate` identifies it.
        given: The entity in the request, for CREATE, UPSERT and RELINK.
        step: Returns the entity's next state, for EVOLVE.
        locate: Finds the entity of an EVOLVE, such as the open listing of a spelling.
        named: How the request names the entity, for the error if it does not exist.
        if_revision: Refuse if the entity, or what it is about, changed after this revision.
        fresh: The UUID that a new entity gets. The caller draws it, so that evaluation is pure.
        unreadable: Violations of fields that could not be decoded. The item is rejected with these
            and with what the rules say about the other fields.
    """

    kind: AnyKind
    intent: ChangeIntent
    key: str = ""
    given: Entity | None = None
    step: Callable[[Any], Entity] | None = None
    locate: Callable[[RegistryView], Entity | None] | None = None
    named: str = ""
    if_revision: int | None = None
    fresh: str = ""
    unreadable: Sequence[FieldViolation] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an item would change.

    Attributes:
        error: Why the item is rejected; None if it is not.
        past: The entity as it was at earlier instants, which the item tells of.
    """

    kind: AnyKind
    key: str
    result: Result
    before: Entity | None = None
    after: Entity | None = None
    error: RegistryError | None = None
    past: tuple[Entity, ...] = ()

    @property
    def changes(self) -> bool:
        return self.result in _CHANGING

    @property
    def violations(self) -> tuple[FieldViolation, ...]:
        if isinstance(self.error, Invalid):
            return self.error.violations
        if self.error is None:
            return ()
        return (FieldViolation("", self.error.reason, str(self.error)[:MESSAGE_CHARS_MAX]),)


_CHANGING: Final = frozenset({Result.CREATED, Result.UPDATED, Result.DELETED})
_ORDER: Final = {kind.name: place for place, kind in enumerate(KINDS)}
#: Kinds that another kind refers to.
REFERRED_TO: Final = {target for kind in KINDS for target in kind.referents.values()}


@dataclass(slots=True)
class Batch:
    """A request's items, and the order in which they are evaluated."""

    items: Sequence[Item]
    order: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.order = sorted(range(len(self.items)), key=self._place)

    def _place(self, index: int) -> tuple[int, int]:
        item = self.items[index]
        rank = _ORDER[item.kind.name]
        if item.intent is not ChangeIntent.REMOVE:
            # What was merged comes after what answers for it.
            is_merged = getattr(item.given, "merged_into", None) is not None
            return 0, 2 * rank + is_merged
        return 1 if item.kind.name in REFERRED_TO else -1, -rank

    def prefetch(self, registry: WorkingSet) -> None:
        """Ask for what the rules will ask for, by each kind's `prefetch_lookups`."""
        for item in self.items:
            kind, given = item.kind, item.given
            if given is None or not kind.prefetch_lookups:
                continue
            if key := kind.key_of(given):
                registry.want((kind.name, key))
            else:
                # Its id will be the fresh UUID, which no entity has.
                registry.know((kind.name, item.fresh), None)
            for _, ref in kind.refs_of(given):
                registry.want(ref)
            for name in kind.prefetch_lookups:
                for values in kind.lookups[name].values_of(given):
                    registry.want_found(LookupKey(kind.name, name, values))

    def judge(self, registry: WorkingSet) -> list[Outcome]:
        """Evaluate all items once; return their outcomes in the order of the request."""
        registry.begin_round()
        return self._judge_items(registry)

    def _judge_items(self, registry: WorkingSet) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        for index in self.order:
            outcomes[index] = outcome = judge(self.items[index], registry)
            if outcome.changes:
                registry.stage(outcome.kind, outcome.key, outcome.after)
        return [outcomes[index] for index in range(len(self.items))]


def judge(item: Item, registry: WorkingSet) -> Outcome:
    decide = {ChangeIntent.REMOVE: _remove, ChangeIntent.RELINK: _relink}.get(item.intent, _replace)
    try:
        return decide(item, registry)
    except RegistryError as error:
        key = item.key or (item.kind.key_of(item.given) if item.given else item.named)
        return Outcome(kind=item.kind, key=key, result=Result.REJECTED, error=error)


def _replace(item: Item, registry: WorkingSet) -> Outcome:
    kind = item.kind
    before, given = _before_and_given(item, registry)
    key = kind.key_of(given)
    _require_untouched(item, key, registry)
    after = _stamped(before, kind.complete(before, given, registry), registry)
    past = kind.past(before, given, registry)
    violations = [*_check_referents(kind, after, registry), *kind.check(before, after, registry)]
    for one in past:
        violations += [v for v in kind.check(before, one, registry) if v not in violations]
    if item.unreadable:
        # A field that could not be read is unset here, so what a rule says about it is wrong.
        unread = {_leaf(v.field) for v in item.unreadable}
        violations = [*item.unreadable, *(v for v in violations if _leaf(v.field) not in unread)]
    if violations:
        raise Invalid(violations)
    if after == before:
        result = Result.UPDATED if past else Result.UNCHANGED
    else:
        result = Result.CREATED if before is None else Result.UPDATED
        if before is not None:
            after = _set_if_there(after, updated_at=registry.now)
    return Outcome(kind=kind, key=key, result=result, before=before, after=after, past=past)


def _relink(item: Item, registry: WorkingSet) -> Outcome:
    """Let an entity refer to others. Nothing is completed or dated anew: it is as it is given."""
    kind, after = item.kind, item.given
    if after is None or kind.check_relinked is None:
        raise EntityNotFound(kind.name, item.key)
    key = kind.key_of(after)
    before = registry.get(kind.name, key)
    _require_untouched(item, key, registry)
    violations = [
        *_check_referents(kind, after, registry),
        *kind.check_relinked(before, after, registry),
    ]
    if violations:
        raise Invalid(violations)
    if after == before:
        return Outcome(kind=kind, key=key, result=Result.UNCHANGED, before=before, after=after)
    result = Result.CREATED if before is None else Result.UPDATED
    after = _set_if_there(after, updated_at=registry.now)
    return Outcome(kind=kind, key=key, result=result, before=before, after=after)


def _leaf(field: str) -> str:
    return field.removeprefix("exact.")


def _before_and_given(item: Item, registry: WorkingSet) -> tuple[Entity | None, Entity]:
    kind = item.kind
    if item.intent is ChangeIntent.EVOLVE:
        before = item.locate(registry) if item.locate else registry.get(kind.name, item.key)
        if before is None or item.step is None:
            raise EntityNotFound(kind.name, item.named or item.key)
        return before, item.step(kind.present(before, registry.now))
    if item.given is None:
        raise EntityNotFound(kind.name, item.named)
    given = item.given
    (id_field, *others) = kind.key
    if not others and not getattr(given, id_field):
        before = kind.existing(given, registry)
        key = kind.key_of(before) if before else item.fresh if kind.keyed_by_uuid else ""
        given = msgspec.structs.replace(given, **{id_field: key})
    else:
        before = registry.get(kind.name, kind.key_of(given))
    if before is not None and item.intent is ChangeIntent.CREATE and not kind.recreatable(before):
        raise Exists(f"{kind.name.replace('_', ' ')} {kind.key_of(before)!r} is there already")
    return before, given


def _stamped(before: Entity | None, after: Entity, registry: RegistryView) -> Entity:
    """Set the times that the registry keeps; those in the request are ignored."""
    return _set_if_there(
        after,
        created_at=getattr(before, "created_at", None) or registry.now,
        updated_at=getattr(before, "updated_at", None) or registry.now,
    )


def _set_if_there(entity: Entity, **values: Any) -> Entity:
    names = _fields_of(type(entity))
    known = {name: v for name, v in values.items() if name in names}
    return msgspec.structs.replace(entity, **known) if known else entity


@cache
def _fields_of(entity: type[Entity]) -> frozenset[str]:
    return frozenset(entity.__struct_fields__)


def _remove(item: Item, registry: WorkingSet) -> Outcome:
    kind = item.kind
    before = registry.get(kind.name, item.key)
    if before is None:
        raise EntityNotFound(kind.name, item.key)
    _require_untouched(item, item.key, registry)
    if violations := list(kind.check_removal(before, registry)):
        raise Invalid(violations)
    referrers = registry.referrers((kind.name, item.key))
    if referrers.refs:
        what = f"{kind.name.replace('_', ' ')} {item.key!r}"
        raise InUse(f"{what} is used by {_some_of(referrers)}")
    return Outcome(kind=kind, key=item.key, result=Result.DELETED, before=before)


def _some_of(referrers: Referrers) -> str:
    who = ", ".join(f"{name} {key}" for name, key in referrers.refs[:REFERRERS_NAMED])
    if referrers.more:
        return f"{who} and more"
    rest = len(referrers.refs) - REFERRERS_NAMED
    return f"{who} and {rest} more" if rest > 0 else who


def _require_untouched(item: Item, key: str, registry: WorkingSet) -> None:
    ref = (item.kind.name, key)
    if registry.is_pending(ref):
        raise Invalid([FieldViolation("", "TWICE", f"the request changes {ref[0]} {key!r} twice")])
    if item.if_revision is None:
        return
    for kind, name in (ref, *_refs_about(item)):
        stored = registry.stored((kind, name))
        if kind != item.kind.name and not registry.has(kind, name):
            raise Conflict(f"{kind} {name!r} is not there")
        if stored and stored.revision > item.if_revision:
            raise Conflict(f"{kind} {name!r} changed at revision {stored.revision}")


def _refs_about(item: Item) -> Iterator[Ref]:
    """What a statement is about.

    Two importers that see the same at different times would else each find it once: of the second
    one neither the listing nor the finding is taken.
    """
    for name, target in item.kind.about.items():
        if item.given is not None and (key := getattr(item.given, name)):
            yield target, key


def _check_referents(
    kind: AnyKind, after: Entity, registry: WorkingSet
) -> Iterator[FieldViolation]:
    # What was merged itself keeps what it referred to.
    keeps = getattr(after, "merged_into", None) is not None
    for name, (target, key) in kind.refs_of(after):
        if not registry.has(target, key):
            yield FieldViolation(name, "NOT_FOUND", f"no {target.replace('_', ' ')} {key!r}")
        elif target in MERGING and (name == "merged_into" or not keeps):
            into = getattr(registry.get(target, key), "merged_into", None)
            if into is not None:
                message = f"{target} {key} was merged into {into}: refer to that"
                yield FieldViolation(name, "MERGED", message)
