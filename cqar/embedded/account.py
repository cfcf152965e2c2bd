"""Whom PostgreSQL runs as, and which folders that account can use.

PostgreSQL refuses to run as root, and root is what one is in most containers and CI jobs. No
system user is added and no existing folder's permissions are opened: where the account cannot
reach a folder, what it needs is put in a folder of our own that it can reach.
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
    """The account PostgreSQL runs as; None where that is simply this process's own.

    It must have an entry in the password database, even with `-U`: initdb looks its user up and
    stops with "could not look up effective user ID" otherwise. So where there is no `nobody` we
    take the last account without a login, rather than a number of our own.
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
    """Whether `account` may reach files below `folder`, by the permission bits of every parent.

    Access lists and security modules are not asked; where they forbid more, PostgreSQL's own
    error says so.
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
    """A folder `name` of our own under the first of `bases` where `account` can reach it.

    The bases may be writable by everyone, and root will run what lies in the folder: so one that
    somebody else made, or could write to, is passed over.
    """
    for base in bases:
        folder = base / name
        try:
            folder.mkdir(mode=0o711, exist_ok=True)
            if is_own_folder(folder):
                folder.chmod(0o711)  # mkdir's mode is cut by the umask
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
    """Where short-lived folders go: TMPDIR may be private to root, or long; /tmp is neither."""
    return [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108


def state_mode() -> int:
    """Of a state folder: nobody else's, but that PostgreSQL's account must pass through it."""
    return 0o700 if unprivileged_account() is None else 0o711
