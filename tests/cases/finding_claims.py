"""Claims about findings: that there is one, that there is none, what it proposes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from decimal import Decimal
from typing import Any

from cqc.writer.v1 import finding_pb2

from tests.cases.finding_lookup import findings_about
from tests.cases.story import Story

Finding = finding_pb2.Finding
Claim = dict[str, Any]


def names_of(wanted: str | Iterable[str]) -> list[str]:
    """A claim names one kind, or several of which any will do."""
    return [wanted] if isinstance(wanted, str) else list(wanted)


def _shown(found: Iterable[Finding]) -> str:
    return ", ".join(f"{f.kind} ({f.summary})" for f in found) or "none"


async def finding_faults(story: Story, claim: Claim) -> AsyncIterator[str]:
    """What is wrong with the claim that there is such a finding."""
    found = await findings_about(story, claim["about"])
    wanted = names_of(claim["finding"])
    ours = [finding for finding in found if finding.kind in wanted]
    if not ours:
        yield f"there is no {' or '.join(wanted)}, only {_shown(found)}"
        return
    wrong = [list(_content_faults(story, finding, claim)) for finding in ours]
    if all(wrong):
        for fault in min(wrong, key=len):
            yield fault


def _content_faults(story: Story, finding: Finding, claim: Claim) -> Iterable[str]:
    if "from" in claim and [finding.from_venue_id, finding.from_venue_symbol] != claim["from"]:
        yield f"it is from {finding.from_venue_id} {finding.from_venue_symbol}"
    for name in ("rate", "units"):
        value = getattr(finding, name)
        if name in claim and (not value or Decimal(value) != Decimal(claim[name])):
            yield f"its {name} is {value or 'not known'}"
    candidates = {finding.proposed_asset_id, *(one.asset_id for one in finding.evidence)}
    for name in ("candidate", "asset"):
        if name in claim and story.assets[claim[name][1]] not in candidates:
            yield f"{claim[name][1]} is no candidate"
    yield from _evidence_faults(finding, claim)


def _evidence_faults(finding: Finding, claim: Claim) -> Iterable[str]:
    pros = {one.kind for one in finding.evidence if not one.is_against}
    cons = {one.kind for one in finding.evidence if one.is_against}
    for wanted in names_of(claim.get("evidence", ())):
        if wanted not in pros:
            yield f"no {wanted} speaks for it"
    for wanted in names_of(claim.get("against", ())):
        if wanted not in cons:
            yield f"no {wanted} speaks against it"
    for unwanted in names_of(claim.get("not_evidence", ())):
        if unwanted in pros | cons:
            yield f"{unwanted} is used"


async def no_finding_faults(story: Story, claim: Claim) -> AsyncIterator[str]:
    """What is wrong with the claim that there is no such finding."""
    unwanted = names_of(claim["no_finding"])
    for finding in await findings_about(story, claim["about"]):
        if finding.kind in unwanted:
            yield f"there is {finding.kind}: {finding.summary}"


async def change_faults(story: Story, claim: Claim) -> AsyncIterator[str]:
    """What is wrong with the claim that a finding proposes this change, under this policy."""
    wanted = claim["change"]
    found = await findings_about(story, claim["about"])
    for finding in found:
        for one in finding.differences:
            values = (one.field, one.before or None, one.after or None)
            if values == (wanted["field"], wanted.get("from"), wanted.get("to")):
                action = finding_pb2.FindingAction.Name(finding.action)
                policy = action.removeprefix("FINDING_ACTION_").lower().replace("_", " ")
                if policy != wanted.get("policy", policy):
                    yield f"its policy is {policy}"
                return
    yield f"no finding changes that: {_shown(found)}"
