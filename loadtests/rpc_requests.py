"""A random question for each RPC of the mixes, and how to tell a right answer from a wrong one.

A wrong answer counts as an error: load must not make a registry guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import choice, choices, randint
from typing import Any, Final, NamedTuple

from cqc.resolver.v1 import resolver_pb2 as rpb
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as apb
from google.protobuf.message import Message

from loadtests.registry_keys import Keys, Listing

BATCH_KEYS: Final = 100
PAGE_ROWS: Final = 50
SIDES: Final = (rpb.ORDER_SIDE_BUY, rpb.ORDER_SIDE_SELL)
INTENTS: Final = (rpb.ORDER_INTENT_OPEN, rpb.ORDER_INTENT_POST_ONLY, rpb.ORDER_INTENT_REDUCE)


class RpcRequest(NamedTuple):
    request: Message
    is_right: Callable[[Any], bool]


class RequestBuilder(NamedTuple):
    """How to ask an RPC.

    Attributes:
        about: The field of `Keys` without which there is nothing to ask; empty: none.
    """

    about: str
    ask: Callable[[Keys], RpcRequest]


def _resolve(keys: Keys) -> RpcRequest:
    at = choice(keys.listings)
    request = rpb.ResolveRequest(venue_id=at.venue_id, venue_symbol=at.venue_symbol)
    return RpcRequest(request, lambda answer: _means(answer.resolution, at))


def _means(found: rpb.Resolution, at: Listing) -> bool:
    spelling = (found.venue_symbol.venue_symbol, found.symbol.symbol_id)
    return spelling == (at.venue_symbol, at.symbol_id)


def _resolve_batch(keys: Keys) -> RpcRequest:
    asked = choices(keys.listings, k=BATCH_KEYS)
    named = [rpb.VenueSymbolKey(venue_id=a.venue_id, venue_symbol=a.venue_symbol) for a in asked]

    def is_right(answer: rpb.ResolveBatchResponse) -> bool:
        return len(answer.resolutions) == len(asked) and all(map(_means, answer.resolutions, asked))

    return RpcRequest(rpb.ResolveBatchRequest(keys=named), is_right)


def _watch(_: Keys) -> RpcRequest:
    return RpcRequest(rpb.WatchRequest(), lambda answer: answer.freshness.revision > 0)


def _resolve_asset(keys: Keys) -> RpcRequest:
    code = choice(keys.codes)
    asset_id, request = code.asset_id, rpb.ResolveAssetRequest()
    match randint(0, 2 if keys.identifiers else 1):
        case 0:
            request.venue_code.venue_id, request.venue_code.code = code.venue_id, code.code
        case 1:
            request.asset_id = asset_id
        case _:
            asset_id, source, external_id = choice(keys.identifiers)
            request.external_id.source, request.external_id.external_id = source, external_id
    return RpcRequest(request, lambda answer: bool(answer.asset.asset_id == asset_id))


def _expand_group(keys: Keys) -> RpcRequest:
    group_id = choice(keys.groups)
    request = rpb.ExpandGroupRequest(group_id=group_id)
    return RpcRequest(request, lambda answer: bool(answer.group_id == group_id))


def _get_asset_group(keys: Keys) -> RpcRequest:
    group_id = choice(keys.groups)
    request = pb.GetAssetGroupRequest(group_id=group_id)
    return RpcRequest(request, lambda answer: bool(answer.group.group_id == group_id))


def _list_asset_groups(_: Keys) -> RpcRequest:
    request = pb.ListAssetGroupsRequest(page_size=PAGE_ROWS)
    return RpcRequest(request, lambda answer: len(answer.groups) > 0)


def _list_asset_relationships(keys: Keys) -> RpcRequest:
    request = pb.ListAssetRelationshipsRequest(asset_id=choice(keys.related))
    return RpcRequest(request, lambda answer: len(answer.relationships) > 0)


def _list_asset_identifiers(keys: Keys) -> RpcRequest:
    request = pb.ListAssetIdentifiersRequest(asset_id=choice(keys.identifiers).asset_id)
    return RpcRequest(request, lambda answer: len(answer.identifiers) > 0)


def _get_asset_identifier(keys: Keys) -> RpcRequest:
    at = choice(keys.identifiers)
    request = pb.GetAssetIdentifierRequest(asset_id=at.asset_id, source=at.source)
    return RpcRequest(request, lambda answer: bool(answer.identifier.asset_id == at.asset_id))


def _list_assets(_: Keys) -> RpcRequest:
    request = pb.ListAssetsRequest(page_size=PAGE_ROWS)
    return RpcRequest(request, lambda answer: len(answer.assets) > 0)


def _find_venue_symbols(keys: Keys) -> RpcRequest:
    at = choice(keys.listings)
    request = rpb.FindVenueSymbolsRequest(symbol_id=at.symbol_id, venue_ids=[at.venue_id])

    def is_right(answer: rpb.FindVenueSymbolsResponse) -> bool:
        return at.venue_symbol in [found.venue_symbol for found in answer.venue_symbols]

    return RpcRequest(request, is_right)


def _check_order(keys: Keys) -> RpcRequest:
    at = choice(keys.listings)
    request = rpb.CheckOrderRequest(
        venue_id=at.venue_id,
        venue_symbol=at.venue_symbol,
        price=f"{randint(1, 99_999)}.{randint(0, 99_999_999):08}",
        quantity=f"{randint(0, 99)}.{randint(1, 99_999_999):08}",
        side=choice(SIDES),
        intent=choice(INTENTS),
    )
    # Denied is as good an answer, but never without a reason.
    return RpcRequest(request, lambda answer: answer.allowed != bool(answer.reasons))


def _get_venue_asset(keys: Keys) -> RpcRequest:
    at = choice(keys.codes)
    request = pb.GetVenueAssetRequest(venue_id=at.venue_id, asset_id=at.asset_id)
    return RpcRequest(request, lambda answer: bool(answer.venue_asset.asset_id == at.asset_id))


def _check_asset_tradeable(keys: Keys) -> RpcRequest:
    request = pb.CheckAssetTradeableRequest(asset_id=choice(keys.assets))
    return RpcRequest(request, lambda answer: answer.tradeable != bool(answer.blocking_flags))


def _get_venue_symbol(keys: Keys) -> RpcRequest:
    at = choice(keys.listings)
    request = pb.GetVenueSymbolRequest(venue_id=at.venue_id, venue_symbol=at.venue_symbol)
    return RpcRequest(request, lambda answer: bool(answer.symbol.symbol_id == at.symbol_id))


def _get_asset(keys: Keys) -> RpcRequest:
    asset_id = choice(keys.assets)
    request = pb.GetAssetRequest(asset_id=asset_id)
    return RpcRequest(request, lambda answer: bool(answer.asset.asset_id == asset_id))


def _list_venue_symbols(keys: Keys) -> RpcRequest:
    venue_id = choice(keys.listings).venue_id
    request = pb.ListVenueSymbolsRequest(venue_id=venue_id, page_size=PAGE_ROWS)
    return RpcRequest(request, lambda answer: len(answer.venue_symbols) > 0)


def _search_assets(keys: Keys) -> RpcRequest:
    ticker = choice(keys.tickers)
    request = pb.SearchAssetsRequest(query=ticker)
    return RpcRequest(request, lambda answer: ticker in [found.symbol for found in answer.assets])


def _history(keys: Keys) -> RpcRequest:
    ref = apb.EntityRef(kind="venue_symbol", key=choice(keys.listings).listing_id)
    return RpcRequest(apb.HistoryRequest(entity=ref), lambda answer: len(answer.entries) > 0)


def _get_head(_: Keys) -> RpcRequest:
    return RpcRequest(apb.GetHeadRequest(), lambda answer: answer.head.revision > 0)


RPC_REQUESTS: Final[Mapping[str, RequestBuilder]] = {
    "Resolve": RequestBuilder("listings", _resolve),
    "ResolveBatch": RequestBuilder("listings", _resolve_batch),
    "Watch": RequestBuilder("", _watch),
    "ResolveAsset": RequestBuilder("codes", _resolve_asset),
    "ExpandGroup": RequestBuilder("groups", _expand_group),
    "GetAssetGroup": RequestBuilder("groups", _get_asset_group),
    "ListAssetGroups": RequestBuilder("groups", _list_asset_groups),
    "ListAssetRelationships": RequestBuilder("related", _list_asset_relationships),
    "ListAssetIdentifiers": RequestBuilder("identifiers", _list_asset_identifiers),
    "GetAssetIdentifier": RequestBuilder("identifiers", _get_asset_identifier),
    "ListAssets": RequestBuilder("assets", _list_assets),
    "FindVenueSymbols": RequestBuilder("listings", _find_venue_symbols),
    "CheckOrder": RequestBuilder("listings", _check_order),
    "GetVenueAsset": RequestBuilder("codes", _get_venue_asset),
    "CheckAssetTradeable": RequestBuilder("assets", _check_asset_tradeable),
    "GetVenueSymbol": RequestBuilder("listings", _get_venue_symbol),
    "GetAsset": RequestBuilder("assets", _get_asset),
    "ListVenueSymbols": RequestBuilder("listings", _list_venue_symbols),
    "SearchAssets": RequestBuilder("tickers", _search_assets),
    "History": RequestBuilder("listings", _history),
    "GetHead": RequestBuilder("", _get_head),
}


def missing_keys(rpc: str, keys: Keys) -> str:
    """What the registry has none of, so that this RPC cannot be asked; empty if it can."""
    about = RPC_REQUESTS[rpc].about
    return about if about and not getattr(keys, about) else ""
