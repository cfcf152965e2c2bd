"""deploy/k8s: what the schemas take, of which every reference leads somewhere."""

from __future__ import annotations

import copy
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from cqar_shared.rpc.call_metrics import CALLS
from tests.deploy.custom_resources import SCHEMAS
from tests.deploy.manifests import (
    K8S,
    Object,
    called,
    containers_of,
    kustomized,
    of_kind,
    plain_name,
    pod_specs,
)
from tests.deploy.release_version import newest_release
from tests.deploy.service_settings import port, settings_of

OVERLAYS = ("overlays/dev", "overlays/prod", "overlays/daemonset", "example-sidecar")
WHOLE = OVERLAYS[:3]
#: The oldest that has all that we use, and the newest that the validator knows.
VERSIONS = ("1.30", "1.37")
#: Made by somebody else: cert-manager, and the operator of cqmd.
ELSEWHERE = {
    "Secret": {"cqar-tls", "cqar-migrate", "cqar-writer", "cqar-resolver", "cqar-reconciler"}
}
SECRET_KEYS = {
    "migrate": {"database_url"},
    "writer": {"database_url", "nats_url", "redis_url", "integrity_key"},
    "resolver": {"database_url", "nats_url", "redis_url", "integrity_key"},
    "reconciler": {"api_key"},
}
#: In a cluster of one's own, too, its key is made by the writers.
MADE_LATER = {"reconciler"}
#: Servers that somebody else brings, and their clients' ports.
DATA = {"postgres": 5432, "nats": 4222, "redis": 6379}

#: Settings that name a file in a volume.
FILES = ("tls_certificate", "tls_key", "writer_ca", "last_good_file", "socket")

Rendered = dict[str, list[Object]]


@pytest.fixture(scope="module")
def overlays() -> Rendered:
    return {name: kustomized(name) for name in OVERLAYS}


def validate(found: Object, version: str) -> None:
    """Raises where the object is not what its schema says, or has none."""
    if (schema := SCHEMAS.get(found["kind"])) is not None:
        jsonschema.validate(found, schema)
    else:
        kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_object_is_what_its_schema_says(
    overlays: Rendered, overlay: str, version: str
) -> None:
    for found in overlays[overlay]:
        validate(found, version)


def test_a_field_that_does_not_exist_is_refused(overlays: Rendered) -> None:
    for kind in ("Deployment", "NetworkPolicy", "ServiceMonitor", "ExternalSecret"):
        wrong = copy.deepcopy(of_kind(overlays["overlays/prod"], kind)[0])
        wrong["spec"]["replicaz"] = 1
        with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError)):
            validate(wrong, VERSIONS[-1])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_hardened(overlays: Rendered, overlay: str) -> None:
    for name, pod in pod_specs(overlays[overlay]).items():
        ours = [c for c in containers_of(pod) if c["image"].startswith("cqar-")]
        assert ours, name
        for container in ours:
            security = {**pod["securityContext"], **container["securityContext"]}
            assert security["runAsNonRoot"], name
            assert security["runAsUser"] == security["runAsGroup"] == 10001
            assert security["readOnlyRootFilesystem"], name
            assert not security["allowPrivilegeEscalation"], name
            assert security["capabilities"] == {"drop": ["ALL"]}, name
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert {"requests", "limits"} == set(container["resources"]), name
            assert container["image"].rpartition(":")[2] == newest_release(), name


@pytest.mark.parametrize("overlay", WHOLE)
def test_no_pod_of_ours_can_speak_to_the_kubernetes_api(overlays: Rendered, overlay: str) -> None:
    objects = overlays[overlay]
    for pod in pod_specs(objects).values():
        assert pod["automountServiceAccountToken"] is False
        if (account := pod.get("serviceAccountName")) is not None:
            called(objects, "ServiceAccount", account)
    accounts = {plain_name(found) for found in of_kind(objects, "ServiceAccount")}
    bound = [s["name"] for b in of_kind(objects, "RoleBinding") for s in b["subjects"]]
    assert accounts.isdisjoint(bound)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_volume_is_mounted_and_leads_to_something(overlays: Rendered, overlay: str) -> None:
    objects = overlays[overlay]
    made = {
        "ConfigMap": {found["metadata"]["name"] for found in of_kind(objects, "ConfigMap")},
        "Secret": {found["metadata"]["name"] for found in of_kind(objects, "Secret")}
        | {found["spec"]["target"]["name"] for found in of_kind(objects, "ExternalSecret")},
    }
    for name, pod in pod_specs(objects).items():
        mounted = {m["name"] for c in containers_of(pod) for m in c.get("volumeMounts", [])}
        assert mounted == {volume["name"] for volume in pod["volumes"]}, name
        for volume in pod["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in made["ConfigMap"], name
            if "secret" in volume:
                wanted = volume["secret"]["secretName"]
                assert wanted in made["Secret"] | ELSEWHERE["Secret"], name


def secrets_of(objects: list[Object], who: str) -> set[str]:
    """The keys that a secret of ours will have."""
    external = [f for f in of_kind(objects, "ExternalSecret") if plain_name(f) == f"cqar-{who}"]
    if external:
        return {entry["secretKey"] for entry in external[0]["spec"]["data"]}
    return set(called(objects, "Secret", f"cqar-{who}")["data"])


@pytest.mark.parametrize("overlay", WHOLE)
def test_secrets_have_what_the_services_read(overlays: Rendered, overlay: str) -> None:
    for who, keys in SECRET_KEYS.items():
        if overlay != "overlays/dev" or who not in MADE_LATER:
            assert secrets_of(overlays[overlay], who) == keys
    pods = pod_specs(overlays[overlay])
    mounted = {
        name.partition("-")[2]: [v["secret"]["secretName"] for v in pod["volumes"] if "secret" in v]
        for name, pod in pods.items()
    }
    for who, names in mounted.items():
        theirs = [name for name in names if name.startswith("cqar-") and name != "cqar-tls"]
        assert [name.split("-")[1] for name in theirs] == [who]


def test_secrets_made_by_hand_are_those_that_pods_mount(tmp_path: Path) -> None:
    text = (K8S / "secrets.example.yaml").read_text()
    for found in yaml.safe_load_all(text):
        validate(found, VERSIONS[-1])
        assert found["metadata"]["name"] in ELSEWHERE["Secret"]
        service = found["metadata"]["name"].removeprefix("cqar-")
        assert found["stringData"].keys() == SECRET_KEYS[service]
        if service == "migrate":
            continue
        files = {f"/s/{name}": value for name, value in found["stringData"].items()}
        environ = {f"CQAR_{service.upper()}_{Path(path).name.upper()}_FILE": path for path in files}
        if service == "reconciler":
            continue
        made = settings_of(service, environ, "", files, tmp_path)
        assert made.redis_url == ""


def settings(objects: list[Object], container: Object, folder: Path) -> Any:
    """Of the container `writer`, `resolver`, `cqar-resolver` or `reconciler`."""
    service = container["name"].removeprefix("cqar-")
    environ = {entry["name"]: entry["value"] for entry in container["env"]}
    config = "cqar-sidecar" if container["name"] == "cqar-resolver" else "cqar-config"
    text = called(objects, "ConfigMap", config)["data"]["config.yaml"]
    given = {
        "database_url": "postgresql://u:p@h/d",
        "nats_url": "nats://h:4222",
        "redis_url": "redis://h:6379/0",
        "integrity_key": "0f" * 32,
        "api_key": "cqar_key",
    }
    files = {f"/run/secrets/cqar/{name}": text for name, text in given.items()}
    return settings_of(service, environ, text, files, folder)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_service_starts_with_its_settings_and_they_fit_its_container(
    overlays: Rendered, overlay: str, tmp_path: Path
) -> None:
    objects = overlays[overlay]
    seen = 0
    for pod in pod_specs(objects).values():
        for container in containers_of(pod):
            if container["name"].removeprefix("cqar-") not in ("writer", "resolver", "reconciler"):
                continue
            seen += 1
            found = settings(objects, container, tmp_path)
            ports = {p["name"]: p["containerPort"] for p in container["ports"]}
            http = container["livenessProbe"]["httpGet"]
            assert ports[http["port"]] == port(found.http_listen)
            assert http["path"] == "/health/live"
            grpc = getattr(found, "grpc_listen", "")
            assert not grpc or ports.get("grpc", port(grpc)) == port(grpc)
            wait = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
            grace = pod.get("terminationGracePeriodSeconds", 30)
            assert grace >= wait.get("seconds", 0) + found.drain_s + 5
            mounts = {m["mountPath"] for m in container["volumeMounts"]}
            files = [getattr(found, name, "") for name in FILES]
            assert {str(Path(file).parent) for file in files if file} <= mounts
            if hasattr(found, "memory_limit_mib"):
                assert container["resources"]["limits"]["memory"] == "1Gi"
                assert 0 < found.memory_limit_mib < 1024
    assert seen == (1 if overlay == "example-sidecar" else 3)


def pods_selected(objects: list[Object], labels: dict[str, str]) -> list[Object]:
    templates = [
        found["spec"]["template"] for found in of_kind(objects, "Deployment", "DaemonSet", "Job")
    ]
    return [t["spec"] for t in templates if labels.items() <= t["metadata"]["labels"].items()]


@pytest.mark.parametrize("overlay", WHOLE)
def test_every_selector_selects_the_pods_of_one_workload(overlays: Rendered, overlay: str) -> None:
    objects = overlays[overlay]
    for found in of_kind(objects, "Service", "NetworkPolicy", "PodDisruptionBudget"):
        spec = found["spec"]
        if found["metadata"]["name"].startswith("cqar-data-"):
            continue  # of servers that somebody else brings
        selector = spec.get("podSelector") or spec["selector"]
        pods = pods_selected(objects, selector.get("matchLabels", selector))
        assert len(pods) == 1, found["metadata"]["name"]
        names = {p["name"] for c in pods[0]["containers"] for p in c.get("ports", [])}
        if found["kind"] == "Service":
            assert {p["targetPort"] for p in spec["ports"]} <= names
        if found["kind"] == "NetworkPolicy":
            assert {p["port"] for rule in spec["ingress"] for p in rule["ports"]} <= names
    for monitor in of_kind(objects, "ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"]
        services = [
            s
            for s in of_kind(objects, "Service")
            if wanted.items() <= s["metadata"]["labels"].items()
        ]
        assert len(services) == 1
        ports = {p["name"] for p in services[0]["spec"]["ports"]}
        assert {e["port"] for e in monitor["spec"]["endpoints"]} <= ports
    for monitor in of_kind(objects, "PodMonitor"):
        (pod,) = pods_selected(objects, monitor["spec"]["selector"]["matchLabels"])
        containers = [*pod["containers"], *pod["initContainers"]]
        ports = {p["name"] for c in containers for p in c.get("ports", [])}
        assert {e["port"] for e in monitor["spec"]["podMetricsEndpoints"]} <= ports


@pytest.mark.parametrize("overlay", WHOLE)
def test_what_holds_data_is_reached_by_its_clients_and_at_their_port_only(
    overlays: Rendered, overlay: str
) -> None:
    objects = overlays[overlay]
    for name, number in DATA.items():
        spec = called(objects, "NetworkPolicy", f"cqar-data-{name}")["spec"]
        assert spec["podSelector"] == {"matchLabels": {"cqar-data": name}}
        assert spec["policyTypes"] == ["Ingress"]
        clients, replicas = spec["ingress"]
        assert clients["ports"] == [{"protocol": "TCP", "port": number}]
        assert replicas == {"from": [{"podSelector": spec["podSelector"]}]}
        ours, sidecars = clients["from"]
        assert ours["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == "cqar"
        (components,) = (e["values"] for e in ours["podSelector"]["matchExpressions"])
        assert set(components) <= {"writer", "resolver", "migrate"}
        assert sidecars["podSelector"] == {"matchLabels": {"cqar-data-client": "true"}}


@pytest.mark.parametrize("overlay", WHOLE)
def test_prometheus_reaches_metrics_only_and_grafana_nothing(
    overlays: Rendered, overlay: str
) -> None:
    seen = 0
    for found in of_kind(overlays[overlay], "NetworkPolicy"):
        for rule in found["spec"]["ingress"]:
            for source in rule["from"]:
                space = source.get("namespaceSelector", {}).get("matchLabels", {})
                if space.get("kubernetes.io/metadata.name") == "monitoring":
                    seen += 1
                    assert source["podSelector"] == {
                        "matchLabels": {"app.kubernetes.io/name": "prometheus"}
                    }
                    assert rule["ports"] == [{"protocol": "TCP", "port": "http"}]
    assert seen == 3


@pytest.mark.parametrize("overlay", WHOLE)
def test_the_reconciler_reaches_names_writers_and_public_addresses_and_nothing_else(
    overlays: Rendered, overlay: str
) -> None:
    objects = overlays[overlay]
    spec = called(objects, "NetworkPolicy", "cqar-reconciler")["spec"]
    (metrics,) = spec["ingress"]
    assert metrics["ports"] == [{"protocol": "TCP", "port": "http"}]
    names, writers, world = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    (writer,) = writers["to"]
    (pod,) = pods_selected(objects, writer["podSelector"]["matchLabels"])
    assert pod["serviceAccountName"] == "cqar-writer"
    assert writers["ports"] == [{"protocol": "TCP", "port": "grpc"}]
    assert world["ports"] == [{"protocol": "TCP", "port": 443}]
    blocks = [one["ipBlock"] for one in world["to"]]
    kept = [ip_network(text) for block in blocks for text in block["except"]]
    for inside in ("10.1.2.3", "169.254.169.254", "172.20.0.1", "192.168.1.1", "fd00::1"):
        address = ip_address(inside)
        assert any(address in network for network in kept if network.version == address.version)
    # The writers let in whoever bears the label.
    (template,) = (
        found["spec"]["template"]
        for found in of_kind(objects, "Deployment")
        if plain_name(found) == "cqar-reconciler"
    )
    assert template["metadata"]["labels"]["cqar-client"] == "true"


@pytest.mark.parametrize("overlay", WHOLE)
def test_one_reconciler_uses_a_state_folder_at_a_time_and_has_no_certificate_of_its_own(
    overlays: Rendered, overlay: str, tmp_path: Path
) -> None:
    found = called(overlays[overlay], "Deployment", "cqar-reconciler")["spec"]
    assert (found["replicas"], found["strategy"]) == (1, {"type": "Recreate"})
    pod = found["template"]["spec"]
    (container,) = pod["containers"]
    made = settings(overlays[overlay], container, tmp_path)
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert volumes["state"]["emptyDir"]["sizeLimit"] == "3Gi"
    assert made.answers_bytes_max < 3 * 2**30
    keys = [item["key"] for item in volumes.get("ca", {"secret": {"items": []}})["secret"]["items"]]
    assert keys == (["ca.crt"] if made.writer_ca else [])


def test_a_sidecars_pods_may_reach_what_holds_data(overlays: Rendered) -> None:
    (found,) = of_kind(overlays["example-sidecar"], "Deployment")
    assert found["spec"]["template"]["metadata"]["labels"]["cqar-data-client"] == "true"


def test_resolvers_scale_by_a_metric_that_is_made_of_one_they_export(overlays: Rendered) -> None:
    prod = overlays["overlays/prod"]
    (scaler,) = of_kind(prod, "HorizontalPodAutoscaler")
    target = scaler["spec"]["scaleTargetRef"]
    called(prod, target["kind"], target["name"])
    wanted = scaler["spec"]["metrics"][0]["pods"]["metric"]["name"]
    values = K8S / "components/resolver-deployment/prometheus-adapter.yaml"
    (rule,) = yaml.safe_load(values.read_text())["rules"]["custom"]
    assert rule["name"]["as"] == wanted
    exported = {sample.name for metric in CALLS.collect() for sample in metric.samples}
    exported |= {f"{metric.name}_total" for metric in CALLS.collect()}
    assert rule["seriesQuery"].partition("{")[0] in exported


def test_writers_are_several_apart_and_never_all_away(overlays: Rendered) -> None:
    prod = overlays["overlays/prod"]
    writer = called(prod, "Deployment", "cqar-writer")["spec"]
    budget = called(prod, "PodDisruptionBudget", "cqar-writer")["spec"]
    assert writer["replicas"] > budget["maxUnavailable"]
    assert writer["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert writer["template"]["spec"]["affinity"]["podAntiAffinity"]


def test_cqmd_and_its_resolver_share_the_sockets_folder_and_its_group(overlays: Rendered) -> None:
    (pod,) = pod_specs(overlays["example-sidecar"]).values()
    (sidecar,) = pod["initContainers"]
    (cqmd,) = pod["containers"]
    assert sidecar["restartPolicy"] == "Always"
    shared = {"name": "cqar-run", "mountPath": "/run/cqar"}
    assert shared in sidecar["volumeMounts"]
    assert shared in cqmd["volumeMounts"]
    assert sidecar["securityContext"]["runAsGroup"] in pod["securityContext"]["supplementalGroups"]
    (volume,) = [v for v in pod["volumes"] if v["name"] == "cqar-run"]
    assert volume["emptyDir"]["medium"] == "Memory"
