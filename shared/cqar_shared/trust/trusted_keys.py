"""Which signing keys are trusted, and why a head is not.

Trust begins with public keys from the configuration. A key in the registry's history is trusted if
a trusted key endorses it, until the revision at which the history retires it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from cqc.replication.v1 import replication_pb2

from cqar_shared.domain.kinds.signing_key import SigningKey, id_of
from cqar_shared.trust import signatures

#: Signing keys of one registry, retired ones included; a history with more is refused.
KEYS_MAX: Final = 256


class Unsigned(Exception):
    """A head is not signed by a trusted key; the message says why."""


class TrustedKeys:
    """An immutable set of trusted keys; `having` returns an extended one.

    Args:
        roots: Public keys that are trusted whatever the history says.
    """

    def __init__(self, roots: Iterable[bytes]) -> None:
        self._keys: dict[str, bytes] = {id_of(key): key for key in roots}
        #: Retired key -> the last revision that it may have signed.
        self._last: dict[str, int] = {}

    @property
    def keys(self) -> Mapping[str, bytes]:
        """Key id -> trusted public key."""
        return self._keys

    def having(self, registry_id: bytes, keys: Iterable[SigningKey]) -> TrustedKeys:
        """Add the keys of a registry that trusted keys endorse.

        A key that was already known to be retired endorses no new key: otherwise a stolen one
        could be used for ever.

        Raises:
            Unsigned: there are more than `KEYS_MAX` keys.
        """
        extended = TrustedKeys(())
        extended._keys, extended._last = dict(self._keys), dict(self._last)
        extended._learn(registry_id, keys)
        return extended

    def _learn(self, registry_id: bytes, keys: Iterable[SigningKey]) -> None:
        by_id: dict[str, SigningKey] = {}
        for key in keys:
            by_id[key.key_id] = key
            if len(by_id) > KEYS_MAX:
                raise Unsigned(f"it tells of more than {KEYS_MAX} signing keys")
        left = {name: key for name, key in by_id.items() if name not in self._keys}
        retired = set(self._last)
        grew = True
        while grew:
            grew = False
            for name, key in list(left.items()):
                voucher = key.endorsed_by
                if voucher not in self._keys:
                    continue
                del left[name]
                if voucher not in retired and self._is_endorsed(registry_id, key):
                    self._keys[name] = bytes.fromhex(key.public_key)
                    grew = True
        for name, key in by_id.items():
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
        """Refuse a head that no trusted key signed.

        Raises:
            Unsigned: no trusted key signed it, or a key that was retired before.
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
