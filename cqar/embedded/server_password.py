"""A server's password: made on first use, and kept in its folder, where only its user reads it."""

import secrets
from pathlib import Path

from cqar.embedded.private_files import read_private, write_private

NAME = "password"
RANDOM_BYTES = 24


def read_password(folder: Path) -> str:
    """Letters, digits, - and _. Raises UnsafePath."""
    try:
        return read_private(folder / NAME).decode()
    except FileNotFoundError:
        write_private(folder / NAME, secrets.token_urlsafe(RANDOM_BYTES).encode())
        return read_private(folder / NAME).decode()
