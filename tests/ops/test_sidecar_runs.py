"""The sidecar of deploy/k8s/components/resolver-sidecar: asked by its socket, by its group only."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from cqar.embedded.failures import ServiceFailed
from cqar.embedded.process import run_to_end
from tests.deploy.manifests import Object, called, kustomized
from tests.ops.compose_stack import Stack
from tests.ops.containers import Machine, Service
from tests.ops.process_lifetime import START_S, ended, ready

GROUP = 10001


@pytest.fixture
def example() -> list[Object]:
    return kustomized("example-sidecar")


@pytest.fixture
def pod(example: list[Object], secrets: dict[str, Path], tmp_path: Path) -> Machine:
    """Its files where Kubernetes would have them; /run/cqar is as `fsGroup` makes it."""
    config = tmp_path / "config.yaml"
    config.write_text(called(example, "ConfigMap", "cqar-sidecar")["data"]["config.yaml"])
    files = {
        "config": config,
        "database_url": secrets["resolver_database_url"],
        "nats_url": secrets["resolver_nats_url"],
        "redis_url": secrets["resolver_redis_url"],
        "integrity_key": secrets["integrity_key"],
    }
    shared = tmp_path / "volumes/cqar-run"
    shared.mkdir(parents=True)
    os.chown(shared, 0, GROUP)
    shared.chmod(0o2777)
    return Machine({}, files, shared.parent)


def as_service(container: Object) -> Service:
    """A container of a pod in compose.yaml's words."""
    security = container["securityContext"]
    places = {m["name"]: m["mountPath"] for m in container["volumeMounts"]}
    configs = [{"source": "config", "target": f"{places['cqar-config']}/config.yaml"}]
    configs += [
        {"source": name, "target": f"{places['cqar-secrets']}/{name}"}
        for name in ("database_url", "nats_url", "redis_url", "integrity_key")
    ]
    return {
        "user": f"{security['runAsUser']}:{security['runAsGroup']}",
        "command": container["args"],
        "environment": {entry["name"]: entry["value"] for entry in container["env"]},
        "configs": configs,
        "volumes": [
            {"source": name, "target": places[name]} for name in ("cqar-run", "cqar-last-good")
        ],
    }


async def test_who_shares_its_folder_and_group_asks_it_without_a_key_and_nobody_else_does(
    example: list[Object],
    pod: Machine,
    stack: Stack,
    tmp_path: Path,
) -> None:
    workload = called(example, "Deployment", "cqmd")["spec"]["template"]["spec"]
    (sidecar,) = workload["initContainers"]
    (cqmd,) = workload["containers"]
    address = {entry["name"]: entry["value"] for entry in cqmd["env"]}["CQAR_RESOLVER"]
    http = stack.http("resolver-1")
    command = pod.command(
        stack.images["resolver"],
        as_service(sidecar),
        CQAR_RESOLVER_GRPC_LISTEN=f"127.0.0.1:{stack.ports['resolver-1']}",
        CQAR_RESOLVER_HTTP_LISTEN=http,
    )
    mounts = [{"source": m["name"], "target": m["mountPath"]} for m in cqmd["volumeMounts"]]
    asking = {"user": "20000:20000", "volumes": mounts}
    asked = ("resolve", "binance", "BTCUSDT", "--json", "--resolver", address)
    groups = [str(group) for group in workload["securityContext"]["supplementalGroups"]]
    async with ready(command, http, tmp_path / "log") as resolver:
        of_group = pod.command(stack.images["tools"], {**asking, "group_add": groups}, *asked)
        found = json.loads(await run_to_end(of_group, timeout_seconds=START_S))
        assert "BTC/USDT" in json.dumps(found)
        stranger = pod.command(stack.images["tools"], asking, *asked)
        with pytest.raises(ServiceFailed, match="does not answer"):
            await run_to_end(stranger, timeout_seconds=START_S)
        assert await ended(resolver) == 0, (tmp_path / "log").read_text()[-4000:]
    assert (pod.volumes / "cqar-last-good/last-good").stat().st_size > 0
    shutil.rmtree(pod.volumes)
