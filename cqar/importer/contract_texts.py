"""Whether a text that a venue gives as a contract address can be one. Pure.

Venues write words in the place of an address that they do not have: `eosio.token`, `xtokens`,
`sats`, `.com`, `BNB`. Such a word is no contract. Nor is what stands for the chain's own coin: it
has none. Whether the address is one of its chain, the registry's own rules say later.
"""

from __future__ import annotations

import re
from typing import Final

from cqar_shared.domain import addresses

#: What stands for a chain's own coin where programs need an address, in lower case.
NATIVE: Final = frozenset(
    {
        "0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
        "0x0000000000000000000000000000000000001010",
        "so11111111111111111111111111111111111111111",
        "so11111111111111111111111111111111111111112",
        "0x1::aptos_coin::aptoscoin",
        "0x2::sui::sui",
        "native",
    }
)
#: Types of chains whose addresses say by their form that they are ones; each is checked whole.
_UNMISTAKABLE: Final = ("EVM", "SOLANA", "TRON")
_MOVE: Final = re.compile(r"0x[0-9a-fA-F]{1,64}::\w{1,128}::\w{1,128}", re.ASCII)
#: Texts of the form of an address on some chain, none of which is a word.
_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        r"0x[0-9a-fA-F]{40}",
        r"0x[0-9a-fA-F]{62,64}",
        r"[1-9A-HJ-NP-Za-km-z]{25,60}",
        r"(?:ibc|factory|peggy|erc20|gravity)/?[\w./-]{20,128}",
        r"[a-z]{2,20}1[02-9ac-hj-np-z]{38,58}",
        r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.(?:near|tg|tkn\.near)",
        r"[EUk]Q[\w-]{46}",
        r"-?[01]:[0-9a-fA-F]{64}",
        r"(?:[A-Za-z0-9]{1,12}[-:])?[GC][A-Z2-7]{55}",
        r"[A-Z0-9]{3,10}-[0-9a-f]{6}",
        r"[0-9a-f]{56,120}(?:\.[0-9a-f]{0,64})?",
        r"0\.0\.\d{3,12}",
        r"\d{5,12}",
        r"[a-z0-9]{5}(?:-[a-z0-9]{3,5}){3,10}",
        r"resource_rdx[a-z0-9]{40,70}",
        r"S[PM][0-9A-Z]{30,50}\.[\w-]{1,128}",
    )
)


def contract_text(text: str | None) -> str | None:
    """The address that a venue names with a network; None where its text is none."""
    stripped = (text or "").strip()
    if not stripped or stripped.lower() in NATIVE or not stripped.lower().strip("0x"):
        return None
    is_one = _MOVE.fullmatch(stripped) or any(form.fullmatch(stripped) for form in _FORMS)
    return stripped if is_one else None


def unmistakable_contract(text: str | None) -> str | None:
    """The address that a venue names without a network; None where its form might be a word's."""
    stripped = contract_text(text)
    if stripped is None or _MOVE.fullmatch(stripped):
        return stripped
    for chain_type in _UNMISTAKABLE:
        try:
            addresses.canonical(chain_type, stripped)
        except addresses.NotAnAddress:
            continue
        return stripped
    return None
