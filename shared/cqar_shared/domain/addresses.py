"""Checks addresses by the type of their chain, and gives each its canonical spelling. Pure.

Each form is checked by the library of its standard. The canonical spelling is stored, so an address
is found however it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import base58
import bech32
from eth_hash.auto import keccak

from cqar_shared.domain import move_types

#: Highest number of decimals of a token, by chain type. Real EVM tokens have up to 24, and uint8
#: allows more; NEAR counts in 10^-24.
DECIMALS_MAX: Final = {"EVM": 36, "NEAR": 24}
DECIMALS_MAX_ELSEWHERE: Final = 18
ADDRESS_CHARS_MAX: Final = 256
#: Chains whose coins are in outputs or accounts, not in contracts.
WITHOUT_CONTRACTS: Final = frozenset({"BITCOIN"})

#: Rootstock and its test network use the checksum of EIP-1191, which includes the network id.
EIP_1191_NETWORKS: Final = frozenset({30, 31})

_EVM_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")
_SOLANA_BYTES: Final = 32
_TRON_BYTES: Final = 21
_TRON_PREFIX: Final = 0x41
#: Denominations of Cosmos chains. The SDK's pattern requires three characters, but chains replace
#: it (`SetCoinDenomRegex`): f(x)Core's coin is FX, Union's is au.
_COSMOS_DENOM: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9/:._-]{1,127}")
_IBC_DENOM: Final = re.compile(r"ibc/[0-9A-F]{64}")
#: Texts in the form of a bech32 account of 20 or 32 bytes with its checksum.
_LIKE_BECH32: Final = re.compile(r"[a-z]+1[02-9ac-hj-np-z]{38}([02-9ac-hj-np-z]{20})?")
#: NEAR account ids: 2 to 64 characters, parts joined by dots.
_NEAR_ACCOUNT: Final = re.compile(
    r"(?=.{2,64}$)([a-z0-9]+[-_])*[a-z0-9]+(\.([a-z0-9]+[-_])*[a-z0-9]+)*"
)


class NotAnAddress(ValueError):
    """A text is not an address of the chain; the message says what one looks like."""


def _evm(text: str) -> str:
    if not _EVM_ADDRESS.fullmatch(text):
        raise NotAnAddress("must be 0x and 40 hexadecimal digits")
    digits = text[2:]
    mixed = digits not in (digits.lower(), digits.upper())
    cased = _cased(digits)
    if mixed and digits != cased:
        raise NotAnAddress("its mixed case is no EIP-55 checksum: a digit or a case is wrong")
    if not int(digits, 16):
        raise NotAnAddress("must not be zero: nothing is there, and a chain's own coin has none")
    return f"0x{cased}"


def _cased(digits: str, before: str = "") -> str:
    """Return the digits in checksum case, by EIP-55, or by EIP-1191 with its prefix.

    eth_utils has this too, but takes 0.2 s to import.
    """
    lowered = digits.lower()
    hashed = keccak(f"{before}{lowered}".encode()).hex()
    return "".join(d.upper() if h >= "8" else d for d, h in zip(lowered, hashed, strict=False))


def _is_eip_1191(text: str, network_id: int) -> bool:
    digits = text[2:]
    return digits == _cased(digits, f"{network_id}0x")


def _solana(text: str) -> str:
    try:
        raw = base58.b58decode(text)
    except ValueError as error:
        raise NotAnAddress("must be base58") from error
    if len(raw) != _SOLANA_BYTES:
        raise NotAnAddress(f"must be base58 of {_SOLANA_BYTES} bytes, not of {len(raw)}")
    return text


def _tron(text: str) -> str:
    try:
        raw = base58.b58decode_check(text)
    except ValueError as error:
        raise NotAnAddress("must be base58 with its checksum") from error
    if len(raw) != _TRON_BYTES or raw[0] != _TRON_PREFIX:
        raise NotAnAddress("must be a TRON address, T and 33 characters")
    return text


def _cosmos(text: str) -> str:
    """Check a denomination or the account of a contract."""
    if text.startswith("ibc/"):
        if not _IBC_DENOM.fullmatch(text):
            raise NotAnAddress("must be ibc/ and 64 upper-case hexadecimal digits")
        return text
    lowered = text.lower()
    if is_bech32(lowered):
        if text not in (lowered, text.upper()):
            raise NotAnAddress("is bech32 of mixed case, which BIP-173 forbids")
        return lowered
    if _LIKE_BECH32.fullmatch(lowered):
        # A misspelt account would otherwise pass as a denomination.
        raise NotAnAddress("its bech32 checksum is wrong: a character is")
    if not _COSMOS_DENOM.fullmatch(text):
        raise NotAnAddress("must be a denomination such as uatom, or a bech32 account")
    return text


def is_bech32(text: str) -> bool:
    """Whether a text in lower case is bech32 with its checksum, such as a Cosmos account."""
    prefix, _ = bech32.bech32_decode(text)
    return prefix is not None


def _near(text: str) -> str:
    if not _NEAR_ACCOUNT.fullmatch(text):
        raise NotAnAddress("must be a NEAR account such as usdt.tether-token.near")
    return text


def _move(text: str) -> str:
    """Check an object or the type of a coin, on Sui and Aptos."""
    if address := move_types.canonical_address(text):
        return address
    try:
        return move_types.canonical_struct(text)
    except move_types.NotAType as error:
        message = f"must be 0x and hexadecimal digits, or 0x…::module::Type: it {error}"
        raise NotAnAddress(message) from error


_RULES: Final[dict[str, Callable[[str], str]]] = {
    "APTOS": _move,
    "COSMOS": _cosmos,
    "EVM": _evm,
    "NEAR": _near,
    "SOLANA": _solana,
    "SUI": _move,
    "TRON": _tron,
}


def is_known(chain_type: str) -> bool:
    """Whether there are rules for this chain type; without rules, addresses are kept as given."""
    return chain_type.upper() in _RULES


def canonical(chain_type: str, address: str, network_id: int | None = None) -> str:
    """Return the canonical spelling of an address.

    Args:
        network_id: The chain's number, if it has one; some checksums include it.

    Raises:
        NotAnAddress: the text is not an address on a chain of this type.
    """
    if len(address) > ADDRESS_CHARS_MAX:
        raise NotAnAddress(f"has {len(address)} characters; at most {ADDRESS_CHARS_MAX}")
    chain_type = chain_type.upper()
    own_checksum = chain_type == "EVM" and network_id in EIP_1191_NETWORKS
    if own_checksum and network_id is not None and _is_eip_1191(address, network_id):
        address = address.lower()
    return _RULES.get(chain_type, str)(address)


def decimals_max(chain_type: str) -> int:
    return DECIMALS_MAX.get(chain_type.upper(), DECIMALS_MAX_ELSEWHERE)
