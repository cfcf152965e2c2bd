"""Chains and assets by CAIP-2 and CAIP-19: what is valid, its one spelling, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar_shared.domain import caip
from cqar_shared.domain.identifier_formats import NotAnIdentifier

USDT = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
SOLANA = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
OSMOSIS_ATOM = "27394FB092D2ECCD56123C74F36E4C1F926001CEADA9CA97EA622B25F41E5EB2"


@pytest.mark.parametrize(
    "text",
    [
        f"eip155:1/erc20:{USDT}",
        "eip155:1/slip44:60",
        "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d",
        "eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/771769",
        "bip122:000000000019d6689c085ae165831e93/slip44:0",
        "cosmos:cosmoshub-4/slip44:118",
        "cosmos:Binance-Chain-Tigris/slip44:714",
        f"cosmos:osmosis-1/ibc:{OSMOSIS_ATOM}",
        "cosmos:osmosis-1/denom:uosmo",
        "cosmos:osmosis-1/denom:factory%2Fosmo1z0qrq605sjgcqpylfl4aa6s90x738j7m58wyatt0tdzflg2ha26q67k743%2Fwbtc",
        f"{SOLANA}/token:{USDC}",
        "sui:mainnet/coin:0x2%3A%3Asui%3A%3ASUI",
        "tron:0x2b6653dc/trc20:TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "near:mainnet/nep141:usdt.tether-token.near",
        # Namespaces of which CQAR knows nothing.
        "hedera:mainnet/nft:0.0.55492/12",
        "lip9:9ee11e9df416b18b/slip44:134",
    ],
)
def test_what_is_of_the_form_is_taken_as_it_is(text: str) -> None:
    assert str(caip.parse_asset(text)) == text


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (f"eip155:1/erc20:{USDT.lower()}", f"eip155:1/erc20:{USDT}"),
        ("tron:728126428/slip44:195", "tron:0x2b6653dc/slip44:195"),
        ("sui:mainnet/coin:0x2%3a%3asui%3a%3aSUI", "sui:mainnet/coin:0x2%3A%3Asui%3A%3ASUI"),
    ],
)
def test_an_asset_with_several_spellings_has_one_that_is_stored(text: str, stored: str) -> None:
    assert str(caip.parse_asset(text)) == stored


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no asset by CAIP-19: one looks like eip155:1/erc20:0x"),
        ("bitcoin", "is no asset by CAIP-19"),
        ("eip155:1", "is no asset by CAIP-19"),
        ("eip155:1/erc20", "is no asset by CAIP-19"),
        (f"1/erc20:{USDT}", "'1' is no chain: one looks like eip155:1"),
        (f"EIP155:1/erc20:{USDT}", "the chain's namespace is 'EIP155': it must be 3 to 8 of"),
        (f"eip155:/erc20:{USDT}", "the chain's reference is '': it must be 1 to 32 of"),
        (f"eip155:{'1' * 33}/erc20:{USDT}", "the chain's reference is"),
        (f"eip155:mainnet/erc20:{USDT}", "of eip155 it is a number"),
        (f"eip155:01/erc20:{USDT}", "of eip155 it is a number"),
        (f"eip155:1/e:{USDT}", "the asset's namespace is 'e': it must be 3 to 8 of"),
        ("eip155:1/erc20:", "the asset's reference is '': it must be 1 to 128 of"),
        ("eip155:1/erc20:0x_", "the asset's reference is '0x_'"),
        (f"eip155:1/erc20:{USDT[:-1]}", "its address '0xdAC17F95"),
        (f"eip155:1/erc20:{USDT[:-1]}8", "its mixed case is no EIP-55 checksum"),
        ("eip155:1/slip44:ETH", "a coin type is a number"),
        (f"{SOLANA}/token:0OIl", "must be base58 (SOLANA)"),
        ("cosmos:osmosis-1/ibc:27394FB0", "must be ibc/ and 64 upper-case hexadecimal digits"),
        ("eip155:1/erc721:0x06012c8cf97BEaD5deAe237070F9587f8E7A266d/", "the token's id is ''"),
        ("eip155:1/erc20:" + "a" * 300, "has 315 characters; at most 258"),
    ],
)
def test_a_refusal_says_which_part_is_wrong_and_what_is_right(text: str, message: str) -> None:
    with pytest.raises(NotAnIdentifier) as caught:
        caip.parse_asset(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("chain", "address", "text"),
    [
        ("eip155:1", USDT, f"eip155:1/erc20:{USDT}"),
        (SOLANA, USDC, f"{SOLANA}/token:{USDC}"),
        ("cosmos:osmosis-1", "uosmo", "cosmos:osmosis-1/denom:uosmo"),
        ("cosmos:osmosis-1", f"ibc/{OSMOSIS_ATOM}", f"cosmos:osmosis-1/ibc:{OSMOSIS_ATOM}"),
        ("cosmos:x-1", "gamm/pool/1", "cosmos:x-1/denom:gamm%2Fpool%2F1"),
        ("sui:mainnet", "0x2::a_b::C", "sui:mainnet/coin:0x2%3A%3Aa%5Fb%3A%3AC"),
        ("cosmos:x-1", "a" * 129, None),
        ("stellar:pubnet", "USD", None),
    ],
)
def test_an_address_on_a_chain_has_a_name(chain: str, address: str, text: str | None) -> None:
    named = caip.asset_at(caip.parse_chain(chain), address)
    assert (named and str(named)) == text
    assert named is None or (named.address == address and caip.parse_asset(str(named)) == named)


@pytest.mark.parametrize(
    ("chain_type", "number", "stated", "name"),
    [
        ("EVM", 1, None, "eip155:1"),
        ("evm", 43114, None, "eip155:43114"),
        ("TRON", 728126428, None, "tron:0x2b6653dc"),
        ("COSMOS", None, "cosmos:osmosis-1", "cosmos:osmosis-1"),
        ("COSMOS", None, None, None),
        ("EVM", None, None, None),
    ],
)
def test_a_registered_chain_has_the_name_that_it_states_or_its_number_has(
    chain_type: str, number: int | None, stated: str | None, name: str | None
) -> None:
    named = caip.chain_of(chain_type, number, stated)
    assert (named and str(named)) == name


def test_a_chains_own_coin_has_its_coin_type_or_that_of_a_chain_with_the_same_coin() -> None:
    ethereum, base = caip.parse_chain("eip155:1"), caip.parse_chain("eip155:8453")
    assert str(caip.native_coin(ethereum)) == "eip155:1/slip44:60"
    assert str(caip.native_coin(base, [ethereum])) == "eip155:8453/slip44:60"
    assert caip.native_coin(base) is None


@given(st.text(max_size=80) | st.from_regex(r"[a-z0-9]{3,8}:[a-z0-9]{1,9}/[a-z0-9]{3,8}:.{0,9}"))
def test_a_name_that_is_taken_is_stored_as_what_it_names(text: str) -> None:
    try:
        named = caip.parse_asset(text)
    except NotAnIdentifier:
        return
    assert caip.parse_asset(str(named)) == named
