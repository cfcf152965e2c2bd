"""Limits of requests: bytes of each method, and count, length and depth of fields. Pure.

Each limit is far above what a call needs, and low enough that no request within all of them can
block a server. Values that a rule refuses (a name of 257 characters) are within these limits. A
request beyond them is never decoded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cqar_shared.domain.kinds.asset_group import MEMBERS_MAX
from cqar_shared.domain.listing_term_rules import PERMISSION_GROUPS_MAX
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

_KIB: Final = 1024

#: Items in one Apply.
ITEMS_MAX: Final = 5_000
#: Names in one filter of a list.
FILTERS_MAX: Final = 100
#: Findings in one Propose, and on a page.
FINDINGS_MAX: Final = 1_000
#: gRPC's default limit is 4 MB a message; a Resolution is about 2 KB. Where symbol, listing and
#: assets have all the metadata that they may, it is 80 KB: see
#: `cqar_resolver.queries.requests.require_fits`.
KEYS_MAX: Final = 2_000

#: Default limit of a request: four texts of 4,096 characters, or two and all the metadata.
REQUEST_BYTES_MAX: Final = 64 * _KIB
#: Full name of a method -> its limit.
BYTES_MAX: Final[Mapping[str, int]] = {
    "/cqc.writer.v1.RegistryAdmin/Apply": MESSAGE_BYTES_MAX,
    "/cqc.writer.v1.RegistryAdmin/Propose": MESSAGE_BYTES_MAX,
    # 100 actors of 200 characters, of 4 bytes each.
    "/cqc.writer.v1.RegistryAdmin/ListChanges": 160 * _KIB,
    # 2,000 members of 210 bytes.
    "/cqc.services.v1.AssetRegistry/CreateAssetGroup": 512 * _KIB,
    # 32 URLs of 2,048 characters, of 4 bytes each.
    "/cqc.services.v1.AssetRegistry/CreateChain": 384 * _KIB,
    "/cqc.services.v1.AssetRegistry/UpdateChain": 384 * _KIB,
    # 8 sets of 512 groups, of 64 characters.
    "/cqc.services.v1.AssetRegistry/CreateVenueSymbol": 512 * _KIB,
    "/cqc.services.v1.AssetRegistry/UpdateVenueSymbol": 512 * _KIB,
    # 128 networks, of 1,600 bytes each.
    "/cqc.services.v1.AssetRegistry/CreateVenueAsset": 384 * _KIB,
    "/cqc.services.v1.AssetRegistry/UpdateVenueAsset": 384 * _KIB,
    # 2,000 keys of 64 and of 128 characters.
    "/cqc.resolver.v1.Resolver/ResolveBatch": 1280 * _KIB,
    # 2,000 venues of 64 characters.
    "/cqc.resolver.v1.Resolver/FindVenueSymbols": 160 * _KIB,
}

#: The largest limit of a resolver's methods; gRPC refuses more before it has received it.
RESOLVER_BYTES_MAX: Final = BYTES_MAX["/cqc.resolver.v1.Resolver/ResolveBatch"]

#: Default limit of a repeated field. Rules allow 16 codes, 32 URLs, 64 bands, 100 names.
ELEMENTS_MAX: Final = 256
#: (full name of a message, field) -> its limit.
COUNTS_MAX: Final[Mapping[tuple[str, str], int]] = {
    ("cqc.writer.v1.ApplyRequest", "items"): ITEMS_MAX,
    ("cqc.writer.v1.ProposeRequest", "findings"): FINDINGS_MAX,
    ("cqc.resolver.v1.ResolveBatchRequest", "keys"): KEYS_MAX,
    ("cqc.resolver.v1.FindVenueSymbolsRequest", "venue_ids"): KEYS_MAX,
    ("cqc.assets.v1.AssetGroup", "members"): MEMBERS_MAX,
    ("cqc.services.v1.CreateAssetGroupRequest", "members"): MEMBERS_MAX,
    ("cqc.venues.v1.PermissionSet", "groups"): PERMISSION_GROUPS_MAX,
    # As many as metadata of 16 KiB can hold.
    ("google.protobuf.Struct", "fields"): 8_192,
    ("google.protobuf.ListValue", "values"): 8_192,
}
#: Fields whose items can be sent in several requests.
SPLITTABLE: Final = frozenset(
    {
        ("cqc.writer.v1.ApplyRequest", "items"),
        ("cqc.writer.v1.ProposeRequest", "findings"),
        ("cqc.resolver.v1.ResolveBatchRequest", "keys"),
        ("cqc.resolver.v1.FindVenueSymbolsRequest", "venue_ids"),
    }
)

#: Limit of any text: 4,096 characters of 4 bytes.
TEXT_BYTES_MAX: Final = 16 * _KIB
#: Full name of a message -> its limit; other messages have that of the request.
MESSAGES_BYTES_MAX: Final[Mapping[str, int]] = {"google.protobuf.Struct": 64 * _KIB}
#: Depth of nested messages; one level of metadata takes three.
DEPTH_MAX: Final = 64
#: Fields on the wire in one request; 5,000 listings of 30 fields have 150,000. A field has at least
#: two bytes, so a message of an export, which has at most 2 MiB, can always be sent back.
FIELDS_MAX: Final = 2 * 1024 * _KIB // 2

#: A request of this size is not scanned: it has at most 128 fields.
SMALL_BYTES: Final = 256
#: Full name of a request -> size up to which its method counts the items itself.
SMALL_BYTES_OF: Final[Mapping[str, int]] = {"cqc.resolver.v1.ResolveBatchRequest": 64 * _KIB}
#: A larger request is decoded in a thread: scanning 16 KiB takes at most 2 ms.
ASIDE_BYTES: Final = 16 * _KIB


def bytes_max(method: str) -> int:
    """The largest size of a method's request.

    Args:
        method: Full name, such as /cqc.resolver.v1.Resolver/Watch.
    """
    return BYTES_MAX.get(method, REQUEST_BYTES_MAX)
