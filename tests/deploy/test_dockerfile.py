"""The Dockerfile: linted, pinned, and given all that the wheel is made of."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.deploy.manifests import ROOT, run

TEXT = (ROOT / "Dockerfile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKED = {
    package["name"]: package.get("version")
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]
}


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    done = run("hadolint", "--no-color", str(ROOT / "Dockerfile"))
    assert (done.returncode, done.stdout) == (0, "")
    wrong = tmp_path / "Dockerfile"
    wrong.write_text(TEXT.replace("python:${PYTHON}", "python:latest"))
    assert "DL3007" in run("hadolint", "--no-color", str(wrong)).stdout


def test_the_base_and_the_installer_are_pinned_as_elsewhere() -> None:
    assert re.search(r"^ARG PYTHON=3\.11\.\d+-slim-bookworm$", TEXT, re.MULTILINE)
    (version,) = re.findall(r"^ARG UV_VERSION=(\S+)$", TEXT, re.MULTILINE)
    (made_with,) = re.findall(
        r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert version == made_with == LOCKED["uv"]


def test_each_image_runs_as_nobody_that_has_a_name() -> None:
    stages = re.split(r"^FROM ", TEXT, flags=re.MULTILINE)[1:]
    bodies = {re.match(r"\S+ AS (\S+)", stage)[1]: stage for stage in stages}  # type: ignore[index]
    for target in ("writer", "resolver", "reconciler", "tools"):
        base = bodies["service"] if target in ("writer", "resolver") else ""
        users = re.findall(r"^USER (\S+)$", base + bodies[target], re.MULTILINE)
        assert users == ["10001:10001"], target


def test_what_the_wheel_is_made_of_reaches_the_builder_and_nothing_else_does() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    links = [path for name in packages for path in (ROOT / name).iterdir() if path.is_symlink()]
    wanted = {name.partition("/")[0] for name in packages}
    wanted |= {link.resolve().relative_to(ROOT.resolve()).parts[0] for link in links}
    assert let_in == {*wanted, "pyproject.toml", "uv.lock", PROJECT["project"]["readme"]}
    assert "*" in lines


def test_the_wheels_own_builder_is_pinned_too() -> None:
    pinned = PROJECT["tool"]["uv"]["build-constraint-dependencies"]
    assert all(re.fullmatch(r"[a-z-]+==[0-9.]+", line) for line in pinned)
    assert {line.partition("==")[0] for line in pinned} >= set(PROJECT["build-system"]["requires"])
