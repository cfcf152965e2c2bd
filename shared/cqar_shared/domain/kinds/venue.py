"""A venue: a namespace of venue symbols. `binance` and `binance-usdm` are two venues."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from cqc.venues.v1 import venue_pb2

from cqar_shared.domain import rules
from cqar_shared.domain.kind import Entity, Kind, RegistryView, lifecycle
from cqar_shared.errors import FieldViolation

#: A year.
FACTS_STALE_AFTER_S_MAX: Final = 366 * 86_400


class VenueType(enum.IntEnum):
    CEX = 1
    DEX = 2
    DEX_AGGREGATOR = 3
    BRIDGE = 4
    LENDING = 5


class EnvironmentCode(enum.IntEnum):
    PRODUCTION = 1
    TESTNET = 2
    DEMO = 3


class Venue(Entity, frozen=True, kw_only=True):
    """A venue.

    Attributes:
        operator: The operator of several venues, such as `binance` of `binance-usdm`. Its venues
            share asset codes.
        environment: None if not known.
        region: A slug, such as `eu`.
        facts_stale_after_s: The age in seconds from which on what was read of it is too old to
            open positions by; None: no age is.
    """

    venue_id: str = ""
    name: str = ""
    venue_type: VenueType | None = None
    chain_id: str | None = None
    protocol_address: str | None = None
    website_url: str | None = None
    api_endpoint: str | None = None
    is_active: bool = True
    operator: str | None = None
    created_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None
    metadata: dict[str, Any] | None = None
    environment: EnvironmentCode | None = None
    region: str | None = None
    facts_stale_after_s: int | None = None


def check_venue(_: Venue | None, after: Venue, __: RegistryView) -> Iterator[FieldViolation]:
    yield from rules.check_slug("venue_id", after.venue_id)
    yield from rules.check_required(after, "name", "venue_type")
    yield from rules.check_lines(after, "name")
    yield from rules.check_length(after, name=rules.NAME_CHARS_MAX, protocol_address=128)
    yield from rules.check_url(after, "website_url")
    if after.api_endpoint:
        schemes = ("http", "https", "ws", "wss")
        yield from rules.check_urls("api_endpoint", [after.api_endpoint], *schemes)
    if after.operator is not None:
        yield from rules.check_slug("operator", after.operator)
    if after.region is not None:
        yield from rules.check_slug("region", after.region)
    stale_after_s = after.facts_stale_after_s
    if stale_after_s is not None and not 0 < stale_after_s <= FACTS_STALE_AFTER_S_MAX:
        message = f"must be 1 to {FACTS_STALE_AFTER_S_MAX} seconds"
        yield FieldViolation("facts_stale_after_s", "OUT_OF_RANGE", message)
    if after.venue_type is VenueType.DEX and not after.chain_id:
        yield FieldViolation("chain_id", "REQUIRED", "a DEX settles on a chain: name it")


def complete(_: Venue | None, given: Venue, __: RegistryView) -> Venue:
    """Zero states that no age is too old."""
    if given.facts_stale_after_s == 0:
        return msgspec.structs.replace(given, facts_stale_after_s=None)
    return given


VENUE = Kind(
    name="venue",
    entity=Venue,
    message=venue_pb2.Venue,
    key=("venue_id",),
    slugs=frozenset({"venue_id"}),
    table="venues",
    check=check_venue,
    complete=complete,
    referents={"chain_id": "chain"},
    event=lifecycle("venue_registered", "venue_updated", "venue_removed"),
)
