"""What venues write where an address belongs: an address, or a word."""

from __future__ import annotations

import pytest

from cqar.importer.contract_texts import contract_text, unmistakable_contract
from cqar.importer.readers.registry import product_line_of
from cqar.importer.saved_answers import SavedResponse, decode_file, match_answers
from cqar.importer.side_answers import read_currencies
from tests.readers.listing_files import VENUES

USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
WEN = "WENWENvqqNya429ubCdR81ZmD69brwQaaBYY6p3LCpk"
TRON_USDT = "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"
SUI_NAVX = "0xa99b8952d4f7d947ea77fe0ecdcc9e5fc0bcab2841d6e2a5aa00c3044e5544b5::navx::NAVX"
WORDS = [
    *("", " ", "0", "0x", "-", "eosio.token", "xtokens", "sats", ".com", "BNB", "everipediaiq"),
    *("native", "0x0000000000000000000000000000000000000000", "XPM"),
    "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE",
    "So11111111111111111111111111111111111111112",
    "0x2::sui::SUI",
]


@pytest.mark.parametrize("text", [None, *WORDS])
def test_a_word_in_the_place_of_an_address_is_no_contract(text: str | None) -> None:
    assert contract_text(text) is None
    assert unmistakable_contract(text) is None


@pytest.mark.parametrize("text", [USDT, USDT.lower(), WEN, TRON_USDT, SUI_NAVX])
def test_an_address_stays_as_the_venue_writes_it(text: str) -> None:
    assert contract_text(f" {text} ") == text
    assert unmistakable_contract(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "EQCvxJy4eG8hyHBFsZ7eePxrRsUQSFE_jpptRAYBmcG_DOGS",
        "0.0.3716059",
        "token.sweat.near",
        "31566704",
        "ibc/27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2",
        "WEGLD-bd4d79",
    ],
)
def test_addresses_of_other_chains_count_only_with_their_network(text: str) -> None:
    assert contract_text(text) == text
    assert unmistakable_contract(text) is None


def test_an_address_with_a_wrong_checksum_is_not_unmistakable() -> None:
    assert unmistakable_contract("TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6T") is None
    assert unmistakable_contract(USDT.replace("dAC", "DAC")) is None


def test_what_mexc_writes_in_real_symbols() -> None:
    line = product_line_of("mexc")
    assert line is not None
    path = VENUES / "mexc/exchangeInfo_2025-09-21_part1.json"
    decoded = decode_file(SavedResponse("exchangeInfo", path))
    answers, _ = match_answers([decoded], line.requests)
    found = read_currencies(line.currencies[1], answers).found
    assert found["PYTH"].contracts == ("HZ1JovNiVvGrGNiiYvEozEVgZ58xaU3RKwX8eACQBCt3",)
    assert found["ALKIMI"].name is None
    assert found["NAVX"].contracts == (SUI_NAVX,)
    for word in ("METAL", "SATS", "COM", "IQ", "ONT"):
        assert found[word].contracts == (), word
    assert found["METAL"].name == "Metal Blockchain"
