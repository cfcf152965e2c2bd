"""What a service would make of the environment and the files that a deployment gives it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cqar_resolver.config import ResolverConfig
from cqar_shared.runtime.config import load, require_private
from cqar_writer.config import WriterConfig

CONFIGS: dict[str, type[WriterConfig | ResolverConfig]] = {
    "writer": WriterConfig,
    "resolver": ResolverConfig,
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
        if variable.endswith("_FILE"):
            path = folder / Path(value).name
            path.write_text(secrets[value])
            here[variable] = str(path)
    found = load(CONFIGS[service], service, {**environ, **here})
    require_private(found, found.grpc_listen, f"CQAR_{service.upper()}_")
    return found


def port(listen: str) -> int:
    return int(listen.rpartition(":")[2])


def document(text: str) -> Any:
    return yaml.safe_load(text)
