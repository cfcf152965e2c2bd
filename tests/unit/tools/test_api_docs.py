"""What docs/API.md is made of: examples of every RPC, words of every comment, stable answers."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any, Final

import pytest

from cqar.admin.connection import CallFailed
from cqar.admin.rpc_catalog import rpcs
from cqar.cli.call import call
from tools.api_docs.contract import Contract, read_contract
from tools.api_docs.example_runner import ExampleFailed, _require_expected
from tools.api_docs.examples import Example, read_examples
from tools.api_docs.normalization import normal, strings_in
from tools.api_docs.page_builder import PAGE
from tools.api_docs.type_tables import anchor

UNANSWERED: set[str] = set()
#: It takes a merge back, to which two people must have agreed: the examples are one person's.
TWO_PEOPLE: Final = {"UnmergeAsset"}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return read_contract()


def test_every_rpc_has_an_example_of_an_answer() -> None:
    answered = {e.rpc for e in read_examples().calls if not e.fails}
    without = [name for name in rpcs() if name not in answered | TWO_PEOPLE]
    assert without == [], "add to tools/api_docs/examples.json, then `make docs-api`"


def test_only_what_no_release_answers_has_an_example_without_an_answer() -> None:
    assert {e.rpc for e in read_examples().calls if e.unanswered} == UNANSWERED


def test_an_example_of_an_error_says_what_there_is_to_see() -> None:
    assert [e.line for e in read_examples().calls if e.fails and not e.about] == []


@pytest.mark.parametrize("example", [read_examples().before, *read_examples().calls])
def test_a_shell_and_cqar_read_the_printed_line_as_the_example_means_it(example: Example) -> None:
    shown = subprocess.run(
        ["sh", "-c", example.line.replace("cqar call", "printf '%s\\0'", 1)],
        check=True,
        capture_output=True,
        text=True,
    )
    words = shown.stdout.split("\0")[:-1]
    assert ["call", *words] == example.arguments
    context = call.make_context("call", list(words))
    assert context.params["rpc"] == example.rpc
    assert json.loads(context.params["request"]) == example.request
    assert list(context.params["metadata"]) == example.metadata
    assert context.params["reason"] == example.reason


@pytest.mark.parametrize(
    ("example", "failed"),
    [
        (Example(rpc="GetAsset"), CallFailed("no asset", "NOT_FOUND", "ASSET_NOT_FOUND")),
        (Example(rpc="GetAsset", fails="ASSET_NOT_FOUND"), None),
        (Example(rpc="GetAsset", fails="INVALID"), CallFailed("", "NOT_FOUND", "ASSET_NOT_FOUND")),
        (Example(rpc="Watch", unanswered=True), None),
        (Example(rpc="GetAsset"), CallFailed("does not answer", "UNAVAILABLE")),
    ],
    ids=["refused", "answered", "refused otherwise", "answered at last", "not reached"],
)
def test_an_example_that_is_answered_otherwise_than_it_says_stops_the_making(
    example: Example, failed: CallFailed | None
) -> None:
    with pytest.raises(ExampleFailed, match=example.rpc):
        _require_expected(example, failed)


# ---------------------------------------------------------------- the contract's words


def test_every_rpc_and_every_service_has_a_comment(contract: Contract) -> None:
    services = {rpc.service for rpc in rpcs().values()}
    bare = [name for name in services if not contract.services[name].comment]
    for name in services:
        bare += [rpc.name for rpc in contract.services[name].rpcs if not rpc.comment]
    assert bare == []


def test_the_contract_read_from_the_protos_is_the_generated_one(contract: Contract) -> None:
    for name, rpc in rpcs().items():
        read = next(r for r in contract.services[rpc.service].rpcs if r.name == name)
        assert (read.request, read.response, read.streams) == (
            rpc.request.DESCRIPTOR.full_name,
            rpc.response.DESCRIPTOR.full_name,
            rpc.streams,
        )
        for message in (rpc.request.DESCRIPTOR, rpc.response.DESCRIPTOR):
            fields = contract.messages[message.full_name].fields
            assert [(f.name, f.number) for f in fields] == [
                (f.name, f.number) for f in message.fields
            ]


# ---------------------------------------------------------------- the page


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = [anchor(found) for found in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert links
    assert [link for link in links if headings.count(link) != 1] == []


def test_every_rpc_has_a_section_with_its_role_and_who_answers_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in rpcs():
        section = text.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
        assert re.search(r"^- Role: (read|write|admin)\b", section, re.MULTILINE), name
        assert re.search(r"^- (Answered by|\*\*Not answered)", section, re.MULTILINE), name
        assert f"```sh\ncqar call {name}" in section, name


# ---------------------------------------------------------------- what differs between runs

NEW_ID = "2e44e414-47a3-4646-aee2-d06bd384c94a"
NAMED_ID = "90ddb5bc-ddf2-55a9-b9e2-e4412461107b"


def test_ids_times_and_revisions_of_one_run_are_taken_out_of_an_answer() -> None:
    answer = {
        "asset": {"asset_id": NEW_ID, "created_at": "2026-01-02T03:04:05.678901Z"},
        "revision": "17",
        "head": {"epoch": "1", "chain": "AAAA"},
        "decimals": 18,
    }
    assert normal(answer) == {
        "asset": {"asset_id": "<uuid>", "created_at": "<time>"},
        "revision": "<revision>",
        "head": {"epoch": "1", "chain": "<base64>"},
        "decimals": 18,
    }


def test_ids_that_are_made_from_names_and_what_a_request_states_stay() -> None:
    request = {"asset_id": NEW_ID, "items": [{"listed_at": "2026-01-02T03:04:05Z"}]}
    answer: dict[str, Any] = {**request, "other": NAMED_ID}
    assert normal(answer, strings_in(request)) == answer
