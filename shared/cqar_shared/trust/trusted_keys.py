"""Whose signatures count, and why one does not.

What is trusted begins with public keys that were given from outside. From there a key of the
registry's own history counts if one that counts vouches for it, and ends where its history says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.domain.kinds.signing_key import SigningKey, id_of
from cqar_shared.trust import signatures

#: Of one registry, those that ended included: whoever makes up more is not listened to.
KEYS_MAX: Final = 256


class Unsigned(Exception):
    """A head that nobody who is trusted signed; the text says why."""


class TrustedKeys:
    """Keys that count; never changed, but followed by another with `having`.

    Args:
        roots: Public keys that are trusted whatever a registry says.
    """

    def __init__(self, roots: Iterable[bytes]) -> None:
        self._keys: dict[str, bytes] = {id_of(key): key for key in roots}
        #: The last revision that each may have signed, of those that are retired.
        self._last: dict[str, int] = {}

    @property
    def keys(self) -> Mapping[str, bytes]:
        """The public keys that count, by their ids."""
        return self._keys

    def having(self, registry_id: bytes, keys: Iterable[SigningKey]) -> TrustedKeys:
        """With a registry's keys, as far as what is trusted leads to them.

        A key that was known to be retired vouches for nothing new: who stole it afterwards could
        go on with it for ever.

        Raises:
            Unsigned: There are more keys than any registry has.
        """
        found = TrustedKeys(())
        found._keys, found._last = dict(self._keys), dict(self._last)
        found._learn(registry_id, keys)
        return found

    def _learn(self, registry_id: bytes, keys: Iterable[SigningKey]) -> None:
        told: dict[str, SigningKey] = {}
        for key in keys:
            told[key.key_id] = key
            if len(told) > KEYS_MAX:
                raise Unsigned(f"it tells of more than {KEYS_MAX} signing keys")
        left = {name: key for name, key in told.items() if name not in self._keys}
        ended = set(self._last)
        grew = True
        while grew:
            grew = False
            for name, key in list(left.items()):
                voucher = key.endorsed_by
                if voucher not in self._keys:
                    continue
                del left[name]
                if voucher not in ended and self._is_endorsed(registry_id, key):
                    self._keys[name] = bytes.fromhex(key.public_key)
                    grew = True
        for name, key in told.items():
            if name in self._keys and key.last_revision is not None:
                self._last[name] = min(key.last_revision, self._last.get(name, key.last_revision))

    def _is_endorsed(self, registry_id: bytes, key: SigningKey) -> bool:
        try:
            public, signature = bytes.fromhex(key.public_key), bytes.fromhex(key.endorsement or "")
        except ValueError:
            return False
        if id_of(public) != key.key_id:
            return False
        voucher = self._keys[key.endorsed_by or ""]
        return signatures.is_valid(
            voucher, signature, signatures.key_statement(registry_id, public)
        )

    def require(self, head: replication_pb2.Head) -> None:
        """Accept a head that one of these keys signed.

        Raises:
            Unsigned: None did, or one that might not any more.
        """
        at, key_id = f"{head.epoch}:{head.revision}", head.signing_key_id
        if not head.signature:
            raise Unsigned(f"the head at {at} is not signed")
        if key_id not in self._keys:
            raise Unsigned(
                f"the head at {at} is signed by key {key_id[:64]!r}, which nobody trusts"
            )
        last = self._last.get(key_id)
        if last is not None and head.revision > last:
            raise Unsigned(f"the head at {at} is signed by key {key_id}, retired after {last}")
        try:
            statement = signatures.head_statement(head.registry_id, head)
        except (ValueError, OverflowError) as error:
            raise Unsigned(f"the head at {at} cannot be signed: {error}") from None
        if not signatures.is_valid(self._keys[key_id], head.signature, statement):
            raise Unsigned(f"the signature of the head at {at} is not key {key_id}'s")
