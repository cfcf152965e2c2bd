"""The account that PostgreSQL runs as, and the folders that it can use.

PostgreSQL refuses to run as root, the usual user in containers and CI jobs. This package adds no
system user and opens no existing folder's permissions. If the account cannot reach a folder, what
it needs is put into another folder that it can reach.
"""

import os
import pwd
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from cqar.embedded.failures import EmbeddedError


class Account(msgspec.Struct, frozen=True):
    uid: int
    gid: int


def unprivileged_account() -> Account | None:
    """The account that PostgreSQL runs as; None for this process's own.

    It must have an entry in the password database, even with `-U`: otherwise initdb stops with
    "could not look up effective user ID". So without `nobody` this is the last account that has no
    login, not an arbitrary number.

    Raises:
        EmbeddedError: this process is root, and there is no such account.
    """
    if os.geteuid() != 0:
        return None
    entries = [entry for entry in pwd.getpwall() if entry.pw_uid != 0]
    named = [entry for entry in entries if entry.pw_name == "nobody"]
    loginless = [entry for entry in entries if entry.pw_shell.endswith(("nologin", "false"))]
    for entry in [*named, *reversed(loginless)]:
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    message = (
        "PostgreSQL refuses to run as root and /etc/passwd has no account without a login "
        "(such as nobody) to run it as: add one, or run as another user"
    )
    raise EmbeddedError(message)


def can_traverse(account: Account | None, folder: Path) -> bool:
    """Whether `account` can reach files below `folder`, by the permission bits of every parent.

    Access lists and security modules are ignored; if they forbid access, PostgreSQL reports it.
    """
    if account is None:
        return True
    resolved = folder.resolve()
    return all(_may_search(account, path) for path in [resolved, *resolved.parents])


def _may_search(account: Account, folder: Path) -> bool:
    info = folder.stat()
    if info.st_uid == account.uid:
        return bool(info.st_mode & stat.S_IXUSR)
    if info.st_gid == account.gid:
        return bool(info.st_mode & stat.S_IXGRP)
    return bool(info.st_mode & stat.S_IXOTH)


def reachable_folder(account: Account | None, name: str, bases: Sequence[Path]) -> Path:
    """A folder `name` of this user under the first of `bases` where `account` can reach it.

    The bases may be writable by everyone, and root runs programs from the folder. So a folder that
    another user made or can write to is skipped.

    Raises:
        EmbeddedError: there is no such folder under any of the bases.
    """
    for base in bases:
        folder = base / name
        try:
            folder.mkdir(mode=0o711, exist_ok=True)
            if is_own_folder(folder):
                folder.chmod(0o711)  # the umask restricts mkdir's mode
                if can_traverse(account, folder):
                    return folder
        except OSError:
            continue
    message = f"no folder for {name} that PostgreSQL's account can reach, tried: " + ", ".join(
        str(base) for base in bases
    )
    raise EmbeddedError(message)


def is_own_folder(folder: Path) -> bool:
    """Whether `folder` is a real folder that only this user can write to."""
    info = folder.lstat()
    return (
        stat.S_ISDIR(info.st_mode)
        and info.st_uid == os.geteuid()
        and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )


def temporary_bases() -> list[Path]:
    """Places for short-lived folders: TMPDIR may be private to root or long; /tmp is neither."""
    return [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108


def state_mode() -> int:
    """Mode of a state folder: private, except that PostgreSQL's account must pass through it."""
    return 0o700 if unprivileged_account() is None else 0o711
