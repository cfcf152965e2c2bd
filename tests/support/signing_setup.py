"""Signing keys for tests, and writers that have one."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.trust.signatures import PrivateKey
from cqar_writer.database.head_signer import Signer
from cqar_writer.mutations import Mutations
from cqar_writer.signing_keys import SigningKeys
from tests.support.entity_builders import NOW


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
