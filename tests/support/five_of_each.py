"""A registry of which every List RPC has five to list, by a filter that leaves others out."""

from __future__ import annotations

from typing import Any, NamedTuple

from cqar_shared.domain.kinds.asset_relationship import RelationshipType
from tests.support.entity_builders import (
    BTC,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_relationship,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)

BTC_USDT = a_symbol().symbol_id
COUNT = 5
PLACES = range(COUNT)
COINS = [an_id(f"coin{place}") for place in PLACES]


class List(NamedTuple):
    """A list that `REGISTRY_OF_FIVES` has five of.

    Attributes:
        field: The answer's field that holds them.
        key: What identifies each.
        where: The filter that leaves five.
        other: Another filter.
    """

    field: str
    key: str
    where: dict[str, Any]
    other: dict[str, Any]


LISTS = {
    "ListAssets": List("assets", "asset_id", {"category": "meme"}, {"category": "gold"}),
    "ListAssetDeployments": List(
        "deployments", "deployment_id", {"asset_id": BTC}, {"asset_id": USDT}
    ),
    "ListAssetIdentifiers": List("identifiers", "identifier_id", {"asset_id": BTC}, {}),
    "ListAssetRelationships": List(
        "relationships", "relationship_id", {"asset_id": BTC}, {"asset_id": COINS[0]}
    ),
    "ListAssetGroups": List("groups", "group_id", {"group_type": "basket"}, {}),
    "ListQualityFlags": List("flags", "flag_id", {"asset_id": BTC}, {"flag_type": 3}),
    "ListChains": List("chains", "chain_id", {"chain_type": "EVM"}, {}),
    "ListSymbols": List("symbols", "symbol_id", {"quote_asset_id": USDT}, {"symbol_type": 1}),
    "ListSymbolIdentifiers": List("identifiers", "identifier_id", {"symbol_id": BTC_USDT}, {}),
    "ListVenues": List("venues", "venue_id", {"venue_type": 1}, {}),
    "ListVenueAssets": List("venue_assets", "venue_id", {"asset_id": BTC}, {}),
    "ListVenueSymbols": List(
        "venue_symbols", "listing_id", {"symbol_id": BTC_USDT}, {"include_delisted": True}
    ),
}
FORKS = {"relationship_type": RelationshipType.FORKS_FROM}
REGISTRY_OF_FIVES = (
    *(an_asset(), an_asset("USDT"), a_symbol()),
    *(an_asset(f"COIN{place}", category="meme") for place in PLACES),
    *(a_chain(chain_id=f"chain-{place}", chain_name=f"Chain {place}") for place in PLACES),
    *(
        a_deployment(asset_id=BTC, chain_id=f"chain-{place}", deployment_id=an_id(f"on {place}"))
        for place in PLACES
    ),
    *(an_identifier(identifier_id=an_id(f"i{n}"), external_id=f"btc-{n}") for n in PLACES),
    *(a_symbol_identifier(identifier_id=an_id(f"s{n}"), external_id=f"b-{n}") for n in PLACES),
    *(a_relationship(coin, BTC) for coin in COINS[:3]),
    *(a_relationship(BTC, coin) for coin in COINS[3:]),
    *(a_group(group_id=an_id(f"g{n}"), name=f"g{n}", group_type="basket") for n in PLACES),
    *(a_flag(flag_id=an_id(f"flag {n}")) for n in PLACES),
    *(a_venue(f"venue-{place}") for place in PLACES),
    *(a_venue_asset(venue_id=f"venue-{place}") for place in PLACES),
    *(a_venue_symbol(venue_id=f"venue-{n}", listing_id=an_id(f"listed {n}")) for n in PLACES),
    *(a_symbol(base_asset_id=coin) for coin in COINS[:4]),
    # What none of the filters lets through.
    a_relationship(COINS[0], COINS[4], **FORKS),
    a_flag(flag_id=an_id("of a coin"), asset_id=COINS[0]),
)
