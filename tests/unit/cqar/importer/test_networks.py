"""Which chain a venue's network id means, with ccxt's table as a second opinion."""

from __future__ import annotations

import csv
from collections import defaultdict
from typing import Final

import pytest

from cqar.importer.networks import ChainName, chain_by_id, chain_of, registered
from cqar_shared.domain.kinds.chain import Chain
from tests.readers.listing_files import VENUES

CCXT: Final = VENUES.parent / "identifiers" / "ccxt_networks.csv"
#: ccxt's exchange -> our operator, where they differ.
OPERATORS: Final = {
    "coinbaseexchange": "coinbase",
    **dict.fromkeys(("binanceusdm", "binancecoinm"), "binance"),
    "kucoinfutures": "kucoin",
    **dict.fromkeys(("bybiteu", "bybitid"), "bybit"),
    **dict.fromkeys(("myokx", "okxus"), "okx"),
    "gateeu": "gate",
}
#: ccxt's word for a network -> ours.
CHAINS: Final = {
    "ERC20": "ethereum",
    "TRC20": "tron",
    "BEP20": "bnb-smart-chain",
    "SOL": "solana",
    "BTC": "bitcoin",
    "ARBITRUM": "arbitrum-one",
    "ARBITRUM_NOVA": "arbitrum-nova",
    "MATIC": "polygon",
    "AVAXC": "avalanche-c",
    "OP": "optimism",
    "BASE": "base",
    "APT": "aptos",
    "SUI": "sui",
    "NEAR": "near",
    "ATOM": "cosmoshub",
    "TON": "ton",
}
#: Words that ccxt has and our table leaves out: numbers and names of a venue without a reader.
LEFT_OUT: Final = {("xt", "SOL-SOL"), ("xt", "OPT")}


def ccxt_says() -> list[tuple[str, str, str]]:
    """(our operator, its network id, ccxt's word)."""
    with CCXT.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        (OPERATORS.get(r["exchange"], r["exchange"]), r["venue_network_id"], r["unified_network"])
        for r in rows
    ]


def test_every_word_that_ccxt_reads_as_a_known_chain_is_that_chain_here() -> None:
    differ = []
    for operator, network, unified in ccxt_says():
        if unified not in CHAINS or network.isdigit() or (operator, network) in LEFT_OUT:
            continue
        chain = chain_of(operator, network)
        if chain is None or chain.chain_id != CHAINS[unified]:
            differ.append((operator, network, unified, chain))
    assert differ == []


def test_no_two_chains_here_are_one_network_of_ccxt() -> None:
    chains = defaultdict(set)
    for operator, network, unified in ccxt_says():
        if (chain := chain_of(operator, network)) is not None:
            chains[unified].add(chain.chain_id)
    assert {word: found for word, found in chains.items() if len(found) > 1} == {}


@pytest.mark.parametrize(
    ("operator", "network"),
    [
        ("cryptocom", "BNB"),
        ("binance", "BNB"),
        ("kucoin", "avax"),
        ("bybit", "ZKSYNC"),
        ("kucoin", "btcln"),
        ("gate", "a chain that nobody knows"),
        ("bitmex-testnet", "eth"),
    ],
)
def test_what_is_not_known_is_not_guessed(operator: str, network: str) -> None:
    assert chain_of(operator, network) is None


def test_a_registered_chain_is_found_by_its_number_whatever_its_id() -> None:
    arbitrum = chain_by_id("arbitrum-one")
    assert arbitrum == ChainName("arbitrum-one", 42161)
    listed = Chain(chain_id="arb1", chain_type="EVM", network_id=42161)
    own = Chain(chain_id="arbitrum-one", chain_type="EVM", network_id=42161)
    test = Chain(chain_id="x", chain_type="EVM", network_id=42161, is_testnet=True)
    assert registered(arbitrum, [listed, test]) is listed
    assert registered(arbitrum, [listed, own]) is own
    assert registered(arbitrum, [listed, Chain(chain_id="b", network_id=42161)]) is None
    assert registered(ChainName("ton"), [own, Chain(chain_id="ton")]) == Chain(chain_id="ton")
    assert registered(ChainName("ton"), [own]) is None
