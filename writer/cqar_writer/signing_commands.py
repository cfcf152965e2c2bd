"""`cqar-writer make-signing-key`, `rotate-signing-key`, `retire-signing-key`, `begin-epoch`."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import click
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar_shared.domain.kinds.signing_key import id_of
from cqar_shared.errors import RegistryError
from cqar_shared.runtime.config import load
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_shared.trust.signatures import KeyFileError, PrivateKey
from cqar_writer.app import utc_now
from cqar_writer.config import SECTION, WriterConfig
from cqar_writer.database.head_signer import Signer
from cqar_writer.mutations import Mutations
from cqar_writer.signing_keys import SigningKeys, create_unendorsed
from cqar_writer.store import head_rows


@click.command("make-signing-key")
@click.argument("file", type=click.Path(path_type=Path))
def make_signing_key_command(file: Path) -> None:
    """Make a key to sign the registry's heads with, in FILE, which must not be there.

    Give its path as `signing_key_file` to the writers. What is printed is public: the first
    line's number names the key in logs, the second belongs into resolvers' `trusted_keys_file`.

    \b
    Example: cqar-writer make-signing-key /etc/cqar/signing.pem
    """
    key = PrivateKey.fresh()
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None
    with os.fdopen(descriptor, "wb") as written:
        written.write(key.pem())
    click.echo(f"key id:     {id_of(key.public_key)}")
    click.echo(f"public key: {key.public_key.hex()}")


@click.command("rotate-signing-key")
@click.option(
    "--new",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help="The next key's file, as make-signing-key made it.",
)
def rotate_signing_key_command(file: Path) -> None:
    """Let the writers' signing key vouch for the next one; both are in use from then on.

    It writes to the database itself, with the key of `signing_key_file`. Without that setting no
    key vouches for the new one: for a registry whose last key is lost. Then whoever checks
    signatures must be given the new public key.

    \b
    Example:
      cqar-writer make-signing-key /etc/cqar/next.pem
      cqar-writer rotate-signing-key --new /etc/cqar/next.pem
      # signing_key_file of every writer: /etc/cqar/next.pem; start them anew; then
      cqar-writer retire-signing-key 0f3c9a…
    """

    async def rotate(mutations: Mutations, _: AsyncEngine, keys: SigningKeys | None) -> int:
        if keys is None:
            return await create_unendorsed(mutations, public_key)
        return await keys.endorse(public_key)

    config, public_key = load(WriterConfig, SECTION, os.environ), _read_key(file).public_key
    revision = _run_with_keys(config, rotate)
    click.echo(f"key {id_of(public_key)} may sign from revision {revision} on")


@click.command("retire-signing-key")
@click.argument("key_id")
def retire_signing_key_command(key_id: str) -> None:
    """End a signing key: what it signs from now on counts nowhere; what it signed stays valid.

    It writes to the database itself, with the key of `signing_key_file`, which must be another.
    Where a key was stolen, also take it out of every `trusted_keys_file`.

    \b
    Example: cqar-writer retire-signing-key 0f3c9a…
    """

    async def retire(_: Mutations, __: AsyncEngine, keys: SigningKeys | None) -> int:
        if keys is None:
            raise click.ClickException("set signing_key_file to the key that stays in use")
        return await keys.retire(key_id)

    revision = _run_with_keys(load(WriterConfig, SECTION, os.environ), retire)
    click.echo(f"key {key_id} is retired by revision {revision}")


@click.command("begin-epoch")
@click.option("--reason", required=True, help="Why, for the audit log.")
def begin_epoch_command(reason: str) -> None:
    """Begin a new epoch: for a registry whose chain is of an older version than this release's.

    It writes to the database itself. All resolvers load anew, callers that carry an old
    cqar-min-revision get EPOCH_CHANGED once, and CqarEpochBegan fires. Upgrade resolvers before.

    \b
    Example: cqar-writer begin-epoch --reason "a chain that covers events"
    """

    async def begin(mutations: Mutations, engine: AsyncEngine, _: SigningKeys | None) -> int:
        async with engine.connect() as tx:
            head = await head_rows.read_head(tx)
        if not await mutations.bump_epoch(head.epoch, head.epoch, head.revision, reason):
            raise click.ClickException("another epoch began meanwhile")
        return head.epoch + 1

    epoch = _run_with_keys(load(WriterConfig, SECTION, os.environ), begin)
    click.echo(f"epoch {epoch} has begun")


def _read_key(file: Path) -> PrivateKey:
    try:
        return PrivateKey.read(file)
    except KeyFileError as error:
        raise click.ClickException(str(error)) from None


def _run_with_keys(
    config: WriterConfig,
    work: Callable[[Mutations, AsyncEngine, SigningKeys | None], Awaitable[int]],
) -> int:
    """Work with the configured signing key, if there is one, on the database itself."""
    signer = Signer.of_file(config.signing_key_file)

    async def run() -> int:
        engine = make_engine(config.database_url, connections_max=2, application="cqar-key")
        try:
            mutations = Mutations(engine, utc_now, signer=signer)
            keys = None if signer is None else SigningKeys(engine, mutations, signer)
            return await work(mutations, engine, keys)
        finally:
            await dispose(engine)

    try:
        return uvloop.run(run())
    except RegistryError as error:
        raise click.ClickException(str(error)) from None


COMMANDS: Final = (
    make_signing_key_command,
    rotate_signing_key_command,
    retire_signing_key_command,
    begin_epoch_command,
)
