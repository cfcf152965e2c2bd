"""The three servers as compose.yaml has them, and a registry migrated by its owner."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cqar.embedded.ports import pick_ports
from tests.deploy import shipped_servers
from tests.deploy.manifests import compose
from tests.deploy.service_settings import document
from tests.support.service_processes import migrate


@dataclass(frozen=True)
class Shipped:
    """Running servers. `url("resolver", "nats")` is what a role is given for a server."""

    secrets: shipped_servers.Secrets
    api_prefix: str

    def url(self, role: str, server: str) -> str:
        return self.secrets[f"{role}_{server}_url"].read_text().strip()

    def settings(self, role: str) -> dict[str, str]:
        """What a writer or a resolver is started with."""
        found = {f"{name}_url": self.url(role, name) for name in ("database", "nats", "redis")}
        found["integrity_key_file"] = str(self.secrets["integrity_key"])
        return found | ({"nats_api_prefix": self.api_prefix} if role == "resolver" else {})


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shipped]:
    whole = compose()
    ports = pick_ports({name: 9000 + number for number, name in enumerate(shipped_servers.SERVERS)})
    secrets = shipped_servers.make_secrets(tmp_path_factory.mktemp("compose") / "secrets", ports)
    config = document(Path(whole["configs"]["cqar"]["file"]).read_text())
    async with AsyncExitStack() as running:
        enter = running.enter_async_context
        await enter(shipped_servers.postgres_server(whole, secrets, ports))
        for name in ("nats", "redis"):
            server = getattr(shipped_servers, f"{name}_server")
            await enter(server(whole, secrets, ports, tmp_path_factory.mktemp(name)))
        made = Shipped(secrets, config["resolver"]["nats_api_prefix"])
        await migrate(made.url("owner", "database"), "upgrade")
        yield made
