"""The folder of a stack's Unix sockets: a short path, private, and the same at every start.

A socket's path may have 107 bytes, and a state folder's path may be longer, so the sockets are
elsewhere. The name is derived from the state folder: a start after a crash empties and reuses the
same folder.
"""

import hashlib
import shutil
from pathlib import Path

from cqar.embedded.account import reachable_folder, temporary_bases, unprivileged_account

SOCKET_PATH_MAX_BYTES = 107
# The longest path below the folder: "/own/resolver-999.sock".
SOCKET_NAME_BYTES = 24


def make_sockets_folder(state_dir: Path) -> Path:
    """An empty folder with a private subfolder `own`; PostgreSQL's subfolder comes beside it."""
    digest = hashlib.sha256(bytes(state_dir.resolve())).hexdigest()[:12]
    name = f"cqar-{digest}"
    longest = SOCKET_PATH_MAX_BYTES - SOCKET_NAME_BYTES - len(name) - 1
    bases = [base for base in temporary_bases() if len(bytes(base)) <= longest]
    folder = reachable_folder(unprivileged_account(), name, bases)
    for entry in folder.iterdir():
        shutil.rmtree(entry)
    (folder / "own").mkdir(mode=0o700)
    return folder
