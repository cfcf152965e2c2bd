"""The chart makes, with each of its values files, what the overlay of the same name makes."""

from __future__ import annotations

import base64
import copy
import re
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

from tests.deploy.manifests import (
    CHART,
    K8S,
    ROOT,
    Object,
    called,
    compose,
    containers_of,
    kustomized,
    plain_name,
    pod_specs,
    rendered,
    values_of,
)
from tests.deploy.release_version import newest_release

NAMES = ("dev", "prod", "daemonset")
#: Who made an object, not what it is.
MAKERS = ("helm.sh/", "app.kubernetes.io/managed-by", "checksum/")


def in_substance(found: Object) -> Object:
    """Without who made it: Helm's labels and hooks, kustomize's hashes, the namespace."""
    plain = copy.deepcopy(found)
    plain["metadata"]["name"] = plain_name(plain)
    plain["metadata"].pop("namespace", None)
    template = plain.get("spec", {}).get("template", {})
    for metadata in (plain["metadata"], template.get("metadata", {})):
        for kind in ("labels", "annotations"):
            kept = {
                name: value
                for name, value in metadata.pop(kind, {}).items()
                if not name.startswith(MAKERS)
            }
            if kept and plain["kind"] not in ("ConfigMap", "Secret"):
                metadata[kind] = kept
    for volume in template.get("spec", {}).get("volumes", []):
        for source, key in (("configMap", "name"), ("secret", "secretName")):
            if source in volume:
                name = volume[source][key]
                head, _, tail = name.rpartition("-")
                volume[source][key] = head if len(tail) == len("cmcc766cm9") else name
    for container in containers_of(template["spec"]) if template else []:
        # What Kubernetes says of an image with a tag anyway.
        if container.get("imagePullPolicy") == "IfNotPresent":
            del container["imagePullPolicy"]
    if plain["kind"] in ("ConfigMap", "Secret"):
        plain["data"] = {name: as_read(plain, name) for name in plain["data"]}
    return plain


def as_read(found: Object, name: str) -> Any:
    """A file of a ConfigMap or of a Secret, whose base64 is in lines or in one."""
    text = found["data"][name]
    if found["kind"] == "Secret":
        return base64.b64decode(text)
    return yaml.safe_load(text) if name.endswith(".yaml") else text


def by_name(objects: list[Object]) -> dict[str, Object]:
    plain = [in_substance(found) for found in objects if found["kind"] != "Namespace"]
    named = {f"{found['kind']} {found['metadata']['name']}": found for found in plain}
    assert len(named) == len(plain)
    return named


@pytest.mark.parametrize("name", NAMES)
def test_the_chart_makes_what_the_overlay_makes(name: str) -> None:
    ours, theirs = by_name(rendered(values_of(name))), by_name(kustomized(f"overlays/{name}"))
    assert ours.keys() == theirs.keys()
    for key, found in ours.items():
        assert found == theirs[key], key


@pytest.mark.parametrize("name", NAMES)
def test_helm_lints_it_without_a_warning(name: str) -> None:
    report = helm_python.lint(CHART, values_of(name), strict=True, kube_version="v1.30.0")
    # 1 is information: that there is no icon.
    assert [m for m in report["messages"] if m["severity"] > 1] == []
    assert report["errors"] == []


@pytest.mark.parametrize(
    "values",
    [
        {"writer": {"replica": 3}},
        {"writer": {"replicas": 0}},
        {"resolver": {"kind": "statefulset"}},
        {"config": {"common": {"database_url": "postgresql://in/plain/sight"}}},
        {"secrets": {"values": {"writer": {"database_url": "postgresql://h/d"}}}},
        {"image": {"prefix": "registry.example.com"}},
        {"image": {"digests": {"writer": "sha256:short"}}},
        {"image": {"digests": {"tools": ""}}},
        {"sidecars": {}},
    ],
)
def test_values_that_mean_nothing_are_refused(values: dict[str, Any]) -> None:
    with helm_python.Chart.load(CHART) as chart:
        chart.validate_schema({})
        with pytest.raises(helm_python.HelmValuesError):
            chart.validate_schema(values)


def test_two_releases_in_one_namespace_have_nothing_in_common() -> None:
    one, other = (by_name(rendered({"secrets": {}}, name=name)) for name in ("cqar", "second"))
    assert one.keys().isdisjoint(other)
    selector = other["Deployment second-cqar-writer"]["spec"]["selector"]["matchLabels"]
    assert selector["app.kubernetes.io/instance"] == "second"
    config = other["ConfigMap second-cqar-config"]["data"]["config.yaml"]
    assert config["resolver"]["writer"] == "second-cqar-writer:9090"


def test_a_changed_setting_starts_the_pods_anew() -> None:
    def note(values: Object) -> str:
        found = called(rendered(values), "Deployment", "cqar-writer")
        text: str = found["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        return text

    assert note({}) == note({})
    assert note({}) != note({"config": {"common": {"log_level": "DEBUG"}}})


def test_another_chart_can_have_the_resolver_in_its_pods(tmp_path: Path) -> None:
    folder = tmp_path / "cqmd"
    (folder / "templates").mkdir(parents=True)
    (folder / "charts").mkdir()
    (folder / "charts/cqar").symlink_to(CHART)
    dependency = {"name": "cqar", "version": newest_release(), "condition": "cqar.enabled"}
    chart = {"apiVersion": "v2", "name": "cqmd", "version": "1.0.0", "dependencies": [dependency]}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    deployment = yaml.safe_load((K8S / "example-sidecar/cqmd.yaml").read_text())
    pod = deployment["spec"]["template"]["spec"]
    context = ".Subcharts.cqar"
    for name, part in (
        ("securityContext", "podSecurity"),
        ("initContainers", "container"),
        ("volumes", "volumes"),
    ):
        pod[name] = f"@{part}@"
    text = yaml.safe_dump(deployment)
    for part in ("podSecurity", "container", "volumes"):
        include = f'{{{{- include "cqar.sidecar.{part}" {context} | nindent 8 }}}}'
        text = text.replace(f"'@{part}@'", include)
    (folder / "templates/cqmd.yaml").write_text(text)
    values = {"cqar": {"enabled": True, "sidecar": {"enabled": True}}}
    objects = rendered(values, folder, name="cqar")
    example = kustomized("example-sidecar")
    mine, theirs = by_name(objects), by_name(example)
    assert pod_specs([mine["Deployment cqmd"]]) == pod_specs([theirs["Deployment cqmd"]])
    assert mine["ConfigMap cqar-sidecar"] == theirs["ConfigMap cqar-sidecar"]


def test_one_version_is_named_everywhere() -> None:
    version = newest_release()
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    images = yaml.safe_load((K8S / "components/version/kustomization.yaml").read_text())["images"]
    named = {chart["appVersion"], *(image["newTag"] for image in images)}
    assert named == {version}
    defaults = re.findall(r"\$\{CQAR_VERSION:-([^}]+)\}", (ROOT / "compose.yaml").read_text())
    assert set(defaults) == {version}
    # Not every builder hands an argument on to the stages that stand on its own.
    args = re.findall(r"^ARG VERSION=(.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert args == [version] * 3


def test_compose_builds_the_version_that_it_names() -> None:
    ours = [s for s in compose()["services"].values() if s["image"].startswith("cqar-")]
    assert len(ours) == 8
    for service in ours:
        assert service["build"]["args"]["VERSION"] == service["image"].partition(":")[2]


def test_secrets_that_are_said_in_values_are_what_was_said() -> None:
    secret = called(rendered(values_of("dev")), "Secret", "cqar-writer")
    said = values_of("dev")["secrets"]["values"]["writer"]
    assert {n: base64.b64decode(v).decode() for n, v in secret["data"].items()} == said
