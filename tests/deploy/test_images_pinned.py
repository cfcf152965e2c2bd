"""Images are pinned by digest in one place, and once any is, none may be left out."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.manifests import K8S, ROOT, pod_specs, rendered, run, values_of

OURS = ("writer", "resolver", "reconciler")
COPIED = ("compose.yaml", "deploy/k8s/components/version/kustomization.yaml")
#: Stands in for the tool that asks a registry, which is not reached here: a digest of the name.
CRANE = """#!/bin/sh
[ "$1" = digest ] || exit 2
case "$2" in *refused*) echo "not found" >&2; exit 1;; esac
echo "sha256:$(printf '%s' "$2" | sha256sum | cut -d' ' -f1)"
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What the script reads and writes, and a crane."""
    for name in COPIED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/crane").write_text(CRANE)
    (tmp_path / "bin/crane").chmod(0o755)
    return tmp_path


def pin(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, ROOT / "deploy/pin-images", *arguments],
        env={"PATH": f"{tree / 'bin'}:{os.environ['PATH']}", "CQAR_ROOT": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )


def digest(reference: str) -> str:
    return f"sha256:{hashlib.sha256(reference.encode()).hexdigest()}"


def test_every_image_of_compose_that_is_not_ours_is_pinned_by_one_file(tree: Path) -> None:
    assert pin(tree).returncode == 0
    environ = dict(
        line.split("=", 1)
        for line in (tree / "deploy/images.env").read_text().splitlines()
        if not line.startswith("#")
    )
    done = run(
        "docker-compose", "-f", str(ROOT / "compose.yaml"), "--profile", "*", "config", **environ
    )
    images = set(re.findall(r"^ +image: (\S+)$", done.stdout, re.MULTILINE))
    others = {image for image in images if not image.startswith("cqar-")}
    assert len(others) == 5
    for image in others:
        name, _, found = image.partition("@")
        assert found == digest(name)
    bases = set(re.findall(r"^ +PYTHON: (\S+)$", done.stdout, re.MULTILINE))
    (tag,) = re.findall(r"^ARG PYTHON=(\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert bases == {f"{tag}@{digest(f'docker.io/library/python:{tag}')}"}


def test_our_images_are_pinned_in_kustomize_and_helm(tree: Path, tmp_path: Path) -> None:
    prefix, version = "registry.example.com/team/", "0.1.0"
    assert pin(tree, "--own", prefix, version).returncode == 0
    copy = tmp_path / "k8s"
    shutil.copytree(K8S, copy)
    name = "components/version/kustomization.yaml"
    shutil.copy(tree / "deploy/k8s" / name, copy / name)
    done = run("kubectl", "kustomize", str(copy / "overlays/prod"))
    assert done.returncode == 0, done.stderr
    wanted = {f"{prefix}cqar-{who}@{digest(f'{prefix}cqar-{who}:{version}')}" for who in OURS}
    assert set(re.findall(r"image: (\S+)", done.stdout)) == wanted
    image = {
        "prefix": prefix,
        "tag": version,
        "digests": {w: digest(f"{prefix}cqar-{w}:{version}") for w in OURS},
    }
    pods = pod_specs(rendered({**values_of("prod"), "image": image}))
    images = {container["image"] for pod in pods.values() for container in pod["containers"]}
    assert {re.sub(f":{version}@", "@", one) for one in images} == wanted
    assert all("@sha256:" in one for one in images)


def test_once_something_is_pinned_nothing_may_be_left_out(tree: Path) -> None:
    assert pin(tree, "--check").returncode == 0
    pin(tree, "--own", "registry.example.com/", "0.1.0")
    assert pin(tree, "--check").returncode == 0
    env = tree / "deploy/images.env"
    whole = env.read_text()
    env.write_text(re.sub("(?m)^NATS_IMAGE=.*$", "NATS_IMAGE=nats:2.12.1-alpine", whole))
    refused = pin(tree, "--check")
    assert refused.returncode == 1
    assert "NATS_IMAGE is nats:2.12.1-alpine" in refused.stderr
    # A tag that moved on in compose.yaml is not what was pinned.
    env.write_text(whole.replace("redis:8.2.2", "redis:8.2.1"))
    assert "REDIS_IMAGE" in pin(tree, "--check").stderr
    env.write_text(whole)
    version = tree / COPIED[1]
    version.write_text(
        re.sub(r", digest: sha256:\w+\}", ", newTag: 0.1.0}", version.read_text(), count=1)
    )
    assert "2 of 3 images have a digest" in pin(tree, "--check").stderr


def test_a_registry_that_does_not_answer_pins_nothing(tree: Path) -> None:
    done = pin(tree, "--own", "refused.example.com/", "0.1.0")
    assert done.returncode == 1
    assert "not found" in done.stderr
    assert "sha256" not in (tree / COPIED[1]).read_text()


def test_what_is_committed_is_pinned_whole_or_not_at_all() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/pin-images", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
