"""Images, built once for all that run in them, and what compose.yaml has beside them.

CQAR_OPS_FOLDER names a folder that keeps their layers from one run to the next.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cqar.embedded.ports import pick_ports
from cqar.embedded.process import run_to_end
from tests.deploy import shipped_servers
from tests.deploy.manifests import Object, compose
from tests.ops.compose_stack import SERVICES, Stack
from tests.ops.containers import Machine
from tests.ops.image_builder import Builder, Image
from tests.ops.process_lifetime import START_S


@pytest.fixture(scope="session")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builder]:
    kept = os.environ.get("CQAR_OPS_FOLDER")
    made = Builder(Path(kept) if kept else tmp_path_factory.mktemp("images"))
    if not made.has_base():
        made.make_base()
    yield made
    made.forget(layers=not kept)


@pytest.fixture(scope="session")
def images(builder: Builder) -> dict[str, Image]:
    return {
        target: builder.build(target) for target in ("writer", "resolver", "reconciler", "tools")
    }


@pytest.fixture(scope="session")
def whole() -> Object:
    return compose()


@pytest.fixture(scope="session")
def ports() -> dict[str, int]:
    ours = [name + kind for name in SERVICES for kind in ("", " http")]
    names = (*shipped_servers.SERVERS, *ours)
    return pick_ports({name: 9000 + number for number, name in enumerate(names)})


@pytest.fixture(scope="session")
def secrets(
    ports: dict[str, int], tmp_path_factory: pytest.TempPathFactory
) -> shipped_servers.Secrets:
    return shipped_servers.make_secrets(tmp_path_factory.mktemp("compose") / "secrets", ports)


@pytest.fixture(scope="session")
def own_images(builder: Builder, images: dict[str, Image]) -> dict[str, Image]:
    """Others than those that are compared: mount points are made in them."""
    return {name: builder.another(image) for name, image in images.items()}


@pytest.fixture(scope="session")
def machine(
    whole: Object, secrets: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Machine:
    configs = {name: Path(config["file"]) for name, config in whole["configs"].items()}
    return Machine(secrets, configs, tmp_path_factory.mktemp("volumes"))


@pytest.fixture(scope="session")
async def accounts(
    whole: Object, secrets: shipped_servers.Secrets, ports: dict[str, int]
) -> AsyncIterator[None]:
    async with shipped_servers.postgres_server(whole, secrets, ports):
        yield


@pytest.fixture(scope="session")
async def nats(
    whole: Object,
    secrets: shipped_servers.Secrets,
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[None]:
    async with shipped_servers.nats_server(whole, secrets, ports, tmp_path_factory.mktemp("nats")):
        yield


@pytest.fixture(scope="session")
async def redis(
    whole: Object,
    secrets: shipped_servers.Secrets,
    ports: dict[str, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[None]:
    async with shipped_servers.redis_server(
        whole, secrets, ports, tmp_path_factory.mktemp("redis")
    ):
        yield


@pytest.fixture(scope="session")
async def migrated(
    accounts: None, machine: Machine, whole: Object, own_images: dict[str, Image]
) -> None:
    command = machine.command(own_images["writer"], whole["services"]["migrate"])
    await run_to_end(command, timeout_seconds=START_S)


@pytest.fixture(scope="session")
async def key(migrated: None, machine: Machine, whole: Object, own_images: dict[str, Image]) -> str:
    """The first key, as docs/DEPLOYMENT.md says."""
    command = machine.command(
        own_images["writer"],
        whole["services"]["writer-1"],
        *("create-key", "--actor", "me", "--role", "admin"),
    )
    return (await run_to_end(command, timeout_seconds=START_S)).strip()


@pytest.fixture(scope="session")
async def stack(
    whole: Object,
    machine: Machine,
    own_images: dict[str, Image],
    ports: dict[str, int],
    key: str,
    nats: None,
    redis: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Stack]:
    """A writer that is ready, and what `cqar catalogue load` brought it."""
    logs = tmp_path_factory.mktemp("logs")
    made = Stack(whole, machine, own_images, ports, logs, key)
    async with made.up("writer-1"):
        await made.tools("catalogue", "load")
        yield made
