"""A key that the registry's heads are signed with. Only its public half is known.

Made, endorsed and retired by the writer alone. What it signed stays valid up to the revision before
the one that retired it: so every follower, and every audit, judges each signature alike.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from cqc.writer.v1 import signing_key_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView
from cqar_shared.errors import FieldViolation

_PUBLIC_KEY_HEX: Final = re.compile(r"[0-9a-f]{64}")
_SIGNATURE_HEX: Final = re.compile(r"[0-9a-f]{128}")
ID_BYTES: Final = 16


class SigningKey(Entity, frozen=True, kw_only=True):
    """A signing key.

    Attributes:
        key_id: `id_of` its public key.
        public_key: Ed25519, in hexadecimal.
        last_revision: The last revision that it may have signed; None while it is in use.
        endorsed_by: The key that endorses it; None for a first key.
        endorsement: That key's signature, in hexadecimal (`cqar_shared.trust.signatures`).
    """

    key_id: str = ""
    public_key: str = ""
    made_at: dt.datetime | None = None
    retired_at: dt.datetime | None = None
    last_revision: int | None = None
    endorsed_by: str | None = None
    endorsement: str | None = None

    @property
    def is_retired(self) -> bool:
        return self.last_revision is not None


def id_of(public_key: bytes) -> str:
    """Derive the id of a public key; no other key has it."""
    return hashlib.sha256(public_key).digest()[:ID_BYTES].hex()


def check_signing_key(
    before: SigningKey | None, after: SigningKey, _: RegistryView
) -> Iterator[FieldViolation]:
    if not _PUBLIC_KEY_HEX.fullmatch(after.public_key):
        yield FieldViolation(
            "public_key", "NOT_A_KEY", "must be 32 bytes in lower-case hexadecimal"
        )
    elif after.key_id != id_of(bytes.fromhex(after.public_key)):
        yield FieldViolation("key_id", "NOT_ITS_KEY", "must be what the public key's hash says")
    yield from rules.check_required(after, "made_at")
    signature = after.endorsement
    if signature is not None and not _SIGNATURE_HEX.fullmatch(signature):
        yield FieldViolation("endorsement", "NOT_A_SIGNATURE", "must be 64 bytes in hexadecimal")
    if (signature is None) != (after.endorsed_by is None):
        yield FieldViolation("endorsement", "REQUIRED", "goes together with endorsed_by")
    if (after.retired_at is None) != (after.last_revision is None):
        yield FieldViolation("last_revision", "REQUIRED", "goes together with retired_at")
    yield from rules.check_immutable(
        before, after, "make another key", "public_key", "made_at", "endorsed_by", "endorsement"
    )
    if before is not None and before.is_retired and after != before:
        yield FieldViolation("last_revision", "FINAL", "a retired key stays retired")


SIGNING_KEY = Kind(
    name="signing_key",
    entity=SigningKey,
    message=signing_key_pb2.SigningKey,
    key=("key_id",),
    slugs=frozenset({"key_id"}),
    table="signing_keys",
    check=check_signing_key,
    event=lambda _, __: None,
    exported=False,
    client_writable=False,
)
