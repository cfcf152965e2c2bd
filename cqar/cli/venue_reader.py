"""Who reads a venue's listings: what to say when one is added, or is not there."""

from __future__ import annotations

from typing import Any

from cqc.venues.v1 import venue_pb2
from google.protobuf import json_format

from cqar.catalogue import bundled_venues
from cqar.importer.readers.registry import PRODUCT_LINE, product_line_of, product_lines, reader_of
from cqar.importer.stable_ids import CCXT_ID
from cqar_shared.domain.kinds.venue import VenueType


def reader_note(venue: venue_pb2.Venue) -> str:
    """Who will read a venue's listings."""
    metadata: dict[str, Any] = json_format.MessageToDict(venue.metadata)
    line = reader_of(venue.venue_id, metadata)
    if line is not None:
        return f"Its listings are read by {line.reader}: cqar import {line.venue_id} --requests"
    if PRODUCT_LINE in metadata:
        return f"No reader has the product line {metadata[PRODUCT_LINE]}: cqar import --list-venues"
    ccxt_id = metadata.get(CCXT_ID)
    if not ccxt_id:
        return (
            f"Nobody reads its listings yet: set {PRODUCT_LINE} (cqar import --list-venues) or"
            f" {CCXT_ID} in its metadata."
        )
    note = f"ccxt ({ccxt_id}) will read its listings, unreviewed"
    same = [line.venue_id for line in product_lines().values() if line.ccxt_id == ccxt_id]
    if not same:
        return f"{note}."
    return (
        f"{note}; product lines asked through this exchange: {', '.join(same)}. To be read as one"
        f" of them, it needs {PRODUCT_LINE} in its metadata."
    )


def how_to_register(venue_id: str) -> str:
    """What to do about a venue that the registry does not have."""
    line = product_line_of(venue_id)
    if line is None:
        return (
            f"register it with cqar venue add {venue_id}; cqar import --list-venues shows those"
            " that CQAR reads"
        )
    if venue_id in product_lines():
        return f"{line.reader} reads it, and cqar catalogue load brings it"
    # One of any number of lines, such as an exchange of a builder on Hyperliquid: it is as that.
    like = next(v for v in bundled_venues() if v.operator == line.operator)
    type_ = VenueType(like.venue_type or VenueType.CEX).name.lower()
    chain = f" --chain {like.chain_id}" if like.chain_id else ""
    return (
        f'{line.reader} reads it: cqar venue add {venue_id} --name "{line.name}" --type {type_}'
        f"{chain} --operator {line.operator} --environment {line.environment.name.lower()}"
    )
