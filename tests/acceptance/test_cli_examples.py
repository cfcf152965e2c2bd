"""Every command line that a help text shows is typed at a stack with the catalogue."""

from __future__ import annotations

import re
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any, Final

import click
import pytest

from cqar.cli import cli
from cqar.cli.exit_codes import DONE, NOT_FOUND, NOT_REACHABLE, REFUSED
from cqar.cli.lazy_commands import LazyCommand
from tests.acceptance.conftest import Stack

#: What ends by a signal alone, starts or stops stacks, or asks venues.
ELSEWHERE: Final = re.compile(r"cqar (up|down|demo|watch|reconcile|completion)\b|--live|--follow")
#: What a shell does with other programs or with files that only its user has.
SHELL: Final = re.compile(r"\$\(|[|<>…]|\w\.(json|jsonl|csv|yaml|parquet|zip)\b|/tmp/| -f ")


#: An id that stands for a listing without its name.
RAW_ID: Final = re.compile(r"venue[ _]symbol '?[0-9a-f]{8}-")


def leaves(group: click.Command, path: str = "cqar") -> Iterator[tuple[str, Any]]:
    command = group.load() if isinstance(group, LazyCommand) else group
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in command.list_commands(click.Context(command)):
        inner = command.get_command(click.Context(command), name)
        assert inner is not None
        yield from leaves(inner, f"{path} {name}")


def examples() -> Iterator[str]:
    for path, command in leaves(cli):
        for line in re.findall(r"(?:Example: | {2}|\n)(cqar .*)", command.help or ""):
            text = line.split("  #")[0].strip()
            if text.startswith(path) and not ELSEWHERE.search(text) and not SHELL.search(text):
                asks = any(each.name == "plan" for each in command.params)
                # Nobody answers here: what asks is planned.
                yield f"{text} --plan" if asks and not re.search("--yes|--plan", text) else text


@pytest.fixture(scope="module")
async def registry(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    await stack.ok("catalogue", "load")
    # `cqar export --out registry` writes into the folder where it runs.
    with chdir(tmp_path_factory.mktemp("here")):
        yield stack


@pytest.fixture(autouse=True)
def own_contexts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CQAR_CONTEXTS", str(tmp_path / "contexts.json"))


@pytest.mark.parametrize("line", list(dict.fromkeys(examples())))
async def test_an_example_does_what_it_says_or_says_why_not(registry: Stack, line: str) -> None:
    ran = await registry.cqar(*shlex.split(line)[1:])
    # What it names may be there already, or not be there: it is never a wrong command line.
    assert ran.code in (DONE, REFUSED, NOT_FOUND, NOT_REACHABLE), (ran.code, ran.err)
    assert ran.code == DONE or ran.err.startswith("cqar: ")
    assert not RAW_ID.search(ran.err.replace(line, "")) or ran.code == NOT_FOUND, ran.err
