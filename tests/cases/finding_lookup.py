"""The findings about a spelling, a code or a contract, open or decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from cqc.writer.v1 import finding_pb2, registry_admin_pb2

from cqar_shared.domain.kinds.api_key import Role

if TYPE_CHECKING:
    from tests.cases.story import Story

#: Requests are made from plain values.
admin_pb: Any = registry_admin_pb2
Finding = finding_pb2.Finding
PAGE: Final = 1_000


async def findings_about(story: Story, about: Iterable[str]) -> list[Finding]:
    """All findings about a spelling, a code or a contract: open or decided."""
    first, *rest = about
    if first == "deployment":
        chain_id, address = rest
        found = await _listed(story)
        ours = (chain_id, address.lower())
        return [f for f in found if (f.chain_id, f.address.lower()) == ours]
    if first == "code":
        return await _listed(story, venue_id=rest[0], code=rest[1])
    of_listing = await _listed(story, venue_id=first, venue_symbol=rest[0])
    meant = await story.resolve(first, rest[0])
    if not (asset_id := meant.base_asset.asset_id):
        return of_listing
    # Which asset the base's code is, is found of the code: it is the operator's.
    of_base = await _listed(story, asset_id=asset_id)
    return of_listing + [f for f in of_base if f.asset_id == asset_id and not f.venue_symbol]


async def _listed(story: Story, **by: str) -> list[Finding]:
    request = admin_pb.ListProposalsRequest(page_size=PAGE, **by)
    answer = await story.writer.call(story.writer.admin.ListProposals, request, Role.READ)
    assert not answer.next_page_token
    found: list[Finding] = list(answer.findings)
    return found
