"""Every list in every form, on terminals of three widths and in a pipe: no value is cut."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import click
import pytest
import yaml

from cqar.cli import cli, output
from cqar.cli.lazy_commands import LazyCommand
from tests.acceptance.conftest import Stack
from tests.support import cli_runner
from tests.support.cli_runner import Ran

LONG: Final = "A" * 30 + "-" + "B" * 29
SPELLINGS: Final = ("币安人生USDT", LONG, "XBT/USD:USD-260327_C.x")
#: Every list, with what its command takes.
LISTS: Final[dict[str, tuple[str, ...]]] = {
    "asset list": (),
    "asset search": ("WLIFE",),
    "asset duplicates": (),
    "audit keys": (),
    "canary list": ("desk-venue",),
    "chain list": (),
    "context list": (),
    "deployment list": ("币安人生",),
    "doctor": (),
    "findings list": (),
    "findings policy": (),
    "flag list": ("币安人生",),
    "group list": (),
    "group expand": ("all-life",),
    "history": (f"desk-venue/{SPELLINGS[0]}",),
    "identifier list asset": ("币安人生",),
    "identifier list symbol": ("币安人生/USDT",),
    "keys list": (),
    "listing list": ("desk-venue",),
    "log": (),
    "rejects list": ("desk-venue",),
    "relationship list": ("币安人生",),
    "search": ("币安人生",),
    "symbol list": (),
    "symbol search": ("USDT",),
    "upcoming": ("desk-venue",),
    "venue list": (),
    "venue status": ("desk-venue",),
    "venue-asset list": ("desk-venue",),
    "venues": (),
}
#: No undecided finding and no context is made here.
EMPTY: Final = frozenset({"asset duplicates", "context list", "findings list"})
REASON: Final = "a reason that says why, at some length, in words of its own"


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    command = group.load() if isinstance(group, LazyCommand) else group
    if not isinstance(command, click.Group):
        yield " ".join(path), command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, (*path, name))


def test_every_list_is_tried() -> None:
    found = {name for name, command in commands(cli) if is_list(command)}
    assert found == LISTS.keys()


def is_list(command: click.Command) -> bool:
    return {"form", "columns", "sort", "quiet"} <= {each.name for each in command.params}


def test_whatever_is_called_a_list_has_every_form() -> None:
    wordy = {name for name, _ in commands(cli) if name.split()[-1] in ("list", "search", "venues")}
    assert wordy <= LISTS.keys()


@pytest.fixture(autouse=True)
def no_contexts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Contexts of who runs the tests are not listed."""
    monkeypatch.setenv("CQAR_CONTEXTS", str(tmp_path / "contexts.json"))


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    for ticker in ("币安人生", "USDT", "WLIFE"):
        await stack.ok("asset", "add", ticker, "--name", f"{ticker} coin", "--type", "native")
    await stack.ok("symbol", "add", "币安人生", "USDT", "--type", "spot")
    await stack.ok("chain", "add", "bsc", "--name", "BNB Smart Chain", "--type", "evm")
    await stack.ok(
        "deployment",
        "add",
        "币安人生",
        "bsc",
        "--contract-address",
        f"0x{'a' * 40}",
        "--decimals",
        "18",
    )
    await stack.ok("relationship", "add", "WLIFE", "wraps", "币安人生")
    await stack.ok("group", "add", "all-life")
    await stack.ok("group", "member", "add", "all-life", "币安人生", "--weight", "0.123456789")
    await stack.ok("identifier", "add", "asset", "币安人生", "coingecko", "binance-life")
    await stack.ok("identifier", "add", "symbol", "币安人生/USDT", "messari", "life-usdt")
    await stack.ok("flag", "raise", "币安人生", "low_liquidity", "medium", "--description", REASON)
    await stack.ok("venue", "add", "desk-venue", "--name", "Desk Venue", "--type", "cex")
    await stack.ok("venue", "set", "desk-venue", "--facts-stale-after-s", "60")
    await stack.ok("venue-asset", "add", "desk-venue", "币安人生", "币安人生")
    for spelling in SPELLINGS:
        words = (spelling, "币安人生/USDT", "--tick-size", "0.000000012345")
        await stack.ok("listing", "add", "desk-venue", *words, "--reason", REASON)
    one = ("desk-venue", SPELLINGS[0], "--reason", "r")
    later = ("--at", "2099-01-01", "--tick-size", "0.5")
    await stack.ok("listing", "schedule", *one, *later)
    start = ("--group", "desk", "--for", "1h", "--tick-size", "0.25")
    await stack.ok("canary", "start", *one, *start, "--yes")
    report = ("--code", "-1013", "--reason", "TICK", "--message", "PRICE_FILTER")
    await stack.ok("rejects", "report", "desk-venue", SPELLINGS[2], *report)
    return stack


async def run(stack: Stack, name: str, *options: str) -> Ran:
    ran = await stack.cqar(*name.split(), *LISTS[name], *options)
    assert ran.code == 0, (name, options, ran.err)
    return ran


def tsv(text: str) -> list[list[str]]:
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize("name", LISTS)
async def test_programs_get_the_same_rows_in_every_form(registry: Stack, name: str) -> None:
    documents = (await run(registry, name, "-o", "json")).document
    piped = (await run(registry, name)).out
    titles, *rows = tsv(piped)
    assert bool(rows) is (name not in EMPTY)
    assert (await run(registry, name, "-o", "tsv")).out == piped
    comma = csv.reader(io.StringIO((await run(registry, name, "-o", "csv")).out))
    assert len(list(comma)) == len(rows) + 1
    lines = [json.loads(x) for x in (await run(registry, name, "-o", "jsonl")).out.splitlines()]
    assert len(lines) == len(rows)
    assert yaml.safe_load((await run(registry, name, "-o", "yaml")).out) == lines
    if isinstance(documents, list) and name != "upcoming":
        assert documents == lines
    ids = (await run(registry, name, "-q")).out.splitlines()
    assert len(ids) == len(rows)
    assert all(len(row) == len(titles) for row in rows)
    first = titles[0]
    ((only, *values)) = [row[0] for row in tsv((await run(registry, name, "--columns", first)).out)]
    assert (only, sorted(values)) == (first, sorted(row[0] for row in rows))
    backwards = tsv((await run(registry, name, "--sort", f"-{first}")).out)[1:]
    forwards = tsv((await run(registry, name, "--sort", first)).out)[1:]
    assert [row[0] for row in backwards] == [row[0] for row in forwards][::-1]
    wrong = await registry.cqar(*name.split(), *LISTS[name], "--columns", "nothing")
    assert wrong.code == 2
    assert f"the columns are {', '.join(titles)}" in wrong.err
    assert '": 1.2345e' not in json.dumps(documents)


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("name", LISTS)
async def test_on_a_terminal_every_value_is_whole_or_its_column_is_named(
    registry: Stack, name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles, *rows = tsv((await run(registry, name, "-o", "tsv")).out)
    monkeypatch.setattr(output, "is_terminal", lambda: True)
    monkeypatch.setattr(cli_runner, "COLUMNS", str(width))
    for options in ((), ("-o", "wide")):
        for no_color in (None, "1"):
            with pytest.MonkeyPatch.context() as patched:
                if no_color:
                    patched.setenv("NO_COLOR", no_color)
                ran = await run(registry, name, *options)
            left_out = left_out_of(ran.err)
            assert not (options and left_out)
            shown = [place for place, title in enumerate(titles) if title not in left_out]
            # A column of prose may be wrapped between words, and a narrow terminal wraps lines.
            text = "".join(ran.out.split())
            for row in rows:
                for place in shown:
                    words = row[place].replace("\\n", " ").split()
                    assert all(word in text for word in words), (titles[place], row[place])
            if no_color:
                assert "\x1b" not in ran.out


def left_out_of(err: str) -> list[str]:
    named = err.partition("not shown for width: columns ")[2].partition(";")[0]
    return named.split(", ") if named else []
