"""Calls about findings, as several people make them."""

from __future__ import annotations

from typing import Any

from cqc.writer.v1 import finding_pb2
from cqc.writer.v1 import registry_admin_pb2 as pb

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.finding import FINDING, Finding, FindingVerdict
from cqar_writer.api_keys import create_key
from cqar_writer.mutations import Mutations
from tests.support.writer_server import Client


def message_of(finding: Finding) -> Any:
    return entity_codec.to_message(FINDING, finding)


class People:
    """Actors with keys of role write, each made when it is first heard of."""

    def __init__(self, client: Client, mutations: Mutations) -> None:
        self.client = client
        self._mutations = mutations
        self._keys: dict[str, str] = {}

    async def call(self, actor: str, method: str, request: Any, *metadata: tuple[str, str]) -> Any:
        if actor not in self._keys:
            self._keys[actor] = await create_key(self._mutations, actor, Role.WRITE)
        headers = (("authorization", f"Bearer {self._keys[actor]}"), *metadata)
        return await getattr(self.client.admin, method)(request, metadata=headers, timeout=10)

    async def propose(
        self, actor: str, *findings: Finding, dry_run: bool = False
    ) -> list[finding_pb2.Finding]:
        request = pb.ProposeRequest(findings=map(message_of, findings), dry_run=dry_run)
        answer: pb.ProposeResponse = await self.call(actor, "Propose", request)
        return list(answer.findings)

    async def decide(
        self,
        actor: str,
        finding_id: str,
        verdict: FindingVerdict = FindingVerdict.APPROVE,
        *metadata: tuple[str, str],
        **fields: Any,
    ) -> pb.DecideProposalResponse:
        fields = {"reason": "it is so", **fields}
        request = pb.DecideProposalRequest(
            finding_id=finding_id,
            verdict=verdict.value,  # type: ignore[arg-type]
            **fields,
        )
        answer: pb.DecideProposalResponse = await self.call(
            actor, "DecideProposal", request, *metadata
        )
        return answer

    async def listed(self, **filters: Any) -> pb.ListProposalsResponse:
        request = pb.ListProposalsRequest(**filters)
        answer: pb.ListProposalsResponse = await self.call("reader", "ListProposals", request)
        return answer

    async def get(self, finding_id: str, **choice: str) -> pb.GetProposalResponse:
        request = pb.GetProposalRequest(finding_id=finding_id, **choice)
        answer: pb.GetProposalResponse = await self.call("reader", "GetProposal", request)
        return answer
