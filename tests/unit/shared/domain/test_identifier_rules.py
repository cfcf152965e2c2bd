"""Identifiers by source: their form, whom they name, and in which spelling they are stored."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from cqar_shared.domain import identifier_rules
from cqar_shared.domain.identifier_rules import check_external_id
from cqar_shared.domain.kinds.asset_identifier import ASSET_IDENTIFIER, AssetDataSource
from cqar_shared.domain.kinds.symbol_identifier import SymbolDataSource
from tests.real.source_files import DATA
from tests.support.entity_builders import (
    ETH,
    a_chain,
    a_symbol_identifier,
    an_id,
    an_identifier,
)
from tests.support.memory_registry_view import Held, completed, findings

TETHER = "eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7"
MALFORMED = {("external_id", "NOT_AN_IDENTIFIER")}
WRONG_CHECK = {("external_id", "CHECK_CHARACTER")}


@pytest.mark.parametrize(
    ("source", "external_id", "wrong"),
    [
        ("FIGI", "BBG000BLNQ16", set()),
        ("FIGI", "BBG000BLNQ17", WRONG_CHECK),
        ("FIGI", "", {("external_id", "REQUIRED")}),
        ("DTI", "X9J9K872S", set()),
        ("DTI", "X9J9K872T", WRONG_CHECK),
        ("ISIN", "XTV15WLZJMF0", set()),
        ("ISIN", "bitcoin", MALFORMED),
        ("CAIP19", TETHER, set()),
        ("CAIP19", TETHER.lower(), set()),
        ("CAIP19", TETHER[:-1], MALFORMED),
        ("CFI", "TTXXXX", set()),
        ("CFI", "QQXXXX", MALFORMED),
        ("MIC", "XNYS", set()),
        ("MIC", "NYSE1", MALFORMED),
        ("COINGECKO", "any printable text", set()),
    ],
)
def test_an_id_is_of_its_sources_form(
    source: str, external_id: str, wrong: set[tuple[str, str]]
) -> None:
    given = {"external_id": external_id}
    assert findings(an_identifier(source=AssetDataSource[source], **given)) == wrong
    assert findings(a_symbol_identifier(data_source=SymbolDataSource[source], **given)) == wrong


def test_the_sources_of_assets_and_symbols_have_the_numbers_that_the_rules_know() -> None:
    for name in ("FIGI", "DTI", "ISIN", "CAIP19", "CFI", "MIC"):
        number = getattr(identifier_rules, name)
        assert AssetDataSource[name] == SymbolDataSource[name] == number


def test_an_address_in_caip_19_is_stored_in_its_one_spelling() -> None:
    caip19 = an_identifier(source=AssetDataSource.CAIP19, external_id=TETHER)
    lowered = an_identifier(source=AssetDataSource.CAIP19, external_id=TETHER.lower())
    assert completed(lowered) == caip19
    another = an_identifier(
        identifier_id=an_id("another"),
        asset_id=ETH,
        source=AssetDataSource.CAIP19,
        external_id=TETHER.lower(),
    )
    assert findings(another, Held(caip19)) == {("external_id", "DUPLICATE")}
    assert ASSET_IDENTIFIER.existing(another, Held(caip19)) == caip19


@pytest.mark.parametrize(
    ("source", "external_id", "is_shared"),
    [("CFI", "TTXXXX", True), ("MIC", "XNYS", True), ("DTI", "X9J9K872S", False)],
)
def test_a_class_and_a_market_are_shared_and_other_ids_are_not(
    source: str, external_id: str, is_shared: bool
) -> None:
    given: dict[str, Any] = {"source": AssetDataSource[source], "external_id": external_id}
    first = an_identifier(**given)
    twin = an_identifier(identifier_id=an_id("twin"), **given)
    other = an_identifier(identifier_id=an_id("other"), asset_id=ETH, **given)
    assert findings(twin, Held(first)) == {("external_id", "DUPLICATE")}
    assert findings(other, Held(first)) == (set() if is_shared else {("external_id", "DUPLICATE")})
    assert ASSET_IDENTIFIER.existing(twin, Held(first)) == first
    assert ASSET_IDENTIFIER.existing(other, Held(first)) == (None if is_shared else first)


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"chain_type": "COSMOS", "caip2": "cosmos:osmosis-1"}, set()),
        ({"network_id": 1, "caip2": "eip155:1"}, set()),
        ({"chain_type": "HEDERA", "caip2": "hedera:mainnet"}, set()),
        ({"caip2": "Cosmos"}, {("caip2", "NOT_AN_IDENTIFIER")}),
        ({"caip2": "cosmos:osmosis-1"}, {("caip2", "OTHER_CHAIN_TYPE")}),
        ({"network_id": 10, "caip2": "eip155:1"}, {("caip2", "OTHER_NETWORK")}),
    ],
)
def test_a_chains_name_by_caip_2_is_of_its_type_and_number(
    changes: dict[str, Any], wrong: set[tuple[str, str]]
) -> None:
    assert findings(a_chain(**changes)) == wrong


def test_two_chains_have_two_names_by_caip_2() -> None:
    tron = a_chain(chain_id="tron", chain_type="TRON", network_id=728126428, caip2="tron:728126428")
    assert completed(tron).caip2 == "tron:0x2b6653dc"
    twin = a_chain(
        chain_id="twin", chain_type="TRON", network_id=728126428, caip2="tron:0x2b6653dc"
    )
    assert findings(twin, Held(completed(tron))) == {("caip2", "DUPLICATE")}
    assert completed(a_chain(caip2="")).caip2 is None


def test_every_code_of_the_dti_registry_is_of_the_form() -> None:
    path = DATA / "identifiers" / "dtif" / "dti_registry_public_part1_2026-04.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = (row[column] for row in rows for column in ("dti", "equivalent_group_dti"))
    codes = {code for column in columns for code in column.split("|") if code}
    wrong = [v for code in codes for v in check_external_id(code, identifier_rules.DTI, code)]
    assert (len(rows), wrong) == (3_025, [])


def test_every_id_of_coingecko_is_taken() -> None:
    path = DATA / "identifiers" / "coingecko_coins_platforms_2023-05.json"
    ids = [row["id"] for row in json.loads(path.read_text())]
    wrong = [v for each in ids for v in check_external_id(each, AssetDataSource.COINGECKO, each)]
    assert len(ids) > 10_000
    assert len(wrong) == sum(not each.strip() for each in ids)
