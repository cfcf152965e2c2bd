"""Requests as nobody should send them, of any method, from its descriptor and a source of chance.

They are made as bytes, since much of it no message can hold: bad UTF-8, numbers cut short, groups,
fields that nobody knows.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Final, NamedTuple
from uuid import UUID

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cqar_shared.domain.kinds import KINDS
from tests.support.entity_builders import BTC, ETH, USDT, a_symbol, an_id

#: What some of the texts name, so that requests come further than to the first rule.
IDS: Final = (BTC, USDT, ETH, a_symbol().symbol_id, *map(an_id, ("listing", "group", "flag")))
NAMES: Final = ("binance", "BTCUSDT", "ethereum", "BTC", "bitcoin", "all-eth")
TETHER: Final = "0xdAC17F958D2ee523a2206206994597C13D831ec7"
DECIMALS: Final = ("0.1", "1", "1000")
#: What fields may be for, by their names; others are told by their names' ends, or take any name.
NICE: Final[dict[str, Sequence[str]]] = {
    **dict.fromkeys(("page_token", "alias_of"), ("",)),
    **dict.fromkeys(("venue_id", "venue_ids", "operator"), ("binance", "kraken")),
    **dict.fromkeys(("chain_id", "id"), ("ethereum",)),
    **dict.fromkeys(("kind", "kinds"), tuple(kind.name for kind in KINDS)),
    **dict.fromkeys(("weight_exact", "from_price", "tick_size", "conversion_rate"), DECIMALS),
    **dict.fromkeys(("price", "quantity"), DECIMALS),
    **dict.fromkeys(("address", "contract_address"), (TETHER,)),
    "api_endpoint": ("wss://example.org",),
    "external_id": NAMES,
    "key": (*IDS, "binance", f"binance/{BTC}"),
}
TEXTS: Final = (
    "",
    " ",
    "\0",
    "a\0b",
    "x" * 64,
    "x" * 65,
    "é" * 128,
    "𒀀" * 300,
    "x" * 4_097,
    "\u200d" * 300,
    "\u202egnp",
    "../../etc",
    "%_\\%'\";--",
    "binance/BTC",
    "0",
    "-0",
    "1e5",
    "NaN",
    "1_000",
    "0.1",
    "1" * 64,
    "0." + "0" * 60 + "1",
    "-1",
    "٣",
    "0x" + "0" * 40,
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "https://example.org/x",
    "https://[",
    "http://a b",
    "bc1q" + "q" * 38,
    "MjA=",
    "AAAAAAAAAAAx",
    "EVM",
    "NEAR",
    "COSMOS",
    "0x2::sui::SUI<" * 20,
    *NAMES,
    *IDS,
)
NUMBERS: Final = (
    *(0, 1, 2, 3, 5, 9, 20, 99, 1_000, 1_001, 5_000),
    *(2**15 - 1, 2**15, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63 - 1),
    *(2**63, 2**64 - 1, 2**64 - 2, 2**64 - 2**31, 2**64 - 2**63),
)
DOUBLES: Final = (
    *(0.0, -0.0, 0.1, 1.0, -1.0, 1e-300, 5e-324, 1e308, 2.0**63, 1e22),
    *(float("nan"), float("inf"), float("-inf")),
)
SECONDS: Final = (
    *(0, 1, 1_764_000_000, 1_900_000_000, 253_402_300_799, 253_402_300_800, 2**40, 2**62),
    *(2**63 - 1, 2**64 - 1, 2**64 - 62_135_596_800, 2**64 - 62_135_596_801, 2**63),
)
NANOS: Final = (0, 1, 999_999_999, 10**9, 2**31 - 1, 2**64 - 1, 2**64 - 2**31)
#: Levels and elements of what is made deep and long.
DEPTHS: Final = (3, 15, 17, 33, 70, 150)
MANY: Final = (17, 65, 101, 257, 2_001)
LEVELS_MAX: Final = 6


class Shape(NamedTuple):
    """How a request is made.

    Attributes:
        density: Of its fields, how many are given.
        hostility: Of those, how many say what they should not; the others may be right.
    """

    density: float
    hostility: float


def request_of(descriptor: Descriptor, chance: Random) -> bytes:
    """A request of that type: like a valid one, mutated, or anything at all."""
    kind = chance.random()
    if kind < 0.05:
        return chance.randbytes(chance.choice((0, 1, 2, 7, 40, 400)))
    how = Shape(chance.choice((0.2, 0.6, 1.0)), chance.choice((0.03, 0.1, 0.3, 1.0)))
    made = _message(descriptor, chance, 0, how)
    if kind < 0.2:
        return _mutated(made, chance)
    if kind < 0.25:
        return made + _message(descriptor, chance, 0, how)
    return made


def _mutated(raw: bytes, chance: Random) -> bytes:
    if not raw:
        return chance.randbytes(3)
    place = chance.randrange(len(raw))
    changes: Sequence[Callable[[], bytes]] = (
        lambda: raw[:place],
        lambda: raw[place:],
        lambda: raw[:place] + chance.randbytes(1) + raw[place + 1 :],
        lambda: raw[:place] + chance.randbytes(3) + raw[place:],
        lambda: raw + raw[place:],
        lambda: raw + b"\x80" * 11,
        lambda: raw + varint(chance.randrange(1, 2**29) << 3 | chance.randrange(8)),
    )
    return chance.choice(changes)()


def _message(descriptor: Descriptor, chance: Random, level: int, how: Shape) -> bytes:
    name = descriptor.full_name
    if name == "google.protobuf.Timestamp":
        if chance.random() > how.hostility:
            return number(1, chance.choice(SECONDS[:4]))
        return number(1, chance.choice(SECONDS)) + number(2, chance.choice(NANOS))
    if name == "google.protobuf.Struct":
        return _metadata(chance, chance.random() > how.hostility)
    parts = []
    members = {oneof.name: chance.choice(oneof.fields).name for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if members[oneof.name] != field.name:
                continue
        elif chance.random() > how.density:
            continue
        parts.append(_field(field, chance, level, how))
    if chance.random() < how.hostility / 5:
        parts.append(_unknown(chance))
    chance.shuffle(parts)
    return b"".join(parts)


def _field(field: FieldDescriptor, chance: Random, level: int, how: Shape) -> bytes:
    times = 1
    if field.is_repeated:
        usual = chance.random() > how.hostility / 5
        times = chance.randrange(4) if usual else chance.choice(MANY)
    if times > 4:
        return _value(field, chance, LEVELS_MAX, how) * times
    return b"".join(_value(field, chance, level, how) for _ in range(times))


def _value(field: FieldDescriptor, chance: Random, level: int, how: Shape) -> bytes:
    if field.message_type is not None:
        inner = b""
        if level < LEVELS_MAX:
            inner = _message(field.message_type, chance, level + 1, how)
        return sized(field.number, inner)
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        is_nice = chance.random() > how.hostility
        text = _nice(field, chance) if is_nice else _text(chance)
        return sized(field.number, text)
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        doubles = DOUBLES[2:4] if chance.random() > how.hostility else DOUBLES
        return varint(field.number << 3 | 1) + struct.pack("<d", chance.choice(doubles))
    if chance.random() > how.hostility:
        of_enum = field.enum_type.values[-1].number if field.enum_type is not None else 10
        return number(field.number, chance.randrange(of_enum + 1))
    return number(field.number, chance.choice(NUMBERS))


def _text(chance: Random) -> bytes:
    how = chance.random()
    if how < 0.03:
        return chance.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\xc0\x80", b"\xf5\x80\x80\x80"))
    if how < 0.05:
        return b"x" * 17_000
    return chance.choice(TEXTS).encode()


def _nice(field: FieldDescriptor, chance: Random) -> bytes:
    """What the field may be for."""
    name = field.name
    if name == "key_hash":
        return b"%064x" % chance.getrandbits(256)
    if name in NICE:
        return chance.choice(NICE[name]).encode()
    if field.containing_type.name.endswith("Decimals"):
        return chance.choice(DECIMALS).encode()
    if name.endswith("_id"):
        return chance.choice((*IDS, str(UUID(int=chance.getrandbits(128))))).encode()
    if "url" in name:
        return b"https://example.org/x"
    return f"{chance.choice(NAMES)}{chance.choice(('', '', chance.randrange(99)))}".encode()


def _metadata(chance: Random, is_nice: bool) -> bytes:
    """A Struct: a few values, many, deep, or numbers that JSON has not."""
    how = 1.0 if is_nice else chance.random()
    if how < 0.3:
        inner = b""
        for _ in range(chance.choice(DEPTHS)):
            inner = sized(6, sized(1, inner))  # a list of lists
        return sized(1, sized(1, b"deep") + sized(2, inner))
    if how < 0.6:
        values = sized(1, b"") * chance.choice((3_000, 9_000, 40_000))
        return sized(1, sized(1, b"many") + sized(2, sized(6, values)))
    doubles, texts = (DOUBLES[2:4], NAMES) if is_nice else (DOUBLES, TEXTS)
    values = b""
    for _ in range(chance.randrange(4)):
        one = varint(2 << 3 | 1) + struct.pack("<d", chance.choice(doubles))
        value = chance.choice((one, sized(3, chance.choice(texts).encode()), number(1, 7), b""))
        values += sized(1, sized(1, chance.choice(texts).encode()[:50]) + sized(2, value))
    return values


def _unknown(chance: Random) -> bytes:
    field = chance.randrange(200, 2**29)
    return chance.choice(
        (
            number(field, chance.choice(NUMBERS)),
            sized(field, chance.randbytes(20)),
            varint(field << 3 | 3) + varint(field << 3 | 4),  # a group
            number(field, 1) * 500,
        )
    )


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value % 2**64)


def sized(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content
