"""What is said of a listing that was added."""

from __future__ import annotations

from typing import Any, Final

#: Steps without which no order that opens a position is allowed, by their options.
_STEPS: Final = {"tick_size": "--tick-size", "lot_size": "--lot-size"}


def steps_note(listing: Any) -> str:
    """Say which steps a listing lacks, and what follows; empty if it lacks none.

    An alias has its primary's steps. Of what a symbol states a listing has no need.
    """
    missing = [option for name, option in _STEPS.items() if not getattr(listing.exact, name)]
    if listing.alias_of or not missing:
        return ""
    command = f"cqar listing set {listing.venue_id} {listing.venue_symbol}"
    return (
        f"It states no {' and no '.join(option[2:].replace('-', ' ') for option in missing)}:"
        " unless its symbol does, orders that open a position are denied (STEPS_UNKNOWN). State it"
        f" with: {command} {' '.join(f'{option} STEP' for option in missing)}"
    )
