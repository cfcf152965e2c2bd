"""Which heads a resolver takes, where it is told to take signed ones only.

A signature says where the registry stands: position, count and set hash. So what is loaded counts
once its content has that hash, and what is applied once it leads there. Where nothing is asked for,
everything here accepts, and no cryptography is loaded.
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
    """Remembers whose signatures count, as the history that it has taken tells it.

    Args:
        trust: Whom to begin with; None: no signature is asked for.

    Attributes:
        is_asked: Whether heads must be signed.
    """

    def __init__(self, trust: TrustedKeys | None = None) -> None:
        self._trust = trust or TrustedKeys(())
        self.is_asked = trust is not None
        self._said = ""

    @classmethod
    def of_settings(cls, trusted_keys_file: str, *, required: bool) -> SignedHeads:
        """As a resolver's settings want it.

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
        """Whether to take a head; what is refused is counted and logged."""
        try:
            self.require(head, source)
        except Unsigned:
            return False
        return True

    def require(
        self, head: replication_pb2.Head, source: HeadSource, keys: Iterable[bytes] = ()
    ) -> None:
        """Take a head.

        Args:
            keys: Signing keys as they are stored, of what the head belongs to: they count for this
                head alone.

        Raises:
            Unsigned: It is not signed by whom is trusted.
        """
        if self.is_asked:
            self._judged(head, source, keys)

    def admit(self, snapshot: Snapshot, source: HeadSource) -> None:
        """Take a snapshot whose content has the head's hash, and whom its keys lead to.

        Raises:
            Unsigned: Its head is not signed by whom is trusted.
        """
        if not self.is_asked:
            return
        names = snapshot.keys(SIGNING_KEY.name)[: KEYS_MAX + 1]
        stored = (snapshot.get(SIGNING_KEY.name, name) or b"" for name in names)
        self._trust = self._judged(snapshot.head, source, stored)

    def learn(self, registry_id: bytes, changes: Iterable[replication_pb2.Change]) -> None:
        """Take the signing keys that a change set tells of, which was applied."""
        if not self.is_asked:
            return
        stored = [c.entity for c in changes if c.kind == SIGNING_KEY.name and not c.deleted]
        if stored:
            self._trust = self._trust.having(registry_id, _read(stored))

    def _judged(
        self, head: replication_pb2.Head, source: HeadSource, keys: Iterable[bytes]
    ) -> TrustedKeys:
        try:
            told = _read(keys)
            trust = self._trust.having(head.registry_id, told) if told else self._trust
            trust.require(head)
        except Unsigned as refusal:
            metrics.UNSIGNED_REFUSED.labels(source).inc()
            self._say(f"{source}: {refusal}")
            raise
        return trust

    def _say(self, why: str) -> None:
        """Log a refusal, unless it is the one that was logged last."""
        if why != self._said:
            log.warning("refused, since heads must be signed: %s", why)
            self._said = why


def _read(stored: Iterable[bytes]) -> list[SigningKey]:
    """Signing keys as they are stored.

    Raises:
        Unsigned: One is none.
    """
    try:
        return [entity_codec.decode(SIGNING_KEY, payload) for payload in stored]
    except (DecodeError, ValueError):
        raise Unsigned("what it tells of signing keys cannot be read") from None
