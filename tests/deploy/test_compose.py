"""compose.yaml is what Compose takes, hardened throughout, and what our services can start with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.manifests import ROOT, Object, compose
from tests.deploy.service_settings import document, port, settings_of

#: Runs once, without a network, to hand a volume over to whom it is for.
AS_ROOT = {"nats-volume"}
RUN_ONCE = {"nats-volume", "migrate", "tools", "audit"}
#: What holds data.
DATA = {"postgres", "nats", "redis"}
WRITABLE = {"volume", "tmpfs"}
#: A key, which a registry makes once it runs.
BY_THE_REGISTRY = "reconciler_key"
PINNED = re.compile(r"[a-z0-9./-]+:v?[0-9]+(\.[0-9]+){1,2}(-[a-z0-9.]+)?")


@pytest.fixture(scope="module")
def whole() -> Object:
    return compose()


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compose") / "secrets"
    subprocess.run([ROOT / "deploy/compose/make-secrets", folder], check=True)
    return folder


def test_compose_itself_takes_the_file_and_refuses_a_misspelt_key(
    whole: Object, tmp_path: Path
) -> None:
    assert whole["name"] == "cqar"
    text = (ROOT / "compose.yaml").read_text()
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(text.replace("stop_grace_period:", "stop_grace_perod:"))
    with pytest.raises(ValueError, match="stop_grace_perod"):
        compose(wrong)


def test_there_is_all_that_a_registry_needs_twice_where_one_may_fail(whole: Object) -> None:
    assert set(whole["services"]) == {
        *("postgres", "nats", "nats-volume", "redis", "migrate", "tools", "audit"),
        *("writer-1", "writer-2", "resolver-1", "resolver-2", "prometheus", "grafana"),
        "reconciler",
    }
    assert whole["services"]["reconciler"]["profiles"] == ["reconciler"]


def test_nothing_may_do_more_than_it_must(whole: Object) -> None:
    for name, service in whole["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        root = service["user"].split(":")[0] == "0"
        assert root == (name in AS_ROOT), name
        assert service.get("cap_add", []) == (["CHOWN"] if root else []), name
        assert not root or service["network_mode"] == "none"
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}, name
        for volume in service.get("volumes", []):
            assert volume["type"] in WRITABLE or volume["read_only"], name


def test_every_image_is_one_of_a_kind(whole: Object) -> None:
    for name, service in whole["services"].items():
        assert PINNED.fullmatch(service["image"]), name


def test_whoever_stays_is_asked_for_its_health_and_waited_for(whole: Object) -> None:
    services = whole["services"]
    assert {name for name in services if "healthcheck" not in services[name]} == RUN_ONCE
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if other in RUN_ONCE else "service_healthy"
            assert how["condition"] == wanted, (name, other)


def test_what_holds_data_is_reached_from_inside_only(whole: Object) -> None:
    for network in ("data", "metrics"):
        assert whole["networks"][network]["internal"]
    for name in DATA:
        assert set(whole["services"][name]["networks"]) == {"data"}
        assert "ports" not in whole["services"][name]
    ports = [p for service in whole["services"].values() for p in service.get("ports", [])]
    assert {p["host_ip"] for p in ports} == {"127.0.0.1"}
    published = [p["published"] for p in ports]
    assert len(published) == len(set(published))


def reached_by(whole: Object, name: str) -> set[str]:
    """Whoever shares a network with a service."""
    networks = {n: set(s.get("networks") or ()) for n, s in whole["services"].items()}
    return {other for other in networks if other != name and networks[other] & networks[name]}


def test_metrics_and_dashboards_are_off_the_network_of_what_holds_data(whole: Object) -> None:
    ours = {"writer-1", "writer-2", "resolver-1", "resolver-2"}
    for name in DATA:
        assert reached_by(whole, name) == (DATA - {name}) | ours | {"migrate", "audit"}
    assert reached_by(whole, "prometheus") == ours | {"grafana", "reconciler"}
    assert reached_by(whole, "grafana") == {"prometheus"}
    assert reached_by(whole, "tools") == ours | {"reconciler"}
    # It speaks to the world, and to nothing that holds data.
    assert set(whole["services"]["reconciler"]["networks"]) == {"edge", "metrics"}
    # NATS tells all of its connections and accounts at its monitoring port: to its own container.
    (nats,) = (c["file"] for n, c in whole["configs"].items() if n == "nats")
    assert re.findall(r"^http:.*$", Path(nats).read_text(), re.MULTILINE) == [
        "http: 127.0.0.1:8222"
    ]


def test_each_role_is_given_its_own_secrets_and_no_others(whole: Object) -> None:
    given = {
        name: {secret["source"] for secret in service.get("secrets", [])}
        for name, service in whole["services"].items()
    }
    for role in ("writer", "resolver"):
        wanted = {f"{role}_{server}_url" for server in ("database", "nats", "redis")}
        wanted.add("integrity_key")
        assert given[f"{role}-1"] == given[f"{role}-2"] == wanted
    assert given["migrate"] == {"owner_database_url"}
    assert given["audit"] == {"auditor_database_url"}
    assert given["reconciler"] == {BY_THE_REGISTRY}
    assert given["prometheus"] == given["tools"] == set()


def test_every_file_that_is_mounted_is_there(whole: Object) -> None:
    binds = [
        volume["source"]
        for service in whole["services"].values()
        for volume in service.get("volumes", [])
        if volume["type"] == "bind"
    ]
    named = [config["file"] for config in whole["configs"].values()]
    assert [path for path in (*binds, *named) if not Path(path).exists()] == []


def test_make_secrets_makes_each_secret_once_and_nobody_else_can_enter(
    whole: Object, secrets: Path
) -> None:
    wanted = {Path(secret["file"]).name for secret in whole["secrets"].values()}
    assert wanted - {BY_THE_REGISTRY} <= {path.name for path in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o777 == 0o700
    before = {path.name: path.read_text() for path in secrets.iterdir()}
    assert len(set(before.values())) == len(before)
    subprocess.run([ROOT / "deploy/compose/make-secrets", secrets], check=True)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == before


def test_every_secret_is_used_and_no_address_with_a_password_is_in_an_environment(
    whole: Object,
) -> None:
    services = whole["services"].values()
    used = {secret["source"] for service in services for secret in service.get("secrets", [])}
    assert used == set(whole["secrets"])
    for service in services:
        given = {f"/run/secrets/{secret['source']}" for secret in service.get("secrets", [])}
        for variable, value in service.get("environment", {}).items():
            assert "://" not in (value or ""), variable
            if variable.endswith("_FILE"):
                assert value in given, variable


def started_with(whole: Object, name: str, secrets: Path, folder: Path) -> Any:
    environ = whole["services"][name]["environment"]
    files = {f"/run/secrets/{path.name}": path.read_text() for path in secrets.iterdir()}
    files[f"/run/secrets/{BY_THE_REGISTRY}"] = "cqar_key"
    config = Path(whole["configs"]["cqar"]["file"]).read_text()
    return settings_of(name.partition("-")[0], environ, config, files, folder)


@pytest.mark.parametrize("name", ["writer-1", "writer-2", "resolver-1", "resolver-2"])
def test_a_service_starts_with_its_settings_and_they_fit_its_container(
    whole: Object, secrets: Path, tmp_path: Path, name: str
) -> None:
    service = whole["services"][name]
    settings = started_with(whole, name, secrets, tmp_path)
    assert [p["target"] for p in service["ports"]] == [port(settings.grpc_listen)]
    health = " ".join(service["healthcheck"]["test"])
    assert f"127.0.0.1:{port(settings.http_listen)}/health/ready" in health
    assert float(service["stop_grace_period"].removesuffix("s")) > settings.drain_s
    if name.startswith("resolver"):
        limit = int(service["deploy"]["resources"]["limits"]["memory"])
        assert 0 < settings.memory_limit_mib * 2**20 < limit
        targets = {volume["target"]: volume["source"] for volume in service["volumes"]}
        assert targets[str(Path(settings.last_good_file).parent)] == name


def test_the_reconciler_starts_with_its_settings_and_they_fit_its_container(
    whole: Object, secrets: Path, tmp_path: Path
) -> None:
    service = whole["services"]["reconciler"]
    settings = started_with(whole, "reconciler", secrets, tmp_path)
    health = " ".join(service["healthcheck"]["test"])
    assert f"127.0.0.1:{port(settings.http_listen)}/health/ready" in health
    assert float(service["stop_grace_period"].removesuffix("s")) > settings.drain_s
    assert "ports" not in service
    targets = {volume["target"]: volume["source"] for volume in service["volumes"]}
    assert targets == {str(Path(settings.state_folder).parent): "reconciler"}


def test_who_asks_for_signatures_gives_writers_the_key_and_resolvers_those_to_trust(
    secrets: Path, tmp_path: Path
) -> None:
    signing = compose(ROOT / "compose.yaml", ROOT / "deploy/compose/signing.yaml")
    for name in ("signing_key.pem", "trusted_keys"):
        (secrets / name).write_text("")
    for number in (1, 2):
        writer = started_with(signing, f"writer-{number}", secrets, tmp_path)
        resolver = started_with(signing, f"resolver-{number}", secrets, tmp_path)
        assert Path(writer.signing_key_file).name == "signing_key.pem"
        assert Path(resolver.trusted_keys_file).name == "trusted_keys"
        assert resolver.require_signed
        given = {s["source"] for s in signing["services"][f"resolver-{number}"]["secrets"]}
        assert "trusted_keys" in given
        assert "signing_key.pem" not in given
    for name in ("signing_key.pem", "trusted_keys"):
        (secrets / name).unlink()


def test_prometheus_asks_every_service_of_ours(
    whole: Object, secrets: Path, tmp_path: Path
) -> None:
    config = document(Path(whole["configs"]["prometheus"]["file"]).read_text())
    asked = {
        target
        for job in config["scrape_configs"]
        for static in job.get("static_configs", ())
        for target in static["targets"]
    }
    # Without its profile there is none to ask, and no alert for it.
    (found,) = (j["dns_sd_configs"] for j in config["scrape_configs"] if "dns_sd_configs" in j)
    settings = started_with(whole, "reconciler", secrets, tmp_path)
    assert (found[0]["names"], found[0]["port"]) == (["reconciler"], port(settings.http_listen))
    for name in ("writer-1", "writer-2", "resolver-1", "resolver-2"):
        settings = started_with(whole, name, secrets, tmp_path)
        assert f"{name}:{port(settings.http_listen)}" in asked
