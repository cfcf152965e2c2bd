"""Imports a venue's own listing: parse it, plan the changes, apply the plan.

recorded_responses  the venue's responses: saved files by request, or the venue itself
market_parser       parses responses into markets with ccxt; accounts for every raw record
raw_numbers         whether a number stands in the venue's own record
provenance          drops ccxt's values that the record does not state
corrections         what ccxt drops or misreads, per venue, each with its case
reviewed_venues     which readings were compared with the venues' records
registry_state      the part of the registry that concerns the venue, in memory
asset_identity      which asset a venue's code means
plan                what would change, judged by the writer's own rules
apply               sends the plan to the writer in batches
"""

__all__ = [
    "apply",
    "market_parser",
    "parsed_market",
    "plan",
    "recorded_responses",
    "registry_state",
    "reviewed_venues",
    "stable_ids",
]
