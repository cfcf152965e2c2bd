"""Who may call, and how errors look to a client: the writer's gRPC server on a real database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from cqc.assets.v1 import asset_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.venues.v1 import venue_symbol_pb2
from cqc.writer.v1 import api_key_pb2, registry_admin_pb2
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.importer.apply import item_of
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.trust.key_text import hash_of
from cqar_writer.mutations import Mutations
from tests.support.call_errors import Refusal, refusal
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    MARKET,
    NOW,
    USDT,
    an_asset,
    an_id,
)
from tests.support.memory_registry_view import changed
from tests.support.writer_server import Client, serving

#: Requests are made from plain values, enum numbers and dictionaries included.
pb: Any = asset_registry_pb2
admin_pb: Any = registry_admin_pb2
Code = grpc.StatusCode
NATIVE = asset_pb2.ASSET_TYPE_NATIVE


@pytest.fixture
async def client_(engine: AsyncEngine) -> AsyncIterator[Client]:
    async with serving(engine, NOW) as client:
        yield client


# ---------------------------------------------------------------- who may call


async def test_without_a_valid_key_nothing_is_answered(client_: Client) -> None:
    request = pb.GetAssetRequest(asset_id=BTC)
    get = client_.registry.GetAsset
    for metadata in (
        (),
        (("authorization", ""),),
        (("authorization", "Bearer "),),
        (("authorization", f"Basic {client_.keys[Role.ADMIN]}"),),
        (("authorization", "Bearer cqar_wrong"),),
        (("x-api-key", "x" * 300),),
    ):
        found = await refusal(get(request, metadata=metadata))
        assert (found.code, found.reason) == (Code.UNAUTHENTICATED, "UNAUTHENTICATED"), metadata
    for name, value in (("x-api-key", ""), ("authorization", "bearer ")):
        metadata = ((name, value + client_.keys[Role.READ]),)
        assert (await refusal(get(request, metadata=metadata))).code == Code.NOT_FOUND


async def test_a_read_key_reads_and_changes_nothing(client_: Client) -> None:
    request = pb.CreateAssetRequest(symbol="BTC", name="Bitcoin", asset_type=NATIVE)
    found = await refusal(client_.call(client_.registry.CreateAsset, request, Role.READ))
    assert (found.code, found.reason) == (Code.PERMISSION_DENIED, "FORBIDDEN")
    apply = client_.call(client_.admin.Apply, admin_pb.ApplyRequest(), Role.READ)
    assert (await refusal(apply)).code == Code.PERMISSION_DENIED
    listed = await client_.call(client_.registry.ListAssets, pb.ListAssetsRequest(), Role.READ)
    assert listed.total_count == 0


async def test_only_an_admin_changes_keys(client_: Client, engine: AsyncEngine) -> None:
    key = api_key_pb2.ApiKey(key_hash=hash_of("k"), actor="eve", role=api_key_pb2.ROLE_ADMIN)
    request = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem(api_key=key)])
    found = await refusal(client_.call(client_.admin.Apply, request, Role.WRITE))
    assert found.code == Code.PERMISSION_DENIED
    tombstone = admin_pb.EntityRef(kind="api_key", key=an_id("key"))
    removal = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem(tombstone=tombstone)])
    found = await refusal(client_.call(client_.admin.Apply, removal, Role.WRITE))
    assert found.code == Code.PERMISSION_DENIED
    answer = await client_.call(client_.admin.Apply, request, Role.ADMIN)
    assert answer.committed


@pytest.mark.parametrize("method", ["/cqc.services.v1.AssetRegistry/Nope", "/no.Service/Get"])
async def test_an_unknown_method_is_unimplemented(method: str, client_: Client) -> None:
    call: Any = client_.channel.unary_unary(method)
    for role, code in ((None, Code.UNAUTHENTICATED), (Role.ADMIN, Code.UNIMPLEMENTED)):
        assert (await refusal(client_.call(call, b"", role))).code == code


# ---------------------------------------------------------------- what errors say


async def test_an_invalid_request_is_answered_with_every_violation(client_: Client) -> None:
    request = pb.CreateSymbolRequest(
        symbol_type=4, base_asset_id=an_id("x"), quote_asset_id=an_id("y"), tick_size=-1
    )  # an option
    request.exact.min_order_size, request.exact.max_order_size = "2", "1"
    found = await refusal(client_.call(client_.registry.CreateSymbol, request))
    assert (found.code, found.domain, found.reason) == (Code.INVALID_ARGUMENT, "cqar", "INVALID")
    assert found.violations == {
        ("base_asset_id", "NOT_FOUND"),
        ("quote_asset_id", "NOT_FOUND"),
        ("settlement_asset_id", "REQUIRED"),
        ("exact.tick_size", "NOT_POSITIVE"),
        ("exact.min_order_size", "MIN_ABOVE_MAX"),
        ("exact.strike_price", "REQUIRED"),
        ("expiry", "REQUIRED"),
        ("option_type", "REQUIRED"),
    }


async def test_fields_that_do_not_parse_are_all_named(client_: Client) -> None:
    request = pb.CreateVenueSymbolRequest(venue_id="a\0", maker_fee=float("nan"))
    request.exact.tick_size, request.exact.lot_size = "1e-3", "NaN"
    found = await refusal(client_.call(client_.registry.CreateVenueSymbol, request))
    assert found.violations == {
        ("venue_id", "NUL"),
        ("maker_fee", "NOT_A_DECIMAL"),
        ("exact.tick_size", "NOT_A_DECIMAL"),
        ("exact.lot_size", "NOT_A_DECIMAL"),
        # And what the rules say of the rest.
        ("symbol_id", "REQUIRED"),
        ("venue_symbol", "REQUIRED"),
    }


async def test_bytes_that_are_no_message_are_refused_like_any_bad_request(
    client_: Client,
) -> None:
    call = client_.channel.unary_unary("/cqc.services.v1.AssetRegistry/CreateAsset")
    found = await refusal(call(b"\x0a\xff", metadata=[("x-api-key", client_.keys[Role.ADMIN])]))
    assert found.code == Code.INVALID_ARGUMENT
    assert found.violations == {("", "UNDECODABLE")}


async def test_metadata_too_deep_to_be_read_again_is_refused(client_: Client) -> None:
    request = pb.CreateVenueRequest(name="Deep", venue_type=1)
    deep: Any = 1
    for _ in range(30):
        deep = [deep]
    request.metadata.update({"a": deep})
    found = await refusal(client_.call(client_.registry.CreateVenue, request))
    assert found.violations == {("metadata", "TOO_DEEP")}


async def test_a_request_sent_again_gets_its_first_answer_and_changes_nothing(
    client_: Client,
) -> None:
    metadata = (("x-api-key", client_.keys[Role.WRITE]), ("idempotency-key", "k1"))
    create, request = (
        client_.registry.CreateAsset,
        pb.CreateAssetRequest(symbol="SOL", name="Solana", asset_type=1),
    )
    first = await create(request, metadata=metadata)
    await client_.call(client_.registry.CreateVenue, pb.CreateVenueRequest(name="X", venue_type=1))
    again = await create(request, metadata=metadata)
    assert again == first
    listed = await client_.call(client_.registry.ListAssets, pb.ListAssetsRequest())
    assert listed.total_count == 1
    request.name = "Another"
    found = await refusal(create(request, metadata=metadata))
    assert found.violations == {("idempotency-key", "REUSED")}
    # Another caller's key of the same name is another key.
    other = (("x-api-key", client_.keys[Role.ADMIN]), ("idempotency-key", "k1"))
    assert (await create(request, metadata=other)).asset.asset_id != first.asset.asset_id


async def test_what_an_apply_commits_it_answers_however_much_changes(
    client_: Client, mutations: Mutations
) -> None:
    many = [an_asset(f"A{n}", metadata={"note": "'" * 15_000}) for n in range(400)]
    await commit(mutations, *many)
    # Quoted, in JSON, they are twice as long.
    after = [changed(asset, metadata={"note": '"' * 15_000}) for asset in many]
    request = admin_pb.ApplyRequest(items=[item_of(ASSET, asset, None) for asset in after])
    metadata = (("x-api-key", client_.keys[Role.WRITE]), ("idempotency-key", "k1"))
    first = await client_.admin.Apply(request, metadata=metadata)
    assert first.committed
    (difference,) = first.outcomes[0].differences
    assert difference.after.endswith("… (30011 characters)")
    assert await client_.admin.Apply(request, metadata=metadata) == first


async def test_an_apply_whose_answer_would_be_too_large_commits_nothing(client_: Client) -> None:
    # Of each item more is said than it says itself: twelve decimals that are none.
    named = venue_symbol_pb2.VenueSymbolDecimals.DESCRIPTOR.fields_by_name
    steps = venue_symbol_pb2.VenueSymbolDecimals(**dict.fromkeys(named, "x"))
    bad = venue_symbol_pb2.VenueSymbol(venue_id="x", symbol_id="x", exact=steps)
    request = admin_pb.ApplyRequest(skip_rejected=True)
    request.items.add(asset=asset_pb2.Asset(symbol="SOL", name="Solana", asset_type=NATIVE))
    for _ in range(4_000):
        request.items.add(venue_symbol=bad)
    metadata = (("x-api-key", client_.keys[Role.WRITE]), ("idempotency-key", "k1"))
    for _ in range(2):
        found = await refusal(client_.admin.Apply(request, metadata=metadata))
        assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
    listed = await client_.call(client_.registry.ListAssets, pb.ListAssetsRequest())
    assert listed.total_count == 0
    del request.items[10:]
    assert (await client_.admin.Apply(request, metadata=metadata)).committed


@pytest.mark.parametrize(
    ("wanted", "code", "reason"),
    [
        ("1:1", None, ""),
        ("1:99999999", Code.UNAVAILABLE, "NOT_READY"),
        ("2:1", Code.UNAVAILABLE, "NOT_READY"),
        ("0:1", Code.ABORTED, "EPOCH_CHANGED"),
        ("latest", Code.INVALID_ARGUMENT, "INVALID"),
    ],
)
async def test_a_minimum_revision_is_kept_or_refused(
    client_: Client, wanted: str, code: grpc.StatusCode | None, reason: str
) -> None:
    metadata = (("x-api-key", client_.keys[Role.READ]), ("cqar-min-revision", wanted))
    call = client_.registry.ListVenues(pb.ListVenuesRequest(), metadata=metadata)
    if code is None:
        await call
        return
    found = await refusal(call)
    assert (found.code, found.reason) == (code, reason)


async def test_an_error_of_a_read_names_its_revision_too(client_: Client) -> None:
    request = pb.GetVenueRequest(venue_id="nope")
    key = (("x-api-key", client_.keys[Role.ADMIN]),)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client_.registry.GetVenue(request, metadata=key)
    trailing = dict(caught.value.trailing_metadata())
    assert {"cqar-revision", "cqar-epoch"} <= trailing.keys()


async def test_a_request_with_hundreds_of_violations_is_still_answered(client_: Client) -> None:
    request = pb.CreateVenueAssetRequest(other_codes=["\0"] * 5000)
    found = await refusal(client_.call(client_.registry.CreateVenueAsset, request))
    assert found.code == Code.INVALID_ARGUMENT
    assert found.violations


async def test_a_miss_names_the_venue_or_the_spelling(
    client_: Client, mutations: Mutations
) -> None:
    await commit(mutations, *MARKET)
    get = client_.registry.GetVenueSymbol
    for venue, spelling, reason, text in (
        ("nope", "BTCUSDT", "VENUE_NOT_FOUND", "no venue 'nope'"),
        ("binance", "btcusdt", "VENUE_SYMBOL_NOT_FOUND", "no venue symbol 'btcusdt' at binance"),
    ):
        request = pb.GetVenueSymbolRequest(venue_id=venue, venue_symbol=spelling)
        found = await refusal(client_.call(get, request, Role.READ))
        assert found == Refusal(Code.NOT_FOUND, text, reason, "cqar", frozenset())
    for method in (client_.registry.UpdateVenueSymbol, client_.registry.DelistVenueSymbol):
        made = pb.UpdateVenueSymbolRequest(venue_id="nope", venue_symbol="X")
        if method is client_.registry.DelistVenueSymbol:
            made = pb.DelistVenueSymbolRequest(venue_id="nope", venue_symbol="X")
        assert (await refusal(client_.call(method, made))).reason == "VENUE_NOT_FOUND"


async def test_other_errors_have_codes_of_their_own(client_: Client, mutations: Mutations) -> None:
    await commit(mutations, *MARKET)
    again = pb.CreateVenueRequest(venue_id="binance", name="Binance", venue_type=1)
    found = await refusal(client_.call(client_.registry.CreateVenue, again))
    assert (found.code, found.reason) == (Code.ALREADY_EXISTS, "EXISTS")
    used = pb.DeleteAssetRequest(asset_id=BTC)
    found = await refusal(client_.call(client_.registry.DeleteAsset, used))
    assert (found.code, found.reason) == (Code.FAILED_PRECONDITION, "IN_USE")
    old = pb.UpdateAssetRequest(asset_id=USDT, name="Tether", if_revision=0)
    found = await refusal(client_.call(client_.registry.UpdateAsset, old))
    assert (found.code, found.reason) == (Code.ABORTED, "REVISION_CONFLICT")
    many = admin_pb.ApplyRequest(items=[admin_pb.ApplyItem()] * 5001)
    found = await refusal(client_.call(client_.admin.Apply, many))
    assert (found.code, found.reason) == (Code.RESOURCE_EXHAUSTED, "TOO_LARGE")
