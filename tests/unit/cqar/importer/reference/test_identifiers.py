"""Lists of identifiers: a contract or a known name attaches one, and a ticker never does."""

from __future__ import annotations

from typing import Any, Final

import pytest

from cqar.importer.reference.list_file import ListFile
from cqar.importer.saved_answers import UnusableAnswer
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_identifier import (
    ASSET_IDENTIFIER,
    AssetDataSource,
    AssetIdentifier,
)
from cqar_shared.domain.kinds.finding import FINDING
from tests.support.entity_builders import a_chain, a_relationship, an_asset, an_id
from tests.support.reference_lists import (
    csv_list,
    imported,
    json_list,
    made,
    planned,
    registry,
    rows_of,
)

ON_ETHEREUM: Final = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
ON_BASE: Final = "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"
USDC: Final = an_asset("USDC", name="USD Coin")
OTHER: Final = an_asset("USDBC", name="USD Base Coin", unverified=True)
CHAINS: Final = (a_chain(network_id=1), a_chain(chain_id="base", network_id=8453))


def deployed(asset_id: str, chain_id: str, address: str) -> AssetDeployment:
    return AssetDeployment(
        deployment_id=an_id(f"{chain_id} {address}"),
        asset_id=asset_id,
        chain_id=chain_id,
        address=address,
        decimals=6,
    )


KNOWN: Final = (*CHAINS, USDC, OTHER, deployed(USDC.asset_id, "ethereum", ON_ETHEREUM))


def called(asset_id: str, source: AssetDataSource, external_id: str) -> AssetIdentifier:
    return AssetIdentifier(
        identifier_id=an_id(f"{source} {external_id}"),
        asset_id=asset_id,
        source=source,
        external_id=external_id,
    )


def coingecko(coin: str, **platforms: str) -> ListFile:
    names = {name.replace("_", "-"): address for name, address in platforms.items()}
    return json_list([{"id": coin, "symbol": "usdc", "name": "USD Coin", "platforms": names}])


def test_a_contract_attaches_the_name_as_the_primary_one_of_its_source() -> None:
    plan = imported("identifiers", registry(*KNOWN), coingecko("usd-coin", ethereum=ON_ETHEREUM))
    (identifier,) = made(plan, ASSET_IDENTIFIER)
    assert (identifier.asset_id, identifier.external_id) == (USDC.asset_id, "usd-coin")
    assert (identifier.source, identifier.is_primary) == (AssetDataSource.COINGECKO, True)
    assert (rows_of(plan), plan.evidence) == (["NEW"], {"CONTRACT": 1})


def test_a_ticker_and_a_name_attach_nothing() -> None:
    plan = planned("identifiers", registry(*KNOWN), coingecko("usd-coin"))
    assert (rows_of(plan), plan.changes) == (["UNSUPPORTED"], [])
    assert "a ticker attaches nothing" in plan.rows[0].reason


def test_contracts_of_two_assets_are_to_be_decided_and_the_verified_one_is_called_so() -> None:
    state = registry(*KNOWN, deployed(OTHER.asset_id, "base", ON_BASE))
    plan = imported("identifiers", state, coingecko("usd-coin", ethereum=ON_ETHEREUM, base=ON_BASE))
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.asset_id) == ("DUPLICATE", OTHER.asset_id)
    assert finding.proposed_asset_id == USDC.asset_id
    assert [i.asset_id for i in made(plan, ASSET_IDENTIFIER)] == [USDC.asset_id]


def test_a_bridged_token_of_the_row_is_no_contradiction() -> None:
    bridged = deployed(OTHER.asset_id, "base", ON_BASE)
    state = registry(*KNOWN, bridged, a_relationship(OTHER.asset_id, USDC.asset_id))
    plan = imported("identifiers", state, coingecko("usd-coin", ethereum=ON_ETHEREUM, base=ON_BASE))
    assert made(plan, FINDING) == []
    assert [i.asset_id for i in made(plan, ASSET_IDENTIFIER)] == [USDC.asset_id]


def test_a_name_that_is_another_assets_is_not_moved() -> None:
    third = an_asset("USDX")
    held = called(third.asset_id, AssetDataSource.COINGECKO, "usd-coin")
    state = registry(*KNOWN, third, held)
    plan = imported("identifiers", state, coingecko("usd-coin", ethereum=ON_ETHEREUM))
    assert made(plan, ASSET_IDENTIFIER) == []
    assert [finding.kind for finding in made(plan, FINDING)] == ["DUPLICATE"]


def test_rotkis_row_without_a_contract_is_known_by_its_coingecko_id() -> None:
    state = registry(*KNOWN, called(USDC.asset_id, AssetDataSource.COINGECKO, "usd-coin"))
    columns = "identifier,name,symbol,chain,address,coingecko"
    rows = (("USDC-2", "USDC", "USDC", "", "", "usd-coin"), ("X", "X", "X", "", "", ""))
    plan = planned("identifiers", state, csv_list(columns, *rows))
    assert rows_of(plan) == ["UNCHANGED", "UNSUPPORTED"]
    assert plan.evidence == {"IDENTIFIER": 1}


def test_a_dti_is_attached_by_the_isin_in_its_name() -> None:
    state = registry(*KNOWN, called(USDC.asset_id, AssetDataSource.ISIN, "DE000A418DA8"))
    source = csv_list(
        "dti,dti_type,long_name", ("1012BPFV0", "auxiliary", "Stamm // ISIN: DE000A418DA8")
    )
    plan = planned("identifiers", state, source)
    assert [i.source for i in made(plan, ASSET_IDENTIFIER)] == [AssetDataSource.DTI]


@pytest.mark.parametrize(
    ("columns", "row", "reason"),
    [
        ("Mint,Symbol,Name", ("So1", "SOL", "Sol"), "no identifier"),
        ("symbol,name,address,market_cap", ("USDC", "USDC", ON_ETHEREUM, "1"), "no id of Coin"),
        ("sourceAddress,coingeckoId,source", (ON_ETHEREUM, "", "eth"), "no identifier"),
    ],
)
def test_a_row_that_names_no_identifier_says_so(
    columns: str, row: tuple[str, ...], reason: str
) -> None:
    plan = planned("identifiers", registry(*KNOWN), csv_list(columns, row))
    assert rows_of(plan) == ["UNSUPPORTED"]
    assert reason in plan.rows[0].reason


def test_coinmarketcaps_map_and_wormholes_table_name_contracts() -> None:
    platform = {"slug": "ethereum", "token_address": ON_ETHEREUM}
    value = {"data": [{"id": 3408, "slug": "usd-coin", "symbol": "USDC", "platform": platform}]}
    wormhole = csv_list(
        "source,sourceAddress,coingeckoId", ("eth", ON_ETHEREUM.lower(), "usd-coin")
    )
    for source, name in ((json_list(value), "3408"), (wormhole, "usd-coin")):
        plan = imported("identifiers", registry(*KNOWN), source)
        assert [i.external_id for i in made(plan, ASSET_IDENTIFIER)] == [name]


def test_a_plain_list_says_its_source_by_row_or_by_option() -> None:
    rows: tuple[Any, ...] = (("usdc-1", f"ethereum:{ON_ETHEREUM}"), ("usdc-2", USDC.asset_id))
    source = csv_list("external_id,asset", *rows)
    plan = imported("identifiers", registry(*KNOWN), source, data_source=AssetDataSource.MESSARI)
    assert [i.is_primary for i in made(plan, ASSET_IDENTIFIER)] == [True, False]
    plan = planned("identifiers", registry(*KNOWN), source)
    assert {row.reason for row in plan.rows} == {"source is missing: give --source"}


def test_what_is_no_list_of_identifiers_is_refused() -> None:
    with pytest.raises(UnusableAnswer, match="no list of identifiers that is known"):
        planned("identifiers", registry(), json_list([{"x": 1}]))
