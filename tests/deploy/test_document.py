"""docs/DEPLOYMENT.md and docs/OPERATIONS.md name what there is."""

from __future__ import annotations

import re

import click
import pytest

from cqar.cli import cli
from cqar.reconciler.__main__ import main as reconciler
from cqar.reconciler.config import ReconcilerConfig
from cqar_resolver.__main__ import main as resolver
from cqar_resolver.config import ResolverConfig
from cqar_shared.runtime.config import SCHEMES
from cqar_writer.__main__ import main as writer
from cqar_writer.config import WriterConfig
from cqar_writer.migrations.program import main as migrations
from tests.deploy.manifests import ROOT, compose

NAMES = ("DEPLOYMENT", "OPERATIONS")
TEXTS = {name: (ROOT / f"docs/{name}.md").read_text() for name in NAMES}
#: What is in the environment and no setting of a service.
ALONE = {
    *("CQAR_CONFIG", "CQAR_DATABASE_URL", "CQAR_DATABASE_URL_FILE", "CQAR_VERSION"),
    *("CQAR_KEY", "CQAR_CA", "CQAR_CERT", "CQAR_CERT_KEY"),
    *("CQAR_WRITER_NAME", "CQAR_RESOLVER_NAME", "CQAR_CHANGES"),
}
PROGRAMS: dict[str, click.Command] = {
    "cqar": cli,
    "cqar-writer": writer,
    "cqar-resolver": resolver,
    "cqar-reconciler": reconciler,
}
SECTIONS = {"WRITER": WriterConfig, "RESOLVER": ResolverConfig, "RECONCILER": ReconcilerConfig}


def typed(text: str) -> str:
    """What may be typed, without the prose around it."""
    found = re.findall(r"```\n(.*?)```|`([^`]+)`", text, re.DOTALL)
    return "\n".join("".join(one) for one in found)


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_file_that_it_names_is_there(text: str) -> None:
    folders = "deploy|docs|tests|shared|writer|resolver|tools|cqar"
    named = set(re.findall(rf"(?<![\w/])(?:{folders})/[\w./-]+[\w]", text))
    secrets = "deploy/compose/secrets"
    made = {secrets, f"{secrets}/grafana_password", f"{secrets}/reconciler_key"}
    # Measured and written on a machine that does nothing else.
    made |= {"docs/PERFORMANCE.md"}
    # By deploy/pin-images, where it is run.
    made |= {"deploy/images.env", "deploy/images.yaml"}
    missing = {path for path in named - made if not (ROOT / path).exists()}
    # `kubectl exec deploy/cqar-writer`: Kubernetes' own word.
    assert missing <= {"deploy/cqar-writer"}
    assert len(named) > 5


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_variable_that_it_names_is_read(text: str) -> None:
    settings = {
        f"CQAR_{section}_{name.upper()}"
        for section, config in SECTIONS.items()
        for name in config.__struct_fields__
    }
    named = set(re.findall(r"\bCQAR_[A-Z_]*[A-Z]\b", text))
    assert named <= settings | {f"{name}_FILE" for name in settings} | ALONE
    assert {name for name in settings if name.endswith("_URL")} & named
    assert set(SCHEMES) >= {"database_url", "nats_url", "redis_url"}


@pytest.mark.parametrize("text", TEXTS.values(), ids=NAMES)
def test_every_command_that_it_names_exists(text: str) -> None:
    seen = 0
    line = r"^(?:.*-- |.* writer-1 )?(cqar(?:-writer|-resolver|-reconciler)?)((?: [a-z][a-z-]*)+)"
    for program, words in re.findall(line, typed(text), re.MULTILINE):
        command: click.Command | None = PROGRAMS[program]
        for word in words.split():
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            seen += 1
            assert command is not None, f"{program}{words}"
    assert seen > 3
    for word in re.findall(r"cqar-migrate ([a-z]+)", text):
        assert word in migrations.commands


def test_every_service_of_compose_that_it_names_is_one() -> None:
    services = compose()["services"]
    named = re.findall(r"docker compose (?:exec|run --rm) ([a-z0-9-]+)", TEXTS["DEPLOYMENT"])
    assert set(named) == {"writer-1", "tools", "audit"}
    assert set(named) <= set(services)
