"""Signing keys for tests, and writers that have one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from shared.signatures import PrivateKey
from tests.builders import NOW
from writer.mutations import Mutations
from writer.signing import Signer
from writer.signing_keys import SigningKeys


def a_signer() -> Signer:
    return Signer(PrivateKey.fresh())


def key_file(path: Path, key: PrivateKey) -> Path:
    path.write_bytes(key.pem())
    return path


def trusted_file(path: Path, *signers: Signer) -> Path:
    lines = ["# whom we trust", *(signer.public_key.hex() for signer in signers)]
    path.write_text("\n".join(lines))
    return path


def signing(engine: AsyncEngine, signer: Signer) -> tuple[Mutations, SigningKeys]:
    """A writer that signs with this key."""
    mutations = Mutations(engine, lambda: NOW, signer=signer)
    return mutations, SigningKeys(engine, mutations, signer)
