"""The canonical spelling of Move types, the language of contracts on Sui and Aptos. Pure.

    struct = address "::" name "::" name [ "<" type { "," type } ">" ]
    type   = struct | "vector<" type ">" | "bool" | "u8" … "u256" | "address" | "signer"

Addresses are in lower case without leading zeros, and one space follows a comma, as Move displays
its `TypeTag`.
"""

from __future__ import annotations

import re
from typing import Final

#: Depth of nested types that Move allows (`MAX_TYPE_TAG_NESTING`).
DEPTH_MAX: Final = 8

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{1,64}")
_NAME: Final = r"(?:[a-zA-Z][a-zA-Z0-9_]*|_[a-zA-Z0-9_]+)"
_STRUCT: Final = re.compile(rf"({_ADDRESS.pattern})(::{_NAME}::{_NAME})")
_PLAIN: Final = re.compile(r"(?:bool|u8|u16|u32|u64|u128|u256|address|signer)(?![a-zA-Z0-9_])")
_COMMA: Final = re.compile(r", ?")


class NotAType(ValueError):
    """A text does not follow the grammar above, or is nested too deep."""


def canonical_address(text: str) -> str | None:
    """Return the canonical spelling of an account or object; None if it is neither."""
    return _short(text) if _ADDRESS.fullmatch(text) else None


def canonical_struct(text: str) -> str:
    """Return the canonical spelling of a struct type, as `0x2::coin::Coin<0x2::sui::SUI>`.

    Raises:
        NotAType: the text is not a struct type.
    """
    struct, end = _struct(text, 0, depth=1)
    if end != len(text):
        raise NotAType(f"has {text[end:][:20]!r} after its end")
    return struct


def _short(address: str) -> str:
    return f"0x{int(address, 16):x}"


def _struct(text: str, start: int, depth: int) -> tuple[str, int]:
    """Return a struct's canonical spelling, and where it ends."""
    if depth > DEPTH_MAX:
        raise NotAType(f"is nested more than {DEPTH_MAX} deep")
    found = _STRUCT.match(text, start)
    if found is None:
        raise NotAType(f"must have 0x…::module::Type at {text[start:][:20]!r}")
    name, end = f"{_short(found[1])}{found[2]}", found.end()
    if not text.startswith("<", end):
        return name, end
    arguments, end = _arguments(text, end + 1, depth + 1)
    return f"{name}<{', '.join(arguments)}>", end


def _arguments(text: str, start: int, depth: int) -> tuple[list[str], int]:
    """Return the types up to the closing bracket, and where that ends."""
    found, end = [], start
    while True:
        argument, end = _type(text, end, depth)
        found.append(argument)
        if text.startswith(">", end):
            return found, end + 1
        comma = _COMMA.match(text, end)
        if comma is None:
            raise NotAType(f"must have a comma or > at {text[end:][:20]!r}")
        end = comma.end()


def _type(text: str, start: int, depth: int) -> tuple[str, int]:
    if plain := _PLAIN.match(text, start):
        return plain[0], plain.end()
    if not text.startswith("vector<", start):
        return _struct(text, start, depth)
    if depth > DEPTH_MAX:
        raise NotAType(f"is nested more than {DEPTH_MAX} deep")
    items, end = _arguments(text, start + len("vector<"), depth + 1)
    if len(items) != 1:
        raise NotAType("has a vector of several types")
    return f"vector<{items[0]}>", end
