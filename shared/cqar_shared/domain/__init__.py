"""The registry's entities and rules, as pure functions: no I/O, no clock, no gRPC.

A request becomes items of a `Batch`. `evaluation` runs the rules of each item's `Kind` over a
`WorkingSet`, which collects what they ask for until the caller has loaded all of it. The result
is an outcome for each item. `tradeability` says what a listing means at an instant, `verdicts`
whether it may be traded, and `as_of` what it was in the past. `finding_policy` says what is done
with what sources say, and `finding_effects` what a decision about it changes.
"""

__all__ = [
    "addresses",
    "alias_rules",
    "as_of",
    "asset_merge",
    "asset_unmerge",
    "caip",
    "decimals",
    "entity_diff",
    "evaluation",
    "finding_doubts",
    "finding_effects",
    "finding_policy",
    "identifier_formats",
    "identifier_rules",
    "instant",
    "kind",
    "kinds",
    "listing_canaries",
    "listing_dating",
    "listing_term_rules",
    "load_rounds",
    "near_names",
    "planned_batch",
    "price_steps",
    "relinking",
    "rules",
    "tradeability",
    "verdicts",
    "working_set",
]
