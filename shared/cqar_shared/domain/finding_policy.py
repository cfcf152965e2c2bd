"""What is done with which findings: an ordered table, of which the first row that matches decides.

The writer's configuration may put rows before the default ones. Importers ask the writer for the
whole table, so that both decide by the same one. Pure.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from cqar_shared.domain.kinds.finding import (
    REGISTRYS_OWN,
    Finding,
    FindingAction,
    FindingState,
    finding_id_of,
    with_id,
)

__all__ = [
    "DEFAULT_RULES",
    "OTHERWISE",
    "FindingKind",
    "FindingRule",
    "all_rules",
    "finding_id_of",
    "rule_for",
    "with_id",
    "with_policy",
]


class FindingKind(enum.StrEnum):
    """The kinds that the product makes; their names are stable. Others may be made by hand."""

    #: A new listing, whose identity is sufficient.
    LISTED = "LISTED"
    #: Another status, fee or term that nothing below names.
    STATUS = "STATUS"
    FEES = "FEES"
    TERMS = "TERMS"
    #: An end to come, and other changes to come, as the venue announces them.
    END_ANNOUNCED = "END_ANNOUNCED"
    SCHEDULED = "SCHEDULED"
    #: Tick, lot or minimum finer; coarser, or by more than ten times.
    STEPS_FINER = "STEPS_FINER"
    STEPS_COARSER = "STEPS_COARSER"
    #: A row that was missing twice, at least ten minutes apart.
    GONE = "GONE"
    #: The asset of a former code or spelling has another one now; or holders exchanged it.
    RENAMED = "RENAMED"
    SWAP = "SWAP"
    #: A code that has the ticker of assets that nothing else says it is.
    SAME_TICKER = "SAME_TICKER"
    #: Two codes or listings that seem to be of one asset.
    DUPLICATE = "DUPLICATE"
    CONTRACT_SIZE = "CONTRACT_SIZE"
    CONTRACT_KIND = "CONTRACT_KIND"
    ORDER_UNIT = "ORDER_UNIT"
    MULTIPLIER = "MULTIPLIER"
    REDENOMINATED = "REDENOMINATED"
    ASSET_MERGE = "ASSET_MERGE"
    #: A code or spelling that means another asset than it did, or may.
    REUSE = "REUSE"
    UNREADABLE = "UNREADABLE"
    SOURCE_MISSING = "SOURCE_MISSING"
    #: More than a fifth of a venue at once.
    MASS_CHANGE = "MASS_CHANGE"
    #: Two sources say other decimals of one deployment.
    DECIMALS_DISAGREE = "DECIMALS_DISAGREE"
    #: Answers of a venue have another form than they had: fields are gone, or of another type.
    CHANGED_FORM = "CHANGED_FORM"
    #: Several actors told that the venue refuses what a listing's terms allow.
    ORDER_REJECTED = "ORDER_REJECTED"


class FindingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table; what is empty matches all.

    Attributes:
        name: Kept with what it decided.
        fields: At least one of the finding's differences is of such a field.
    """

    name: str
    action: FindingAction
    kinds: tuple[str, ...] = ()
    venue_ids: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def matches(self, finding: Finding) -> bool:
        changed = {difference.field for difference in finding.differences or ()}
        return (
            (not self.kinds or finding.kind in self.kinds)
            and (not self.venue_ids or finding.venue_id in self.venue_ids)
            and (not self.fields or not changed.isdisjoint(self.fields))
        )


_K = FindingKind
DEFAULT_RULES: Final = (
    FindingRule(
        name="apply",
        action=FindingAction.APPLY,
        kinds=(
            *(_K.LISTED, _K.STATUS, _K.FEES, _K.TERMS, _K.END_ANNOUNCED, _K.SCHEDULED),
            *(_K.STEPS_FINER, _K.GONE),
        ),
    ),
    FindingRule(
        name="review",
        action=FindingAction.REVIEW,
        kinds=(_K.RENAMED, _K.SWAP, _K.SAME_TICKER, _K.STEPS_COARSER, _K.DUPLICATE),
    ),
    FindingRule(
        name="two people",
        action=FindingAction.TWO_PEOPLE,
        kinds=(
            *(_K.CONTRACT_SIZE, _K.MULTIPLIER, _K.CONTRACT_KIND, _K.ORDER_UNIT),
            *(_K.REDENOMINATED, _K.ASSET_MERGE),
        ),
    ),
    FindingRule(name="hold", action=FindingAction.HOLD, kinds=(_K.REUSE,)),
    FindingRule(
        name="quarantine",
        action=FindingAction.QUARANTINE,
        kinds=(
            *(_K.UNREADABLE, _K.SOURCE_MISSING, _K.MASS_CHANGE, _K.DECIMALS_DISAGREE),
            *(_K.CHANGED_FORM, _K.ORDER_REJECTED),
        ),
    ),
)
#: What no row matches.
OTHERWISE: Final = FindingRule(name="otherwise", action=FindingAction.REVIEW)


def rule_for(finding: Finding, rules: Iterable[FindingRule] = DEFAULT_RULES) -> FindingRule:
    """Return the first rule that matches."""
    return next((rule for rule in rules if rule.matches(finding)), OTHERWISE)


def with_policy(finding: Finding, opened_by: str, rules: Iterable[FindingRule]) -> Finding:
    """Return a finding as a caller may state it: its own fields, with the policy's word on it.

    Of what is the registry's own only that it is superseded can be stated.
    """
    state = finding.state if finding.state is FindingState.SUPERSEDED else None
    cleared = dict.fromkeys(REGISTRYS_OWN)
    finding = msgspec.structs.replace(finding, **{**cleared, "state": state})
    rule = rule_for(finding, rules)
    if not finding.finding_id:
        finding = with_id(finding)
    return msgspec.structs.replace(
        finding, action=rule.action, policy=rule.name, opened_by=opened_by
    )


def all_rules(configured: Sequence[FindingRule]) -> tuple[FindingRule, ...]:
    """Return the whole table: what was configured stands before the defaults."""
    return (*configured, *DEFAULT_RULES)
