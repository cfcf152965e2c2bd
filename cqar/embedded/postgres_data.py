"""PostgreSQL's data folder: created once, reused, removed.

The data is in FOLDER/data. If the account that PostgreSQL runs as cannot reach FOLDER (a state
folder under /root, a pytest folder), the data is in /var/lib/cqar/postgres-…, and FOLDER/data is a
symbolic link to it. `remove_data` removes both.
"""

import os
import shutil
import tempfile
from pathlib import Path

from cqar.embedded.account import (
    Account,
    can_traverse,
    is_own_folder,
    reachable_folder,
    temporary_bases,
    unprivileged_account,
)
from cqar.embedded.failures import UnsafePath
from cqar.embedded.postgres import DATABASE, ENVIRONMENT, USER, socket_folder
from cqar.embedded.postgres_binaries import postgres_binaries
from cqar.embedded.process import Command, run_to_end

INIT_SECONDS = 60.0
OUTSIDE_PREFIX = "postgres-"
# Text is compared by code point, the same on every machine; upper and lower know Unicode.
INIT_OPTIONS = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    f"--username={USER}",
)


async def prepare_data(folder: Path, sockets: Path, password: str, *, durable: bool) -> bool:
    """Create the data folder, with user and database, unless it exists; returns whether it did."""
    data = folder / "data"
    if data.exists():
        _require_known(data)
        return False
    account = unprivileged_account()
    home = folder
    if not can_traverse(account, folder):
        places = [Path("/var/lib"), Path("/var/tmp")] if durable else temporary_bases()  # noqa: S108
        shared = reachable_folder(account, "cqar", places)
        home = Path(tempfile.mkdtemp(prefix=OUTSIDE_PREFIX, dir=shared))
        home.chmod(0o711)
    # It is made under another name and renamed, so an existing data folder is complete.
    unfinished = home / "unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if account is not None:
        os.chown(unfinished, account.uid, account.gid)
    await _init(unfinished, account, sockets, password, durable=durable)
    data.unlink(missing_ok=True)  # a link to data that was removed
    unfinished.rename(home / "data")
    if home != folder:
        data.symlink_to(home / "data")
    return True


def remove_data(folder: Path) -> None:
    """Remove the data, wherever it is. The server must not be running."""
    data = folder / "data"
    outside = data.resolve().parent if data.is_symlink() else None
    shutil.rmtree(folder, ignore_errors=True)
    if outside is not None and _is_outside(outside):
        shutil.rmtree(outside, ignore_errors=True)


def _require_known(data: Path) -> None:
    """Check an existing data folder.

    Raises:
        UnsafePath: it is a link that `prepare_data` did not make, or another user's.
    """
    if data.is_symlink() and not _is_outside(data.resolve().parent):
        raise UnsafePath(data, "is a link, but not to PostgreSQL data of this user")
    account = unprivileged_account()
    uid = os.geteuid() if account is None else account.uid
    if data.stat().st_uid != uid:
        raise UnsafePath(data, f"belongs to user {data.stat().st_uid}, not to {uid}")


def _is_outside(folder: Path) -> bool:
    return folder.name.startswith(OUTSIDE_PREFIX) and folder.is_dir() and is_own_folder(folder)


async def _init(
    data: Path, account: Account | None, sockets: Path, password: str, *, durable: bool
) -> None:
    binaries = postgres_binaries(account)
    # initdb reads the password only from a file, which the account must be able to read.
    password_file = socket_folder(sockets, account) / "password"
    _write_private(password_file, password, account)
    options = [*INIT_OPTIONS, f"--pwfile={password_file}", *([] if durable else ["--no-sync"])]
    initdb = (str(binaries / "initdb"), "-D", str(data), *options)
    single = (str(binaries / "postgres"), "--single", "-D", str(data), "postgres")
    create = f"CREATE DATABASE {DATABASE} OWNER {USER};\n".encode()
    try:
        for name, argv, stdin in [("initdb", initdb, b""), ("createdb", single, create)]:
            command = Command(name=name, argv=argv, env=ENVIRONMENT, account=account)
            await run_to_end(command, stdin=stdin, timeout_seconds=INIT_SECONDS)
    finally:
        password_file.unlink()


def _write_private(path: Path, text: str, account: Account | None = None) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        if account is not None:  # by descriptor: the folder belongs to the account
            os.fchown(file.fileno(), account.uid, account.gid)
