"""Which asset a code, an address or an id means, and what a group holds."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cqc.resolver.v1 import resolver_pb2 as pb

from cqar_resolver.queries import assets, resolution
from cqar_resolver.replication.freshness import STALE_REASON
from cqar_shared.domain.instant import Instant
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource
from cqar_shared.domain.kinds.quality_flag import FlagSeverity
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.errors import EntityNotFound, Invalid
from cqar_shared.queries.query import QueryContext
from tests.support.change_set_builders import encoded, hydrated
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USDT,
    a_chain,
    a_deployment,
    a_flag,
    a_group,
    a_symbol,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.memory_registry_view import completed

TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
COINGECKO = int(AssetDataSource.COINGECKO)
REGISTRY = (
    *(an_asset(), an_asset("ETH"), an_asset("USDT"), a_chain(), a_deployment(), an_identifier()),
    *(a_venue(), a_venue("binance-usdm", operator="binance")),
    a_venue_asset(venue_asset_symbol="XXBT", other_codes=("XBT",)),
    a_venue_asset(asset_id=ETH, venue_asset_symbol="ETH", delisted_at=NOW),
    a_flag(severity=FlagSeverity.HIGH),
    a_flag(flag_id=an_id("over"), resolved_at=NOW),
)


def context(*more: Any, stale: pb.Reason | None = None) -> QueryContext:
    return QueryContext(hydrated(encoded(*REGISTRY, *more)), stale)


def resolve(*more: Any, stale: pb.Reason | None = None, **by: Any) -> pb.ResolveAssetResponse:
    query = assets.ResolveAssetQuery.from_request(pb.ResolveAssetRequest(**by), NOW)
    return query.run(context(*more, stale=stale))


def expand(context: QueryContext, **by: str) -> pb.ExpandGroupResponse:
    return assets.ExpandGroupQuery.from_request(pb.ExpandGroupRequest(**by), NOW).run(context)


def code(venue_id: str, text: str) -> dict[str, pb.VenueAssetCode]:
    return {"venue_code": pb.VenueAssetCode(venue_id=venue_id, code=text)}


def contract(address: str, chain_id: str = "ethereum") -> dict[str, pb.ContractAddress]:
    return {"contract": pb.ContractAddress(chain_id=chain_id, address=address)}


def external(text: str, source: int = COINGECKO) -> dict[str, Any]:
    return {"external_id": {"source": source, "external_id": text}}


@pytest.mark.parametrize(
    ("by", "asset_id"),
    [
        ({"asset_id": BTC}, BTC),
        (code("binance", "XXBT"), BTC),
        (code("binance", "XBT"), BTC),
        (code("binance-usdm", "XBT"), BTC),
        (contract(TETHER), USDT),
        (contract(TETHER.lower()), USDT),
        (external("bitcoin"), BTC),
    ],
)
def test_an_asset_is_found_by_each_of_its_names(by: dict[str, Any], asset_id: str) -> None:
    assert resolve(**by).asset.asset_id == asset_id


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        ({"asset_id": an_id("none")}, "ASSET_NOT_FOUND"),
        (code("binance", "xbt"), "VENUE_ASSET_NOT_FOUND"),
        (code("binance", "ETH"), "VENUE_ASSET_NOT_FOUND"),
        (code("kraken", "XBT"), "VENUE_NOT_FOUND"),
        (contract("0x" + "1" * 40), "ASSET_DEPLOYMENT_NOT_FOUND"),
        (contract(TETHER, "base"), "CHAIN_NOT_FOUND"),
        (external("ether"), "ASSET_IDENTIFIER_NOT_FOUND"),
        (external("bitcoin", 2), "ASSET_IDENTIFIER_NOT_FOUND"),
    ],
)
def test_a_miss_says_what_is_missing(by: dict[str, Any], reason: str) -> None:
    with pytest.raises(EntityNotFound) as caught:
        resolve(**by)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("by", "field"),
    [
        ({}, "by"),
        ({"asset_id": "btc"}, "asset_id"),
        (code("", "XBT"), "venue_code.venue_id"),
        (code("binance", ""), "venue_code.code"),
        (contract(""), "contract.address"),
        (contract(TETHER[:-1]), "contract.address"),
        (external("bitcoin", 0), "external_id.source"),
    ],
)
def test_what_names_nothing_is_refused_by_field(by: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        resolve(**by)
    assert caught.value.violations[0].field == field


def test_a_code_that_is_an_assets_only_later_does_not_mean_it_yet() -> None:
    later = NOW + dt.timedelta(days=1)
    coming = a_venue_asset(asset_id=USDT, venue_asset_symbol="NEW", listed_at=later)
    with pytest.raises(EntityNotFound):
        resolve(coming, **code("binance", "NEW"))
    now = a_venue_asset(asset_id=USDT, venue_asset_symbol="NEW", listed_at=NOW)
    assert resolve(now, **code("binance", "NEW")).asset.asset_id == USDT


def test_an_id_of_two_assets_is_not_answered() -> None:
    other = an_identifier(identifier_id=an_id("other"), asset_id=ETH)
    with pytest.raises(EntityNotFound, match="names 2 assets"):
        resolve(other, **external("bitcoin"))


CAIP19 = int(AssetDataSource.CAIP19)
SOL, USDC_SOL = an_id("sol"), "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
SOLANA = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
ATOM_IN_OSMOSIS = "27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2"
#: Chains with their own coins, and deployments on them; ether has another name on Base.
ON_CHAINS = (
    a_chain(network_id=1, native_asset_id=ETH),
    *(a_chain(chain_id=f"twin-{n}", network_id=7) for n in (1, 2)),
    a_chain(chain_id="base", network_id=8453, native_asset_id=ETH),
    a_chain(chain_id="polygon", network_id=137, native_asset_id=USDT),
    a_chain(chain_id="solana", chain_type="SOLANA", caip2=SOLANA),
    a_chain(chain_id="osmosis", chain_type="COSMOS", caip2="cosmos:osmosis-1"),
    a_chain(chain_id="tron", chain_type="TRON", network_id=728126428),
    a_chain(chain_id="hub", chain_type="COSMOS", native_asset_id=BTC, caip2="cosmos:cosmoshub-4"),
    an_asset("SOL"),
    a_deployment(
        deployment_id=an_id("sol"), asset_id=SOL, chain_id="solana", address=None, is_native=True
    ),
    a_deployment(deployment_id=an_id("usdc"), chain_id="solana", address=USDC_SOL),
    a_deployment(deployment_id=an_id("atom"), chain_id="osmosis", address=f"ibc/{ATOM_IN_OSMOSIS}"),
    an_identifier(
        identifier_id=an_id("base"),
        source=AssetDataSource.CAIP19,
        external_id=f"eip155:8453/erc20:{TETHER}",
    ),
)


@pytest.mark.parametrize(
    ("text", "asset_id"),
    [
        (f"eip155:1/erc20:{TETHER}", USDT),
        (f"eip155:1/erc20:{TETHER.lower()}", USDT),
        (f"eip155:8453/erc20:{TETHER.lower()}", BTC),
        ("eip155:1/slip44:60", ETH),
        ("eip155:8453/slip44:60", ETH),
        ("eip155:137/slip44:966", USDT),
        (f"{SOLANA}/slip44:501", SOL),
        (f"{SOLANA}/token:{USDC_SOL}", USDT),
        (f"cosmos:osmosis-1/ibc:{ATOM_IN_OSMOSIS}", USDT),
        ("cosmos:cosmoshub-4/slip44:118", BTC),
    ],
)
def test_caip_19_means_what_is_at_that_address_or_the_chains_own_coin(
    text: str, asset_id: str
) -> None:
    assert resolve(*ON_CHAINS, **external(text, CAIP19)).asset.asset_id == asset_id


@pytest.mark.parametrize(
    ("text", "reason", "message"),
    [
        ("eip155:10/slip44:60", "CHAIN_NOT_FOUND", "no chain 'eip155:10'"),
        ("eip155:7/slip44:60", "CHAIN_NOT_FOUND", "2 chains have the number 7"),
        ("cosmos:juno-1/denom:ujuno", "CHAIN_NOT_FOUND", "no chain 'cosmos:juno-1'"),
        ("cosmos:osmosis-1/denom:uosmo", "ASSET_DEPLOYMENT_NOT_FOUND", "'uosmo' on osmosis"),
        (
            "cosmos:osmosis-1/slip44:118",
            "ASSET_IDENTIFIER_NOT_FOUND",
            "coin of osmosis is not known",
        ),
        ("eip155:1/slip44:4242", "ASSET_IDENTIFIER_NOT_FOUND", "coin type 4242 is not known"),
        ("eip155:137/slip44:60", "ASSET_IDENTIFIER_NOT_FOUND", "coin type 60 is eip155:1's"),
        ("eip155:1/slip44:501", "ASSET_IDENTIFIER_NOT_FOUND", "coin type 501 is solana:"),
        ("eip155:1/bep20:x", "ASSET_IDENTIFIER_NOT_FOUND", "is no namespace of addresses"),
        (f"eip155:1/erc721:{TETHER}/7", "ASSET_IDENTIFIER_NOT_FOUND", "one token of a collection"),
        ("tron:728126428/slip44:195", "ASSET_IDENTIFIER_NOT_FOUND", "coin of tron is not known"),
    ],
)
def test_caip_19_that_means_nothing_says_what_is_not_known(
    text: str, reason: str, message: str
) -> None:
    with pytest.raises(EntityNotFound, match=message) as caught:
        resolve(*ON_CHAINS, **external(text, CAIP19))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("source", "text", "reason"),
    [
        (AssetDataSource.DTI, "4H95J0R2T", "CHECK_CHARACTER"),
        (AssetDataSource.FIGI, "bitcoin", "NOT_AN_IDENTIFIER"),
        (AssetDataSource.CAIP19, f"eip155:1/erc20:{TETHER[:-1]}", "NOT_AN_IDENTIFIER"),
        (AssetDataSource.COINGECKO, "", "REQUIRED"),
    ],
)
def test_an_id_that_its_source_cannot_have_is_refused(
    source: AssetDataSource, text: str, reason: str
) -> None:
    with pytest.raises(Invalid) as caught:
        resolve(**external(text, source))
    (violation,) = caught.value.violations
    assert (violation.field, violation.reason) == ("external_id.external_id", reason)


def test_a_class_that_two_assets_share_is_not_answered() -> None:
    shared: dict[str, Any] = {"source": AssetDataSource.CFI, "external_id": "TTXXXX"}
    first = an_identifier(identifier_id=an_id("first"), **shared)
    assert resolve(first, **external("TTXXXX", shared["source"])).asset.asset_id == BTC
    second = an_identifier(identifier_id=an_id("second"), asset_id=ETH, **shared)
    with pytest.raises(EntityNotFound, match="names 2 assets"):
        resolve(first, second, **external("TTXXXX", shared["source"]))


def test_the_answer_has_deployments_active_flags_and_a_verdict_that_fails_closed() -> None:
    tether = resolve(asset_id=USDT)
    assert [(d.address, d.chain_name) for d in tether.deployments] == [(TETHER, "Ethereum")]
    bitcoin = resolve(asset_id=BTC)
    assert [flag.flag_id for flag in bitcoin.active_flags] == [an_id("flag")]
    assert bitcoin.tradeable.allowed
    critical = a_flag(flag_id=an_id("worse"))
    denied = resolve(critical, asset_id=BTC, stale=STALE_REASON).tradeable
    assert [reason.code for reason in denied.reasons] == ["FLAG_CRITICAL", "STALE_SNAPSHOT"]
    assert denied.reasons[0].key == an_id("worse")


@pytest.mark.parametrize("by", [{"name": "all-eth"}, {"group_id": an_id("group")}])
def test_a_group_has_its_members_with_exact_weights(by: dict[str, str]) -> None:
    found = expand(context(a_group(BTC, ETH)), **by)
    assert (found.group_id, found.name) == (an_id("group"), "all-eth")
    assert {(m.asset.symbol, m.weight, len(m.active_flags)) for m in found.members} == {
        ("BTC", "1", 1),
        ("ETH", "1", 0),
    }
    with pytest.raises(EntityNotFound):
        expand(context(), **by)


def test_the_way_back_has_what_is_listed_now_primary_spellings_first() -> None:
    symbol = completed(a_symbol())
    online = {"status": MarketStatusCode.ONLINE, "symbol_id": symbol.symbol_id}
    terms = {"tick_size": None, "lot_size": None}
    listings = (
        a_venue_symbol(listing_id=an_id("p"), is_primary=True, **online),
        a_venue_symbol(
            listing_id=an_id("a"), venue_symbol="ALIAS", alias_of="BTCUSDT", **online, **terms
        ),
        a_venue_symbol(listing_id=an_id("u"), venue_id="binance-usdm", is_primary=True, **online),
        a_venue_symbol(
            listing_id=an_id("g"),
            venue_symbol="GONE",
            status=MarketStatusCode.DELISTED,
            delisted_at=NOW,
            symbol_id=symbol.symbol_id,
        ),
    )
    reader = context(symbol, *listings).reader

    def spelled(*venues: str) -> list[tuple[str, str]]:
        found = resolution.venue_symbols(reader, symbol.symbol_id, venues, Instant.of(NOW))
        return [(one.venue_id, one.venue_symbol) for one in found]

    both = [("binance", "BTCUSDT"), ("binance-usdm", "BTCUSDT"), ("binance", "ALIAS")]
    assert spelled() == both
    assert spelled("binance") == [both[0], both[2]]
    with pytest.raises(EntityNotFound, match="no venue 'kraken'"):
        spelled("kraken")
    with pytest.raises(EntityNotFound):
        resolution.venue_symbols(reader, an_id("none"), (), Instant.of(NOW))
