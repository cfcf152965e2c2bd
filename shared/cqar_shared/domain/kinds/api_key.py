"""An API key. Only its hash is stored; the key itself is shown once.

A key is revoked, never removed: the audit log names it, and its hash is never used again.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from collections.abc import Iterator
from typing import Final

import msgspec
from cqc.writer.v1 import api_key_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.confusables import mixes_scripts, skeleton
from cqar_shared.domain.kind import Entity, Kind, RegistryView, by
from cqar_shared.errors import FieldViolation

_SHA256_HEX: Final = re.compile(r"[0-9a-f]{64}")


class Role(enum.IntEnum):
    """What a key permits; each role includes those before it."""

    READ = 1
    WRITE = 2
    ADMIN = 3


class ApiKey(Entity, frozen=True, kw_only=True):
    """An API key.

    Attributes:
        key_hash: SHA-256 of the key, in hexadecimal.
        actor: Name of its user in the audit log.
    """

    key_id: str = ""
    key_hash: str = ""
    actor: str = ""
    role: Role | None = None
    created_at: dt.datetime | None = None
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None

    def valid_at(self, now: dt.datetime) -> bool:
        return all(end is None or now < end for end in (self.expires_at, self.revoked_at))


def complete(before: ApiKey | None, given: ApiKey, registry: RegistryView) -> ApiKey:
    if before is not None and before.revoked_at is not None:
        return given
    return msgspec.structs.replace(
        given, revoked_at=rules.not_after(registry.now, given.revoked_at)
    )


#: Actors of the services themselves: `cqar`, and names that begin with `cqar-`.
RESERVED: Final = "cqar"


def check_api_key(
    before: ApiKey | None, after: ApiKey, registry: RegistryView
) -> Iterator[FieldViolation]:
    yield from rules.check_uuid("key_id", after.key_id)
    yield from rules.check_required(after, "role")
    yield from rules.check_printable("actor", after.actor)
    if not _SHA256_HEX.fullmatch(after.key_hash):
        yield FieldViolation(
            "key_hash", "NOT_A_HASH", "must be a SHA-256 in lower-case hexadecimal"
        )
    yield from rules.check_immutable(before, after, "make another key", "key_hash", "actor", "role")
    # A revocation is final, so one in the future could not be moved forward.
    yield from rules.check_past(after, registry.now, "revoked_at")
    if before is None:
        yield from _check_actor(after, registry)
        if any(True for _ in registry.find("api_key", "hash", after.key_hash)):
            message = "is a key's already, valid or not: a key is made once"
            yield FieldViolation("key_hash", "USED", message)
    # A wrong date would silently make a key that never works.
    over = after.expires_at is not None and after.expires_at <= registry.now
    if before is None and over and not registry.historical:
        yield FieldViolation(
            "expires_at", "PAST", "has passed already: the key would never be valid"
        )
    if before is not None and before.revoked_at and after.revoked_at != before.revoked_at:
        yield FieldViolation("revoked_at", "FINAL", "a revoked key stays revoked")


def _check_actor(after: ApiKey, registry: RegistryView) -> Iterator[FieldViolation]:
    """Check the actor of a new key; existing keys keep theirs."""
    looks = skeleton(after.actor)
    if looks == RESERVED or looks.startswith(f"{RESERVED}-"):
        message = f"{RESERVED!r} and what begins with '{RESERVED}-' are the services' own names"
        yield FieldViolation("actor", "RESERVED", message)
    if mixes_scripts(after.actor):
        yield FieldViolation(
            "actor", "MIXED_SCRIPTS", "has letters of scripts that only look alike"
        )
    for role in Role:
        for key in registry.find("api_key", "role", role):
            if key.actor != after.actor and skeleton(key.actor) == looks:
                message = f"looks like {key.actor!r}, who is somebody else"
                yield FieldViolation("actor", "LOOK_ALIKE", message)
                return


def check_removal(_: ApiKey, __: RegistryView) -> Iterator[FieldViolation]:
    message = (
        "revoke it: a key stays, so that the audit log names it and its hash is never another's"
    )
    yield FieldViolation("key_id", "FINAL", message)


API_KEY = Kind(
    name="api_key",
    entity=ApiKey,
    message=api_key_pb2.ApiKey,
    key=("key_id",),
    table="api_keys",
    check=check_api_key,
    complete=complete,
    check_removal=check_removal,
    lookups={"hash": by("key_hash"), "role": by("role")},
    event=lambda _, __: None,
    exported=False,
)
