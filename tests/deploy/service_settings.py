"""What a service would make of the environment and the files that a deployment gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cqar.reconciler.config import ReconcilerConfig, require_usable
from cqar_resolver.config import ResolverConfig
from cqar_shared.runtime.config import ServiceConfig, load, require_private
from cqar_writer.config import WriterConfig

CONFIGS: dict[str, type[WriterConfig | ResolverConfig | ReconcilerConfig]] = {
    "writer": WriterConfig,
    "resolver": ResolverConfig,
    "reconciler": ReconcilerConfig,
}


def settings_of(
    service: str, environ: dict[str, str], config: str, secrets: dict[str, str], folder: Path
) -> Any:
    """The settings in effect: `config` is config.yaml's text, `secrets` are files' by their paths.

    Raises:
        StartupError: The service would not start.
    """
    (folder / "config.yaml").write_text(config)
    here = {"CQAR_CONFIG": str(folder / "config.yaml")}
    for variable, value in environ.items():
        # The reconciler's key_file is a setting of this name itself.
        if variable.endswith("_FILE"):
            path = folder / Path(value).name
            path.write_text(secrets[value])
            here[variable] = str(path)
    found: Any = load(CONFIGS[service], service, {**environ, **here})
    if isinstance(found, ServiceConfig):
        require_private(found, found.grpc_listen, f"CQAR_{service.upper()}_")
    else:
        require_usable(found)
    return found


def port(listen: str) -> int:
    return int(listen.rpartition(":")[2])


def document(text: str) -> Any:
    return yaml.safe_load(text)
