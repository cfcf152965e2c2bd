"""What the tools make of deploy/: Compose, kustomize and Helm themselves, each from its wheel."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import helm_python
import yaml

ROOT = Path(__file__).resolve().parents[2]
K8S = ROOT / "deploy/k8s"
CHART = ROOT / "deploy/helm/cqar"

Object = dict[str, Any]


def tool(name: str) -> str:
    """Where a tool is: in the environment's own bin, or in a package."""
    if name == "docker-compose":
        # The wheel's own starter says 0 whatever Compose said.
        package = importlib.util.find_spec("compose")
        assert package is not None
        assert package.origin is not None
        return str(Path(package.origin).with_name(name))
    return str(Path(sys.executable).with_name(name))


def run(name: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [tool(name), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environ},
    )


def compose(file: Path = ROOT / "compose.yaml", *more: Path) -> Object:
    """The file as Compose understands it: checked by its schema, filled in, merged.

    Raises:
        ValueError: It refuses it.
    """
    files = [word for path in (file, *more) for word in ("-f", str(path))]
    done = run("docker-compose", *files, "--profile", "*", "config", "--format", "json")
    if done.returncode != 0:
        raise ValueError(done.stderr)
    found: Object = json.loads(done.stdout)
    return found


def kustomized(folder: str) -> list[Object]:
    """Every object of an overlay, by kubectl's kustomize."""
    done = run("kubectl", "kustomize", str(K8S / folder))
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def values_of(name: str) -> Object:
    found: Object = yaml.safe_load((CHART / f"values-{name}.yaml").read_text())
    return found


def rendered(values: Object, chart: Path = CHART, name: str = "cqar") -> list[Object]:
    """Every object of the chart, by Helm's own engine."""
    with helm_python.Chart.load(chart) as loaded:
        texts = loaded.render(values, name=name, namespace="cqar")
    manifests = (text for path, text in texts.items() if path.endswith(".yaml"))
    return [found for text in manifests for found in yaml.safe_load_all(text) if found]


def called(objects: list[Object], kind: str, name: str) -> Object:
    """The object of a kind and name; generated names may end in their hash.

    Raises:
        LookupError: There is none, or there are several.
    """
    found = [o for o in of_kind(objects, kind) if plain_name(o) == name]
    if len(found) != 1:
        raise LookupError(f"{len(found)} of {kind} {name}")
    return found[0]


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [found for found in objects if found["kind"] in kinds]


def plain_name(found: Object) -> str:
    """Without the hash that kustomize gives to what it generates."""
    name: str = found["metadata"]["name"]
    generated = found["kind"] in ("ConfigMap", "Secret")
    head, _, tail = name.rpartition("-")
    return head if generated and len(tail) == len("cmcc766cm9") else name


def pod_specs(objects: list[Object]) -> dict[str, Object]:
    """The pod of each workload, by `Kind name`."""
    workloads = of_kind(objects, "Deployment", "DaemonSet", "Job")
    return {
        f"{found['kind']} {found['metadata']['name']}": found["spec"]["template"]["spec"]
        for found in workloads
    }


def containers_of(pod: Object) -> list[Object]:
    return [*pod.get("initContainers", []), *pod["containers"]]
