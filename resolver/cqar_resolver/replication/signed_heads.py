"""Which heads a resolver accepts if its settings require signed ones.

A signature covers a head: position, count and set hash. So a loaded snapshot is accepted once its
content has that hash, and a change set once it leads to that head. Without the setting everything
is accepted, and no cryptography is imported.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final, Literal, get_args

from cqc.replication.v1 import replication_pb2
from google.protobuf.message import DecodeError

from cqar_resolver import metrics
from cqar_resolver.snapshot.snapshot import Snapshot
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.signing_key import SIGNING_KEY, SigningKey
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.trust.signatures import KeyFileError, read_trusted
from cqar_shared.trust.trusted_keys import KEYS_MAX, TrustedKeys, Unsigned

log = logging.getLogger(__name__)

#: Where a head came from; a metric's label.
HeadSource = Literal["postgres", "redis", "file", "stream", "outbox", "probe"]
SOURCES: Final[tuple[HeadSource, ...]] = get_args(HeadSource)


class SignedHeads:
    """Knows the trusted keys: those of the settings, and those that accepted history adds.

    Args:
        trust: The keys to begin with; None: no signature is required.

    Attributes:
        is_asked: Whether heads must be signed.
    """

    def __init__(self, trust: TrustedKeys | None = None) -> None:
        self._trust = trust or TrustedKeys(())
        self.is_asked = trust is not None
        self._logged = ""

    @classmethod
    def of_settings(cls, trusted_keys_file: str, *, required: bool) -> SignedHeads:
        """Make it from a resolver's settings.

        Raises:
            InvalidConfiguration: The file holds no keys.
        """
        if not required:
            return cls()
        try:
            return cls(TrustedKeys(read_trusted(trusted_keys_file)))
        except KeyFileError as error:
            raise InvalidConfiguration(f"configuration: trusted_keys_file: {error}") from None

    def accepts(self, head: replication_pb2.Head, source: HeadSource) -> bool:
        """Whether to accept a head; a refused one is counted and logged."""
        try:
            self.require(head, source)
        except Unsigned:
            return False
        return True

    def require(
        self, head: replication_pb2.Head, source: HeadSource, keys: Iterable[bytes] = ()
    ) -> None:
        """Refuse a head that no trusted key signed.

        Args:
            keys: Stored signing keys of the head's own content; they count for this head alone.

        Raises:
            Unsigned: No trusted key signed the head.
        """
        if self.is_asked:
            self._judged(head, source, keys)

    def admit(self, snapshot: Snapshot, source: HeadSource) -> None:
        """Accept a snapshot whose content has its head's hash, and trust the keys in it.

        Raises:
            Unsigned: No trusted key signed the snapshot's head.
        """
        if not self.is_asked:
            return
        names = snapshot.keys(SIGNING_KEY.name)[: KEYS_MAX + 1]
        stored = (snapshot.get(SIGNING_KEY.name, name) or b"" for name in names)
        self._trust = self._judged(snapshot.head, source, stored)

    def learn(self, registry_id: bytes, changes: Iterable[replication_pb2.Change]) -> None:
        """Trust the signing keys in a change set that was applied."""
        if not self.is_asked:
            return
        stored = [c.entity for c in changes if c.kind == SIGNING_KEY.name and not c.deleted]
        if stored:
            self._trust = self._trust.having(registry_id, _read(stored))

    def _judged(
        self, head: replication_pb2.Head, source: HeadSource, keys: Iterable[bytes]
    ) -> TrustedKeys:
        try:
            own = _read(keys)
            trust = self._trust.having(head.registry_id, own) if own else self._trust
            trust.require(head)
        except Unsigned as refusal:
            metrics.UNSIGNED_REFUSED.labels(source).inc()
            self._log_once(f"{source}: {refusal}")
            raise
        return trust

    def _log_once(self, why: str) -> None:
        """Log a refusal, unless it is the last one logged."""
        if why != self._logged:
            log.warning("refused, since heads must be signed: %s", why)
            self._logged = why


def _read(stored: Iterable[bytes]) -> list[SigningKey]:
    """Decode stored signing keys.

    Raises:
        Unsigned: One of them is not a signing key.
    """
    try:
        return [entity_codec.decode(SIGNING_KEY, payload) for payload in stored]
    except (DecodeError, ValueError):
        raise Unsigned("what it tells of signing keys cannot be read") from None
