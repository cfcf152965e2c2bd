"""The roles are stated once: compose, kustomize and Helm bring the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT, called, compose, kustomized, rendered, values_of

SOURCES = {
    "accounts.conf": ROOT / "deploy/nats/accounts.conf",
    "users.acl": ROOT / "deploy/redis/users.acl",
    "roles.sql": ROOT / "deploy/compose/roles.sql",
}
FOLDERS = (ROOT / "deploy/k8s/base/rights", ROOT / "deploy/helm/cqar/rights")
#: Neither kustomize nor Helm reads files outside its own folder.
HOW = "run: for f in deploy/k8s/base/rights deploy/helm/cqar/rights; do cp {} $f; done"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_the_copies_are_the_sources(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == SOURCES.keys()
    paths = " ".join(str(path.relative_to(ROOT)) for path in SOURCES.values())
    for name, source in SOURCES.items():
        assert (folder / name).read_bytes() == source.read_bytes(), HOW.format(paths)


@pytest.mark.parametrize("name", ["dev", "prod", "daemonset"])
def test_what_is_rendered_has_them_as_they_are(name: str) -> None:
    wanted = {file: path.read_text() for file, path in SOURCES.items()}
    for objects in (kustomized(f"overlays/{name}"), rendered(values_of(name))):
        assert called(objects, "ConfigMap", "cqar-rights")["data"] == wanted


def test_compose_has_them_too() -> None:
    files = {config["file"] for config in compose()["configs"].values()}
    assert {str(SOURCES["accounts.conf"]), str(SOURCES["roles.sql"])} <= files
