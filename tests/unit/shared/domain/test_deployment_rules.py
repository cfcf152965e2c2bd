"""Deployments: addresses by their chain's own standard, one asset each."""

from __future__ import annotations

import bech32
import pytest

from cqar_shared.domain import addresses
from tests.support.entity_builders import BTC, USDT, a_chain, a_deployment, an_asset, an_id
from tests.support.memory_registry_view import Held, changed, completed, findings

#: The examples of EIP-55 itself.
EIP_55 = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
TETHER = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
JUNO_CONTRACT = "juno1tdjwrqmnztn2j3sj2ln9xnyps5hs48q3ddwjrz7jpv6mskappjys5czd49"
HUB_ACCOUNT = bech32.bech32_encode("cosmos", range(32)) or ""


def nested(depth: int) -> str:
    return "0x3::a::B<" * (depth - 1) + "0x3::a::B" + ">" * (depth - 1)


def on(chain_type: str, **changes: object) -> set[tuple[str, str]]:
    chain = a_chain(chain_id="x", chain_type=chain_type)
    return findings(a_deployment(chain_id="x", **changes), Held(chain, an_asset("USDT")))


@pytest.mark.parametrize("address", EIP_55)
def test_an_evm_address_is_stored_in_the_cases_of_eip_55(address: str) -> None:
    for given in (address, address.lower(), "0x" + address[2:].upper()):
        assert addresses.canonical("EVM", given) == address


@pytest.mark.parametrize(
    ("chain_type", "given", "stored"),
    [
        ("EVM", TETHER, TETHER),
        ("EVM", TETHER.lower(), TETHER),
        ("evm", "0x" + TETHER[2:].upper(), TETHER),
        ("SOLANA", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v", None),
        ("TRON", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t", None),
        ("COSMOS", "ibc/" + "0A" * 32, None),
        ("COSMOS", "factory/osmo1xyz/ubtc", None),
        ("COSMOS", "uatom", None),
        ("COSMOS", "au", None),
        ("COSMOS", JUNO_CONTRACT, None),
        ("NEAR", "usdt.tether-token.near", None),
        ("SUI", "0x0002::sui::SUI", "0x2::sui::SUI"),
        ("APTOS", "0x1::aptos_coin::AptosCoin", None),
        ("SUI", "0x0002::coin::Coin<0x0002::sui::SUI>", "0x2::coin::Coin<0x2::sui::SUI>"),
        ("SUI", "0x00AB", "0xab"),
        (
            "APTOS",
            "0x1::a::P<u8,vector<0x01::b::Q<bool>>>",
            "0x1::a::P<u8, vector<0x1::b::Q<bool>>>",
        ),
        ("APTOS", "0x1::_m::u8<address, signer>", None),
        ("SUI", nested(8), None),
        ("COSMOS", HUB_ACCOUNT.upper(), HUB_ACCOUNT),
        ("TON", "EQC-anything at all", None),
    ],
)
def test_an_address_is_stored_in_its_one_spelling(
    chain_type: str, given: str, stored: str | None
) -> None:
    assert on(chain_type, address=given) == set()
    assert addresses.canonical(chain_type, given) == (stored or given)


@pytest.mark.parametrize(
    ("chain_type", "address"),
    [
        ("EVM", TETHER[:-1]),
        ("EVM", TETHER[2:]),
        ("EVM", TETHER.replace("dAC", "DaC")),
        ("EVM", "0x" + "0" * 40),
        ("SOLANA", "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt"),
        ("SOLANA", "0OIl"),
        ("TRON", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6x"),
        ("TRON", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        ("COSMOS", "ibc/" + "0a" * 32),
        ("COSMOS", "1atom"),
        ("COSMOS", "u"),
        ("COSMOS", JUNO_CONTRACT.replace("juno1t", "juno1s")),
        ("COSMOS", "cosmos1" + "q" * 38),
        ("NEAR", "Upper.near"),
        ("SUI", "sui::SUI"),
        ("APTOS", "0x1::only"),
        ("SUI", "0x3::a::B<!!! ;drop>"),
        ("SUI", "0x3::a::B<>"),
        ("SUI", "0x3::a::B<u8"),
        ("SUI", "0x3::a::B<u8>>"),
        ("SUI", "0x3::a::B<u8,>"),
        ("SUI", "0x3::a::B<u8 u8>"),
        ("SUI", "0x3::a::B<u9>"),
        ("SUI", "0x3::a::B<u8x>"),
        ("SUI", "0x3::a::B<0x2>"),
        ("SUI", "0x3::a::B<vector>"),
        ("SUI", "0x3::a::B<vector<u8, u8>>"),
        ("SUI", "0x3::a::_"),
        ("SUI", "0x" + "1" * 65 + "::a::B"),
        ("SUI", "u8"),
        ("SUI", "vector<u8>"),
        ("SUI", nested(9)),
        ("SUI", "0x3::a::B<" + "vector<" * 8 + "u8" + ">" * 9),
        ("COSMOS", HUB_ACCOUNT.capitalize()),
        ("COSMOS", HUB_ACCOUNT[:-1] + HUB_ACCOUNT[-1].upper()),
        ("COSMOS", HUB_ACCOUNT.upper().replace("VDW", "VWD")),
    ],
)
def test_what_is_no_address_of_the_chain_is_refused(chain_type: str, address: str) -> None:
    assert on(chain_type, address=address) == {("address", "NOT_AN_ADDRESS")}


def test_rootstock_mixes_its_cases_by_its_number_and_stores_the_one_spelling() -> None:
    theirs = "0x542FDA317318eBf1d3DeAF76E0B632741a7e677d"
    rootstock = Held(a_chain(network_id=30), an_asset("USDT"))
    assert findings(a_deployment(address=theirs), rootstock) == set()
    ours = completed(a_deployment(address=theirs), rootstock).address
    assert ours == addresses.canonical("EVM", theirs.lower()) != theirs
    assert findings(a_deployment(address=TETHER), rootstock) == set()
    # Its completed spelling is checked anew, there and on any other chain.
    assert findings(a_deployment(address=ours), rootstock) == set()
    assert findings(a_deployment(address=theirs), Held(a_chain(network_id=1))) == {
        ("address", "NOT_AN_ADDRESS")
    }
    wrong = theirs.replace("FDA", "FdA")
    assert findings(a_deployment(address=wrong), rootstock) == {("address", "NOT_AN_ADDRESS")}


def test_a_deployment_needs_ids_and_decimals() -> None:
    assert findings(a_deployment()) == set()
    bad = a_deployment(deployment_id="x", asset_id="", chain_id="", decimals=None)
    assert findings(bad) == {
        ("deployment_id", "NOT_A_UUID"),
        ("asset_id", "REQUIRED"),
        ("chain_id", "REQUIRED"),
        ("decimals", "REQUIRED"),
    }


def test_a_deployments_asset_chain_and_address_are_for_ever() -> None:
    held = Held(a_chain(), a_chain(chain_id="polygon"))
    before = a_deployment()
    # Another spelling of the same address is no change.
    assert findings(changed(before, address=TETHER.lower()), held, before) == set()
    after = changed(before, asset_id=BTC, chain_id="polygon", address="0x" + "1" * 40)
    assert findings(after, held, before) == {
        ("asset_id", "IMMUTABLE"),
        ("chain_id", "IMMUTABLE"),
        ("address", "IMMUTABLE"),
    }


@pytest.mark.parametrize(
    ("address", "reason"),
    [("E Q\t", "WHITE_SPACE"), ("E\tQ", "NOT_PRINTABLE"), ("E" * 129, "TOO_LONG")],
)
def test_even_an_unchecked_address_is_printable(address: str, reason: str) -> None:
    assert on("TON", address=address) == {("address", reason)}
    assert on("TON", address="E" * 128) == set()


def test_a_chain_without_rules_keeps_the_address_and_says_it_is_unchecked() -> None:
    chain = a_chain(chain_id="x", chain_type="TON")
    assert completed(a_deployment(chain_id="x", address="?"), Held(chain)).address_unchecked
    known = Held(a_chain())
    assert not completed(a_deployment(), known).address_unchecked


def test_a_chains_own_coin_has_no_address_and_others_need_one() -> None:
    assert on("EVM", is_native=True, address=None) == set()
    assert on("EVM", is_native=True) == {("address", "NOT_APPLICABLE")}
    assert on("EVM", address=None) == {("address", "REQUIRED")}
    assert on("BITCOIN", address=None) == set()
    assert on("BITCOIN") == {("address", "NOT_APPLICABLE")}


@pytest.mark.parametrize(
    ("chain_type", "decimals", "fine"),
    [
        ("EVM", 0, True),
        ("EVM", 36, True),
        ("EVM", 37, False),
        ("EVM", -1, False),
        ("NEAR", 24, True),
        ("NEAR", 25, False),
        ("COSMOS", 18, True),
        ("COSMOS", 19, False),
    ],
)
def test_decimals_are_bounded_by_the_chains_standard(
    chain_type: str, decimals: int, *, fine: bool
) -> None:
    address = {"NEAR": "usdt.near", "COSMOS": "uatom"}.get(chain_type, TETHER)
    found = on(chain_type, decimals=decimals, address=address)
    assert found == (set() if fine else {("decimals", "OUT_OF_RANGE")})


def test_an_address_is_one_assets_and_one_deployment_is_canonical() -> None:
    held = Held(a_chain(), an_asset("USDT"), an_asset(), a_deployment(is_canonical=True))
    rival = a_deployment(deployment_id=an_id("other"), asset_id=BTC, address=TETHER.lower())
    assert findings(rival, held) == {("address", "ADDRESS_TAKEN")}
    second = a_deployment(
        deployment_id=an_id("other"), address="0x" + "1" * 40, is_canonical=True, asset_id=USDT
    )
    assert findings(second, held) == {("is_canonical", "CANONICAL_TAKEN")}


def test_a_chain_has_one_coin_of_its_own() -> None:
    coin = a_deployment(is_native=True, address=None)
    held = Held(a_chain(), a_chain(chain_id="polygon"), an_asset("USDT"), an_asset(), coin)
    assert findings(changed(coin, is_canonical=True), held, coin) == set()
    second = changed(coin, deployment_id=an_id("other"), asset_id=BTC)
    assert findings(second, held) == {("is_native", "NATIVE_TAKEN")}
    assert findings(changed(second, chain_id="polygon"), held) == set()
    # Without contracts others have no address either, and are not the chain's own.
    bitcoin = Held(a_chain(chain_type="BITCOIN"), an_asset(), coin)
    assert findings(changed(second, is_native=False), bitcoin) == set()


def test_what_a_deployment_is_never_changes_and_its_decimals_are_part_of_it() -> None:
    held = Held(a_chain(), an_asset("USDT"), an_asset())
    before = completed(a_deployment(), held)
    assert findings(a_deployment(is_canonical=True), held, before) == set()
    for field, value in (("asset_id", BTC), ("address", "0x" + "1" * 40), ("decimals", 18)):
        assert findings(a_deployment(**{field: value}), held, before) == {(field, "IMMUTABLE")}
