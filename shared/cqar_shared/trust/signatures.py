"""Signs and verifies heads, and endorsements of signing keys, with Ed25519.

The signed bytes have fixed lengths after a prefix of their own, so a signature has one meaning. The
package `cryptography` is imported on first use: a resolver that requires no signatures does not
need it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519

_HEAD: Final = b"cqar head 1\n"
_KEY: Final = b"cqar key 1\n"
#: Keys in a file of trusted keys.
TRUSTED_MAX: Final = 64
_PUBLIC_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")


class KeyFileError(Exception):
    """A key file cannot be used; the message contains nothing of the file."""


class SignableHead(Protocol):
    """The parts of a head that a signature covers."""

    @property
    def epoch(self) -> int: ...
    @property
    def revision(self) -> int: ...
    @property
    def chain(self) -> bytes: ...
    @property
    def live_count(self) -> int: ...
    @property
    def set_hash(self) -> bytes: ...


def head_statement(registry_id: bytes, head: SignableHead) -> bytes:
    """The signed bytes of a head; numbers are big-endian.

    Raises:
        ValueError, OverflowError: a hash has a wrong length, or a number does not fit.
    """
    if len(head.chain) != 32 or len(head.set_hash) != 16:
        message = f"hashes of {len(head.chain)} and {len(head.set_hash)} bytes in a head"
        raise ValueError(message)
    place = head.epoch.to_bytes(8, "big") + head.revision.to_bytes(8, "big") + head.chain
    content = head.live_count.to_bytes(8, "big") + head.set_hash
    return _HEAD + _of_registry(registry_id) + place + content


def key_statement(registry_id: bytes, public_key: bytes) -> bytes:
    """The signed bytes by which a key of a registry endorses another key."""
    return _KEY + _of_registry(registry_id) + public_key


def _of_registry(registry_id: bytes) -> bytes:
    return len(registry_id).to_bytes(4, "big") + registry_id


def signature_text(where: str, key_id: str, signature: bytes) -> str:
    """Describe a position and who signed it, for logs and `cqar audit head`."""
    by = f"signed by {key_id}: {signature.hex()}" if signature else "not signed"
    return f"{where}, {by}"


def is_valid(public_key: bytes, signature: bytes, statement: bytes) -> bool:
    """Whether the owner of the key signed these bytes; takes some 100 us."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  (only who checks pays)
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, statement)
    except (InvalidSignature, ValueError):
        return False
    return True


class PrivateKey:
    """A key that signs; each signature takes some 30 us.

    Attributes:
        public_key: 32 bytes.
    """

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    @classmethod
    def fresh(cls) -> PrivateKey:
        return cls(_ed25519().Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: str | Path) -> PrivateKey:
        """Read a PEM file, PKCS#8 without a password.

        Raises:
            KeyFileError: the file cannot be read, or holds no Ed25519 key.
        """
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise KeyFileError(f"{path}: {error.strerror}") from None
        try:
            key = serialization.load_pem_private_key(data, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyFileError(f"{path} holds no private key in PEM without a password") from None
        if not isinstance(key, _ed25519().Ed25519PrivateKey):
            raise KeyFileError(f"{path} holds a key of another kind than Ed25519")
        return cls(key)

    def pem(self) -> bytes:
        """Write the key as PEM, as `read` expects it."""
        from cryptography.hazmat.primitives import serialization as form  # noqa: PLC0415

        return self._key.private_bytes(
            form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
        )

    def sign(self, statement: bytes) -> bytes:
        return self._key.sign(statement)


def _ed25519() -> Any:
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415

    return ed25519


def read_trusted(path: str | Path) -> list[bytes]:
    """Read public keys, one a line in hexadecimal; `#` begins a comment.

    Raises:
        KeyFileError: the file cannot be read, has no key, more than `TRUSTED_MAX`, or a bad line.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise KeyFileError(f"{path}: no text") from None
    found = [line for raw in text.splitlines() if (line := raw.partition("#")[0].strip())]
    for number, line in enumerate(found, 1):
        if not _PUBLIC_KEY.fullmatch(line):
            raise KeyFileError(f"{path}: key {number} is not 64 hexadecimal digits")
    if not 1 <= len(found) <= TRUSTED_MAX:
        raise KeyFileError(f"{path}: {len(found)} public keys; 1 to {TRUSTED_MAX} are wanted")
    return [bytes.fromhex(line) for line in found]
