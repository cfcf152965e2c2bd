"""Signs revisions before they are committed, and a head that is unsigned.

A key signs only while the registry's history says that it is in use. The holder of the head's lock
knows that it is if the same key signed the last revision, since a key never signs the revision that
retires it; otherwise it reads the key's entity.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY, SigningKey, id_of
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.sql.schema import current
from cqar_shared.trust import signatures
from cqar_shared.trust.signatures import KeyFileError, PrivateKey, SignableHead
from cqar_shared.trust.trusted_keys import KEYS_MAX, TrustedKeys, Unsigned
from cqar_writer import metrics
from cqar_writer.protocol.log_rows import HeadRow, OutboxRow, head_message

_SIGN: Final = sa.text(
    "WITH signed AS (UPDATE outbox SET signature = :signature, signing_key_id = :key_id"
    " WHERE revision = :revision)"
    " UPDATE registry_head SET signature = :signature, signing_key_id = :key_id"
).bindparams(sa.bindparam("signature", type_=sa.LargeBinary))


class Signer:
    """Signs with a writer's own key.

    Attributes:
        key_id: The key's name in the registry's history.
    """

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key
        self.key_id = id_of(key.public_key)

    @classmethod
    def of_file(cls, path: str) -> Signer | None:
        """Read the key of a setting; None if the setting is empty.

        Raises:
            InvalidConfiguration: the file holds no key.
        """
        if not path:
            return None
        try:
            return cls(PrivateKey.read(path))
        except KeyFileError as error:
            raise InvalidConfiguration(f"configuration: signing_key_file: {error}") from None

    def signature_of(self, registry_id: bytes, head: SignableHead) -> bytes:
        return self._key.sign(signatures.head_statement(registry_id, head))

    def endorsement_of(self, registry_id: bytes, public_key: bytes) -> bytes:
        """The signature by which this key vouches for another."""
        return self._key.sign(signatures.key_statement(registry_id, public_key))


async def sign_revision(
    tx: AsyncConnection, signer: Signer | None, head: HeadRow, row: OutboxRow
) -> OutboxRow:
    """Return the revision after `head`, signed if this writer may.

    Args:
        tx: Holds the head's lock.
    """
    if signer is None:
        return row
    if head.signing_key_id != signer.key_id and not await is_in_use(tx, signer.key_id):
        metrics.UNSIGNED.inc()
        return row
    signature = signer.signature_of(head.registry_id, row)
    return row._replace(signature=signature, signing_key_id=signer.key_id)


async def sign_head(tx: AsyncConnection, signer: Signer, head: HeadRow) -> None:
    """Sign the head, and its outbox row.

    Args:
        tx: Holds the head's lock.
    """
    signature = signer.signature_of(head.registry_id, head)
    given = {"signature": signature, "key_id": signer.key_id, "revision": head.revision}
    await tx.execute(_SIGN, given)


async def load_keys(tx: AsyncConnection) -> list[SigningKey]:
    """Load the registry's signing keys from its history, retired ones too.

    Raises:
        Unsigned: there are more keys than any registry has.
    """
    query = sa.select(current.c.payload).where(
        current.c.kind == SIGNING_KEY.name, ~current.c.deleted
    )
    payloads = list((await tx.execute(query.limit(KEYS_MAX + 1))).scalars())
    if len(payloads) > KEYS_MAX:
        raise Unsigned(f"there are more than {KEYS_MAX} signing keys")
    return [entity_codec.decode(SIGNING_KEY, payload) for payload in payloads]


async def is_in_use(tx: AsyncConnection, key_id: str) -> bool:
    return any(key.key_id == key_id and not key.is_retired for key in await load_keys(tx))


def is_signed(head: HeadRow, keys: list[SigningKey]) -> bool:
    """Whether one of the keys in use signed the head.

    An older release moves the head and leaves the last signature, which then does not verify.
    """
    used = [key for key in keys if not key.is_retired]
    try:
        TrustedKeys(bytes.fromhex(key.public_key) for key in used).require(head_message(head))
    except (Unsigned, ValueError):
        return False
    return True
