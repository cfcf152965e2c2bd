"""Chains and assets by the Chain Agnostic Improvement Proposals 2, 19 and 20. Pure.

`eip155:1/erc20:0xdAC1…` is a chain (namespace and reference) and an asset of it (namespace and
reference). Addresses in it are checked, and brought into the one spelling that CQAR stores, by the
rules of the namespace's chains.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import quote, unquote

from cqar_shared.domain import addresses
from cqar_shared.domain.identifier_formats import NotAnIdentifier

EIP155: Final = "eip155"
SLIP44: Final = "slip44"
#: Longest text: chain (8 + 1 + 32), asset (8 + 1 + 128) and token id (78), with two slashes.
CHARS_MAX: Final = 258
_PARTS: Final = (
    ("the chain's namespace", re.compile(r"[-a-z0-9]{3,8}"), "3 to 8 of a-z, 0-9 and -"),
    (
        "the chain's reference",
        re.compile(r"[-_a-zA-Z0-9]{1,32}"),
        "1 to 32 of a-z, A-Z, 0-9, _ and -",
    ),
    ("the asset's namespace", re.compile(r"[-a-z0-9]{3,8}"), "3 to 8 of a-z, 0-9 and -"),
    (
        "the asset's reference",
        re.compile(r"[-.%a-zA-Z0-9]{1,128}"),
        "1 to 128 of a-z, A-Z, 0-9, ., % and -",
    ),
    ("the token's id", re.compile(r"[-.%a-zA-Z0-9]{1,78}"), "1 to 78 of a-z, A-Z, 0-9, ., % and -"),
)
#: CAIP-2 namespace -> the type of its chains, whose address rules hold.
CHAIN_TYPES: Final = {
    "aptos": "APTOS",
    "bip122": "BITCOIN",
    "cosmos": "COSMOS",
    EIP155: "EVM",
    "near": "NEAR",
    "solana": "SOLANA",
    "sui": "SUI",
    "tron": "TRON",
}
#: Namespaces whose references are the network's own number: decimal, and of TRON hexadecimal.
_NUMBERED: Final = {EIP155: "{}", "tron": "{:#010x}"}
_HEX: Final = re.compile(r"0x[0-9a-f]{1,8}")
#: (CAIP-2 namespace, asset namespace) -> what stands before the reference in an address. Only these
#: references are addresses.
_ADDRESSES: Final = {
    ("aptos", "coin"): "",
    ("cosmos", "cw20"): "",
    ("cosmos", "denom"): "",
    ("cosmos", "ibc"): "ibc/",
    (EIP155, "erc20"): "",
    (EIP155, "erc721"): "",
    (EIP155, "erc1155"): "",
    ("near", "nep141"): "",
    ("solana", "token"): "",
    ("sui", "coin"): "",
    ("tron", "trc20"): "",
}
#: The asset namespace in which an address of this chain namespace is written.
_TOKEN_NAMESPACES: Final = {
    "aptos": "coin",
    EIP155: "erc20",
    "near": "nep141",
    "solana": "token",
    "sui": "coin",
    "tron": "trc20",
}
#: Coin type of SLIP-44 -> the chain whose own coin it is. Other chains may have the same coin.
COIN_HOMES: Final = {
    0: "bip122:000000000019d6689c085ae165831e93",
    2: "bip122:12a765e31ffd4059bada1e25190f6e98",
    3: "bip122:1a91e3dace36e2be3bf030a65679fe82",
    60: "eip155:1",
    118: "cosmos:cosmoshub-4",
    145: "bip122:000000000000000000651ef99cb9fcbe",
    195: "tron:0x2b6653dc",
    397: "near:mainnet",
    501: "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp",
    637: "aptos:1",
    714: "eip155:56",
    784: "sui:mainnet",
    966: "eip155:137",
    2457: "eip155:999",
    9005: "eip155:43114",
    22000118: "cosmos:dydx-mainnet-1",
}
_COIN_TYPES: Final = {home: coin for coin, home in COIN_HOMES.items()}
#: Most Cosmos chains use the Cosmos Hub's coin type for their own coin.
COSMOS_COIN: Final = 118


class Chain2(NamedTuple):
    """A chain by CAIP-2."""

    namespace: str
    reference: str

    def __str__(self) -> str:
        return f"{self.namespace}:{self.reference}"

    @property
    def network_id(self) -> int | None:
        """The network's own number, of EVM chains and TRON; None for any other."""
        return int(self.reference, 0) if self.namespace in _NUMBERED else None


class Asset19(NamedTuple):
    """An asset by CAIP-19.

    Attributes:
        token_id: Of one token of a collection; empty for an asset that is no such token.
    """

    chain: Chain2
    namespace: str
    reference: str
    token_id: str = ""

    def __str__(self) -> str:
        text = f"{self.chain}/{self.namespace}:{self.reference}"
        return f"{text}/{self.token_id}" if self.token_id else text

    @property
    def coin_type(self) -> int | None:
        """The number of SLIP-44 of a chain's own coin; None for any other asset."""
        return int(self.reference) if self.namespace == SLIP44 else None

    @property
    def address(self) -> str | None:
        """The address on the chain; None where the reference is none."""
        before = _ADDRESSES.get((self.chain.namespace, self.namespace))
        return None if before is None else before + unquote(self.reference)


def parse_chain(text: str) -> Chain2:
    """Read a chain.

    Raises:
        NotAnIdentifier: The text is no chain by CAIP-2.
    """
    namespace, colon, reference = text.partition(":")
    if not colon:
        raise NotAnIdentifier(f"{text!r} is no chain: one looks like eip155:1")
    _require_parts(_PARTS[:2], (namespace, reference))
    if namespace not in _NUMBERED:
        return Chain2(namespace, reference)
    if not _is_number(reference) and not (namespace == "tron" and _HEX.fullmatch(reference)):
        message = f"the chain's reference is {reference!r}: of {namespace} it is a number"
        raise NotAnIdentifier(message)
    return numbered_chain(namespace, int(reference, 0))


def numbered_chain(namespace: str, network_id: int) -> Chain2:
    """A chain by the network's own number."""
    return Chain2(namespace, _NUMBERED[namespace].format(network_id))


def chain_of(chain_type: str, network_id: int | None, stated: str | None) -> Chain2 | None:
    """The CAIP-2 name of a registered chain: the one that it states, or by its number.

    Returns:
        None where the chain has neither.
    """
    if stated:
        return parse_chain(stated)
    for namespace in _NUMBERED:
        if CHAIN_TYPES[namespace] == chain_type.upper() and network_id:
            return numbered_chain(namespace, network_id)
    return None


def parse_asset(text: str) -> Asset19:
    """Read an asset; its address is in the chain's canonical spelling.

    Raises:
        NotAnIdentifier: The text is no asset by CAIP-19, or its address is none of its chain.
    """
    if len(text) > CHARS_MAX:
        raise NotAnIdentifier(f"has {len(text)} characters; at most {CHARS_MAX}")
    chain_text, slash, rest = text.partition("/")
    asset_text, second, token_id = rest.partition("/")
    namespace, colon, reference = asset_text.partition(":")
    if not (slash and colon):
        example = "eip155:1/erc20:0xdAC17F958D2ee523a2206206994597C13D831ec7"
        raise NotAnIdentifier(f"{text!r} is no asset by CAIP-19: one looks like {example}")
    chain = parse_chain(chain_text)
    _require_parts(_PARTS[2:4], (namespace, reference))
    if second:
        _require_parts(_PARTS[4:], (token_id,))
    if namespace == SLIP44 and not _is_number(reference):
        raise NotAnIdentifier(f"the asset's reference is {reference!r}: a coin type is a number")
    return _canonical(Asset19(chain, namespace, reference, token_id))


def asset_at(chain: Chain2, address: str) -> Asset19 | None:
    """The asset at a canonical address; None where no namespace for it is known."""
    if chain.namespace == "cosmos":
        namespace, reference = _cosmos_asset(address)
    else:
        namespace, reference = _TOKEN_NAMESPACES.get(chain.namespace, ""), address
    reference = _quoted(reference)
    return Asset19(chain, namespace, reference) if namespace and reference else None


def native_coin(chain: Chain2, homes: Iterable[Chain2] = ()) -> Asset19 | None:
    """The chain's own coin; None where its coin type is not known.

    Args:
        homes: Chains with the same own coin, asked where the chain itself has no coin type.
    """
    coins = (_COIN_TYPES.get(str(home)) for home in (chain, *homes))
    coin = next((coin for coin in coins if coin is not None), None)
    return None if coin is None else Asset19(chain, SLIP44, str(coin))


def _canonical(asset: Asset19) -> Asset19:
    address = asset.address
    if address is None:
        return asset
    chain_type = CHAIN_TYPES[asset.chain.namespace]
    try:
        right = addresses.canonical(chain_type, address, asset.chain.network_id)
    except addresses.NotAnAddress as error:
        raise NotAnIdentifier(f"its address {address!r} {error} ({chain_type})") from error
    before = _ADDRESSES[asset.chain.namespace, asset.namespace]
    return asset._replace(reference=_quoted(right.removeprefix(before)) or asset.reference)


def _quoted(address: str) -> str:
    """An address as a reference, with %-codes for what that may not contain; "" if too long."""
    reference = quote(address, safe="-.").replace("_", "%5F").replace("~", "%7E")
    return reference if _PARTS[3][1].fullmatch(reference) else ""


def _cosmos_asset(address: str) -> tuple[str, str]:
    """Namespace and reference of a denomination, or of the account of a contract."""
    if address.startswith("ibc/"):
        return "ibc", address.removeprefix("ibc/")
    return ("cw20" if addresses.is_bech32(address) else "denom"), address


def _require_parts(
    forms: tuple[tuple[str, re.Pattern[str], str], ...], texts: tuple[str, ...]
) -> None:
    for (what, form, rule), text in zip(forms, texts, strict=True):
        if not form.fullmatch(text):
            raise NotAnIdentifier(f"{what} is {text!r}: it must be {rule}")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"0|[1-9][0-9]{0,31}", text) is not None
