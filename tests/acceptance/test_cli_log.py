"""`cqar log`: who changed what, when and why, and what comes after."""

from __future__ import annotations

import asyncio
import json
import sys

from tests.acceptance.conftest import Stack


async def test_the_log_tells_each_change_in_every_form(stack: Stack) -> None:
    name = "log-venue"
    added = await stack.cqar("venue", "add", name, "--name", "Log", "--type", "CEX")
    assert added.code == 0, added.err
    assert (await stack.cqar("venue", "set", name, "--name", "Changed")).code == 0
    shown = await stack.cqar("log", "--venue", name)
    assert "name Log → Changed" in shown.out
    assert f"venue {name}" in shown.out
    lines = (await stack.cqar("log", "--venue", name, "-o", "tsv")).out.splitlines()[1:]
    assert [len(line.split("\t")) for line in lines] == [6, 6]
    assert [line.split("\t")[5].split("; ")[0] for line in lines] == ["name Log → Changed", "added"]
    told = json.loads((await stack.cqar("log", "--venue", name, "-o", "json")).out)
    assert [(c["before"] or {}).get("name") for c in told] == ["Log", None]
    assert [c["after"]["name"] for c in told] == ["Changed", "Log"]
    one = (await stack.cqar("log", "--venue", name, "--limit", "1", "-o", "jsonl")).out
    assert json.loads(one)["after"]["name"] == "Changed"
    nothing = await stack.cqar("log", "--venue", name, "--until", "1d", "-o", "tsv")
    assert (nothing.code, nothing.err) == (0, "no changes.\n")


async def test_what_is_asked_wrongly_is_said(stack: Stack) -> None:
    assert "binanse" in (await stack.cqar("log", "--venue", "binanse")).err
    assert "venue_symbo" in (await stack.cqar("log", "--kind", "venue_symbo")).err
    assert (await stack.cqar("log", "--follow", "-o", "json")).code == 2
    assert (await stack.cqar("log", "--since", "yesterday")).code == 2


async def test_who_follows_sees_what_is_committed_meanwhile(stack: Stack) -> None:
    follower = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cqar", "log", "--follow", "-o", "jsonl", "--limit", "1"),
        *("--kind", "venue", "--state", str(stack.state_dir)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert follower.stdout is not None
    try:
        async with asyncio.timeout(30):
            await follower.stdout.readline()
            await stack.cqar("venue", "add", "followed", "--name", "F", "--type", "CEX")
            told = json.loads(await follower.stdout.readline())
    finally:
        follower.kill()
        await follower.wait()
    assert (told["key"], told["before"]) == ("followed", None)
