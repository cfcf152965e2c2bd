"""Reads and makes the file of the integrity keys."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from cqar_shared.errors import InvalidConfiguration, StartupError
from cqar_shared.trust.seals import KEY_BYTES_MIN, BadKey, Keyring

if TYPE_CHECKING:
    from cqar_shared.runtime.config import ServiceConfig

SETTING: Final = "integrity_key_file"
#: Settings that require it: each names a place where others may be able to write.
NEEDING: Final = ("redis_url", "last_good_file")
#: More than any file with `KEYS_MAX` keys has.
FILE_BYTES_MAX: Final = 64 * 1024


def keyring_of(config: ServiceConfig, prefix: str = "") -> Keyring:
    """Read the keys of a service; make a random one if it stores nothing.

    Args:
        prefix: Prefix of the settings in the environment; empty if they are arguments.

    Raises:
        InvalidConfiguration: The service stores values and has no key, or the file holds no keys.
            The message contains no key.
    """

    def named(setting: str) -> str:
        return prefix + setting.upper() if prefix else setting

    if path := config.integrity_key_file:
        return _read(Path(path), named(SETTING))
    for setting in NEEDING:
        if getattr(config, setting, ""):
            raise InvalidConfiguration(
                f"configuration: {named(setting)} is set and {named(SETTING)} is not: what stands"
                " there is believed only under a key. One file is for all writers and resolvers"
                " of a registry: make it with `cqar-writer make-integrity-key FILE` (or"
                " `cqar-resolver …`), or `openssl rand -hex 32 > FILE`"
            )
    return Keyring([secrets.token_bytes(KEY_BYTES_MIN)])


def _read(path: Path, setting: str) -> Keyring:
    try:
        with path.open("rb") as file:
            return Keyring.parse(file.read(FILE_BYTES_MAX).decode())
    except OSError as error:
        raise InvalidConfiguration(f"configuration: {setting}: {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidConfiguration(f"configuration: {setting}: {path}: no text") from None
    except BadKey as error:
        raise InvalidConfiguration(f"configuration: {setting}: {path}: {error}") from None


def make(path: Path) -> None:
    """Write a file with one new key, which only its owner can read.

    Raises:
        FileExistsError: the file exists; it is not changed.
        OSError: the file cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(path, flags, 0o600), "w") as file:
        file.write(secrets.token_hex(KEY_BYTES_MIN) + "\n")
        file.flush()
        os.fsync(file.fileno())


@click.command("make-integrity-key")
@click.argument("file", type=click.Path(path_type=Path))
def make_command(file: Path) -> None:
    r"""Make the file of the integrity key, for all writers and resolvers of a registry.

    Its key authenticates what stands in Redis and in last good files. To rotate it: add a new
    line below the old one everywhere and restart; move it to the top and restart; remove the old.

    \b
    Example: cqar-writer make-integrity-key /etc/cqar/integrity.key
    """
    try:
        make(file)
    except OSError as error:
        raise StartupError(f"{file}: {error.strerror}") from None
    click.echo(f"{file} is made; set integrity_key_file to it", err=True)
