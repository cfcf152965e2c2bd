"""docs/API.md from the contract and what a stack answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cqar.admin.rpc_catalog import RESOLVER, WRITER, rpcs
from cqar_shared.domain.kinds.api_key import Role
from cqar_writer.app import role_of
from tools.api_docs.contract import Contract, Rpc, Service
from tools.api_docs.error_table import reasons_table
from tools.api_docs.example_runner import CLIENT, Ran, Served, Shown
from tools.api_docs.examples import Example
from tools.api_docs.json_layout import lay_out
from tools.api_docs.normalization import normal, normal_text, strings_in
from tools.api_docs.type_tables import fields_table, reached, type_section

PREFACE: Final = Path(__file__).with_name("preface.md")
_SERVED: Final = {
    (WRITER,): "the writer",
    (RESOLVER,): "resolvers",
    (WRITER, RESOLVER): "the writer and resolvers",
    (): "nobody yet",
}


def write_page(contract: Contract, ran: Ran) -> str:
    """The whole page."""
    stated = strings_in(ran.before.example.request)
    for shown in ran.calls:
        stated |= strings_in(shown.example.request)
    parts = [_preface(ran, stated)]
    for service in _services(contract):
        parts.append(_service_head(service, ran))
        for rpc in service.rpcs:
            own = [shown for shown in ran.calls if shown.example.rpc == rpc.name]
            parts += _rpc(contract, service, rpc, ran.served[rpc.name], own, stated)
    parts.append("## Messages and enums")
    parts.append("What requests and answers are made of, beyond the fields shown with each RPC.")
    parts += [type_section(contract, name) for name in reached(contract, _own(contract))]
    return "\n\n".join(parts) + "\n"


def _services(contract: Contract) -> list[Service]:
    """In the order of `cqar call --list`."""
    return [contract.services[name] for name in dict.fromkeys(r.service for r in rpcs().values())]


def _own(contract: Contract) -> list[str]:
    """Requests and answers, which are shown with their RPCs."""
    found = [rpc for service in _services(contract) for rpc in service.rpcs]
    return [name for rpc in found for name in (rpc.request, rpc.response)]


def _preface(ran: Ran, stated: set[str]) -> str:
    text = PREFACE.read_text(encoding="utf-8").strip()
    client = CLIENT.read_text(encoding="utf-8").strip()
    return (
        text.replace("<!-- before -->", "\n\n".join(_shown(ran.before, stated)))
        .replace("<!-- reasons -->", reasons_table())
        .replace("<!-- client -->", f"```python\n{client}\n```")
        .replace("<!-- client output -->", f"```\n{ran.client_output.strip()}\n```")
    )


def _service_head(service: Service, ran: Ran) -> str:
    rows = [
        f"| [{rpc.name}](#{rpc.name.lower()}) | {_first_sentence(rpc.comment)} |"
        f" {_role(service, rpc)} | {_SERVED[ran.served[rpc.name]]} |"
        for rpc in service.rpcs
    ]
    head = ["| RPC | what it does | role | answered by |", "|---|---|---|---|"]
    table = "\n".join([*head, *rows])
    return f"## {service.name.rpartition('.')[2]}\n\n`{service.name}`: {service.comment}\n\n{table}"


def _first_sentence(text: str) -> str:
    first, dot, _ = text.partition(". ")
    return first + "." if dot else first


def _role(service: Service, rpc: Rpc) -> str:
    if rpcs()[rpc.name].home == RESOLVER:
        return Role.READ.name.lower()
    return role_of(f"/{service.name}/{rpc.name}").name.lower()


def _rpc(
    contract: Contract,
    service: Service,
    rpc: Rpc,
    served: Served,
    shown: list[Shown],
    stated: set[str],
) -> Iterator[str]:
    yield f"### {rpc.name}"
    yield rpc.comment
    role = _role(service, rpc)
    facts = [f"- Role: {role}{_keyless(served)}", f"- {_answered(served)}"]
    if metadata := _metadata(role, rpc):
        facts.append(f"- Metadata: {metadata}")
    yield "\n".join(facts)
    yield fields_table(contract, rpc.request)
    yield fields_table(contract, rpc.response, streams=rpc.streams)
    for one in shown:
        yield from _shown(one, stated)


def _keyless(served: Served) -> str:
    return "; none at a resolver on loopback or a Unix socket" if RESOLVER in served else ""


def _answered(served: Served) -> str:
    if not served:
        return "**Not answered by this release**: UNIMPLEMENTED."
    return f"Answered by {_SERVED[served]}."


def _metadata(role: str, rpc: Rpc) -> str:
    if role != Role.READ.name.lower():
        return "`idempotency-key`, `cqar-reason`, `x-request-id`"
    return "" if rpc.streams else "`cqar-min-revision`"


def _shown(shown: Shown, stated: set[str]) -> Iterator[str]:
    example = shown.example
    if example.about:
        yield example.about
    yield f"```sh\n{example.line}\n```"
    if shown.error is not None:
        yield f"{_verdict(example, shown)}\n\n```\n{normal_text(str(shown.error))}\n```"
    for document in shown.documents:
        yield f"```json\n{_json(document, stated)}\n```"


def _verdict(example: Example, shown: Shown) -> str:
    code = shown.error.code if shown.error else ""
    if example.unanswered:
        return f"`{code}`: this release has no answer to show."
    return f"`{code}`, reason `{example.fails}`:"


def _json(document: Any, stated: set[str]) -> str:
    return lay_out(normal(document, stated))
