"""A client built from CQC v0.3.1's tables alone works with writer and resolver, unmodified."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest

import cqar
from tests.acceptance.conftest import Stack
from tests.acceptance.contract_asset_answers import AssetAnswers
from tests.acceptance.contract_market import Market, getting, make_market
from tests.acceptance.contract_market_answers import MarketAnswers
from tests.acceptance.contract_refusals import bad_requests
from tests.support.call_errors import refusal
from tests.support.contract_client import Contract, ContractClient
from tests.support.contract_files import rows

RPCS = {row["rpc"] for row in rows("rpcs")}
#: RPC -> whose method of its name makes a good request and reads the answer.
ANSWERS = {
    name: owner
    for owner in (AssetAnswers, MarketAnswers)
    for name in vars(owner)
    if name[0].isupper()
}
GETS = sorted(rpc for rpc in RPCS if rpc.startswith("Get"))


@pytest.fixture(scope="module")
def contract() -> Contract:
    return Contract()


@pytest.fixture(scope="module")
async def client(stack: Stack, contract: Contract) -> AsyncIterator[ContractClient]:
    async with grpc.aio.insecure_channel(stack.endpoints.writer) as channel:
        yield ContractClient(channel, contract, stack.endpoints.keys.admin)


@pytest.fixture(scope="module")
async def sidecar(stack: Stack, contract: Contract) -> AsyncIterator[ContractClient]:
    """The same client, pointed at a resolver without more ado."""
    async with grpc.aio.insecure_channel(stack.endpoints.resolvers[0]) as channel:
        yield ContractClient(channel, contract)


@pytest.fixture(scope="module")
async def market(client: ContractClient) -> Market:
    assert list((await client.call("ListAssets")).assets) == []
    return await make_market(client)


def test_the_client_knows_no_field_of_ours(contract: Contract) -> None:
    for row in rows("messages"):
        fields = contract.pool.FindMessageTypeByName(row["message"]).fields
        assert max(field.number for field in fields) < 100, row["message"]


async def test_all_42_rpcs_are_tried_well_and_badly(market: Market) -> None:
    assert len(RPCS) == 42
    assert set(ANSWERS) == RPCS
    assert set(bad_requests(market)) == RPCS
    assert sorted(getting(market)) == GETS


@pytest.mark.parametrize("rpc", sorted(RPCS))
async def test_a_good_request_gets_the_answer_that_it_means(
    rpc: str, client: ContractClient, market: Market, contract: Contract
) -> None:
    await getattr(ANSWERS[rpc](client, market, contract), rpc)()


@pytest.mark.parametrize("rpc", sorted(RPCS))
async def test_a_bad_request_is_refused_for_what_is_wrong_and_changes_nothing(
    rpc: str, client: ContractClient, market: Market
) -> None:
    await client.call("ListChains")
    before = client.position
    bad = bad_requests(market)[rpc]
    found = await refusal(client.call(rpc, **bad.request))
    assert (found.code, found.reason, found.domain) == (bad.code, bad.reason, "cqar")
    assert found.violations == bad.violations
    assert found.text
    await client.call("ListChains")
    assert client.position == before


@pytest.mark.parametrize("rpc", GETS)
async def test_a_resolver_answers_a_get_as_the_writer_does(
    rpc: str, client: ContractClient, sidecar: ContractClient, market: Market
) -> None:
    request = getting(market)[rpc]
    written = await client.call(rpc, **request)
    assert written.ListFields()
    assert await sidecar.call(rpc, at_least=client.position, **request) == written
    bad = bad_requests(market)[rpc]
    refused = await refusal(client.call(rpc, **bad.request))
    assert await refusal(sidecar.call(rpc, **bad.request)) == refused


async def test_a_writer_sends_who_resolves_something_to_a_resolver_whatever_the_key(
    stack: Stack,
) -> None:
    for key in ("", stack.endpoints.keys.read, stack.endpoints.keys.admin):
        async with cqar.AsyncClient(stack.endpoints.writer, key) as client:
            for call in (
                client.resolve("binance", "BTCUSDT"),
                client.status(),
                anext(client.watch()),
            ):
                with pytest.raises(cqar.Unsupported, match="ask a resolver") as refused:
                    await call
                assert refused.value.reason == "WRONG_SERVICE"


async def test_a_resolver_sends_who_changes_something_to_the_writer(
    sidecar: ContractClient, stack: Stack
) -> None:
    found = await refusal(sidecar.call("CreateAsset", symbol="X"))
    assert (found.code, found.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_SERVICE")
    assert stack.endpoints.writer in found.text
