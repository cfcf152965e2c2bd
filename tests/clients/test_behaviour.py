"""Python, Go and TypeScript give one table's answers: clients/behaviour/cases.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import cqar
from tests.clients.conftest import table
from tests.clients.go_build import CLIENTS, GoFolder
from tests.clients.python_behaviour import ask, differences, error_of, revision_of
from tests.support.doc_pages import ran

TABLE = table()["cases"]
#: What a replica of this machine can be asked.
LOCAL = [
    case for case in TABLE if case["ask"] == "resolve" and not {"at", "as_of", "carry"} & set(case)
]


def run_case(client: Any, case: dict[str, Any], head: cqar.Position) -> None:
    """Ask one case of a client, and compare what it answers."""
    expected = case.get("answer") or case["error"]
    try:
        if "carry" in case:
            epoch = int(case.get("carry_epoch", head.epoch))
            client.carry(cqar.Position(epoch, revision_of(case["carry"], head)))
        answered = ask(client, case, head)
        assert "answer" in case, answered
    except ValueError:
        answered = {"kind": "INVALID_REQUEST"}
    except cqar.CqarError as error:
        answered = error_of(error)
        assert "error" in case, answered
    if "error" in case:
        assert answered["kind"] in expected["kind"]
        answered["kind"] = expected["kind"]
    if case.get("carried_at_least") == "":
        assert client.position is None
    elif "carried_at_least" in case:
        least = (head.epoch, revision_of(case["carried_at_least"], head))
        assert client.position is not None
        assert client.position >= least
    assert differences(expected, answered) == []


def _head(behaviour: Path) -> cqar.Position:
    told = json.loads(behaviour.read_text())
    return cqar.Position(int(told["epoch"]), int(told["revision"]))


def test_each_case_has_a_name_of_its_own() -> None:
    assert len({case["name"] for case in TABLE}) == len(TABLE) > 40


@pytest.mark.parametrize("case", TABLE, ids=[case["name"] for case in TABLE])
def test_the_python_sdk_answers_as_the_table_says(
    case: dict[str, Any], behaviour: Path, servers: dict[str, str]
) -> None:
    address = servers[case.get("at", "resolver")]
    with cqar.Client(address, timeout_s=case.get("timeout_s", 10)) as client:
        run_case(client, case, _head(behaviour))


def test_the_python_replica_answers_as_the_table_says(
    behaviour: Path, servers: dict[str, str]
) -> None:
    with cqar.LocalReplica(servers["replica"]) as replica:
        for case in LOCAL:
            run_case(replica, case, _head(behaviour))


async def test_the_client_in_go_and_its_replica_answer_as_the_table_says(
    behaviour: Path, go: GoFolder
) -> None:
    out = await go.run("test", "-count=1", "-v", "cqar.example/client/...", behaviour=behaviour)
    passed = re.findall(r"^    --- PASS: TestBehaviour/(.+) \(", out, re.MULTILINE)
    assert len(passed) == len(TABLE) + len(LOCAL)


async def test_the_client_in_typescript_answers_as_the_table_says(
    behaviour: Path, typescript: Path
) -> None:
    tests = typescript / "dist/test/behaviour.test.js"
    out = await ran("node", "--test", tests, CQAR_BEHAVIOUR=str(behaviour), cwd=CLIENTS)
    assert f"# pass {len(TABLE)}\n" in out or f"ℹ pass {len(TABLE)}\n" in out
