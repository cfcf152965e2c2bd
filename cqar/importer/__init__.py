"""Reads a venue's own list of markets and brings the registry up to it.

`recorded_responses` gives the venue's responses, from files or live. `market_parser` reads them
with ccxt, with `corrections` of what ccxt misreads, into `parsed_market`. `plan` compares them with
`registry_state` by the writer's own rules, and `apply` sends the changes in batches.
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
