"""What one request may be: bytes by method, and by field how many, how long and how deep. Pure.

Each limit is far from what a call needs, and near enough that nothing within all of them can hold
a server up. What a rule refuses in words (a name of 257 characters) is within these limits: it is
refused by itself, whatever else the request says. What is beyond them is never built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cqar_shared.domain.kinds.asset_group import MEMBERS_MAX
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

_KIB: Final = 1024

#: Items of one Apply.
ITEMS_MAX: Final = 5_000
#: gRPC's default limit is 4 MB a message; a Resolution is about 2 KB. Where symbol, listing and
#: assets have all the metadata that they may, it is 80 KB: see
#: `cqar_resolver.queries.requests.require_fits`.
KEYS_MAX: Final = 2_000

#: Of a method that is not named: four texts of 4,096 characters, or two and all the metadata.
REQUEST_BYTES_MAX: Final = 64 * _KIB
#: By a method's full name.
BYTES_MAX: Final[Mapping[str, int]] = {
    "/cqc.writer.v1.RegistryAdmin/Apply": MESSAGE_BYTES_MAX,
    # 2,000 members of 210 bytes.
    "/cqc.services.v1.AssetRegistry/CreateAssetGroup": 512 * _KIB,
    # 32 URLs of 2,048 characters, of 4 bytes each.
    "/cqc.services.v1.AssetRegistry/CreateChain": 384 * _KIB,
    "/cqc.services.v1.AssetRegistry/UpdateChain": 384 * _KIB,
    # 2,000 keys of 64 and of 128 characters.
    "/cqc.resolver.v1.Resolver/ResolveBatch": 1280 * _KIB,
    # 2,000 venues of 64 characters.
    "/cqc.resolver.v1.Resolver/FindVenueSymbols": 160 * _KIB,
}

#: Of any method of a resolver's; gRPC refuses what is larger before it has all of it.
RESOLVER_BYTES_MAX: Final = BYTES_MAX["/cqc.resolver.v1.Resolver/ResolveBatch"]

#: Of a repeated field that is not named. Rules allow 16 codes, 32 URLs, 64 bands, 100 names.
ELEMENTS_MAX: Final = 256
#: By a message's full name and its field.
COUNTS_MAX: Final[Mapping[tuple[str, str], int]] = {
    ("cqc.writer.v1.ApplyRequest", "items"): ITEMS_MAX,
    ("cqc.resolver.v1.ResolveBatchRequest", "keys"): KEYS_MAX,
    ("cqc.resolver.v1.FindVenueSymbolsRequest", "venue_ids"): KEYS_MAX,
    ("cqc.assets.v1.AssetGroup", "members"): MEMBERS_MAX,
    ("cqc.services.v1.CreateAssetGroupRequest", "members"): MEMBERS_MAX,
    # As many as metadata of 16 KiB can hold.
    ("google.protobuf.Struct", "fields"): 8_192,
    ("google.protobuf.ListValue", "values"): 8_192,
}
#: Who asks for more of these can ask in parts.
SPLITTABLE: Final = frozenset(
    {
        ("cqc.writer.v1.ApplyRequest", "items"),
        ("cqc.resolver.v1.ResolveBatchRequest", "keys"),
        ("cqc.resolver.v1.FindVenueSymbolsRequest", "venue_ids"),
    }
)

#: Of any text: 4,096 characters of 4 bytes.
TEXT_BYTES_MAX: Final = 16 * _KIB
#: Of messages by their full names; others are as large as the request.
MESSAGES_BYTES_MAX: Final[Mapping[str, int]] = {"google.protobuf.Struct": 64 * _KIB}
#: Messages in messages; one level of metadata takes three.
DEPTH_MAX: Final = 64
#: Fields on the wire, in all messages of one request; a listing has 30, and 5,000 have 150,000. Of
#: two bytes at least each, so that a message of an export, of 2 MiB at most, is always taken back.
FIELDS_MAX: Final = 2 * 1024 * _KIB // 2

#: A request this small is read without a look at its fields: it has 128 at most.
SMALL_BYTES: Final = 256
#: The same by a request's full name, where whoever reads it counts before all else.
SMALL_BYTES_OF: Final[Mapping[str, int]] = {"cqc.resolver.v1.ResolveBatchRequest": 64 * _KIB}
#: A larger request is read in a thread: looking at 16 KiB takes 2 ms at most.
ASIDE_BYTES: Final = 16 * _KIB


def bytes_max(method: str) -> int:
    """How large a method's request may be.

    Args:
        method: Its full name, such as /cqc.resolver.v1.Resolver/Watch.
    """
    return BYTES_MAX.get(method, REQUEST_BYTES_MAX)
