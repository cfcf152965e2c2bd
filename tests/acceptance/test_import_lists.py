"""Third parties' reference lists into a registry, by the command line, through the whole stack.

The tests of this module build on each other: chains, then tokens, then what names them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from cqc.assets.v1 import deployment_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.writer.v1 import registry_admin_pb2 as admin_pb

from cqar.admin import pagination
from cqar.admin.connection import Connection
from tests.acceptance.conftest import SHARED, Stack

DATA: Final = SHARED / "data"
CHAINS: Final = "chains/evm_chains.json"
COSMOS_CHAINS: Final = "chains/cosmos_chains_mainnet.json"
COSMOS_ASSETS: Final = "chains/cosmos_assetlists_mainnet.json"
UNISWAP: Final = "tokenlists/uniswap_default_22.21.0.json"
COINGECKO: Final = "identifiers/coingecko_coins_platforms_2023-05.json"
ROTKI_ASSETS: Final = "identifiers/rotki_assets.csv"
ROTKI_CODES: Final = "identifiers/rotki_location_asset_mappings.csv"
COLLECTIONS: Final = "relationships/rotki_asset_collections.csv"
CGT: Final = "0xF5238462E7235c7B62811567E63Dd17d12C2EAA0"


def saved(name: str) -> Path:
    """A third party's list, read where it lies."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is absent: third parties' lists, not part of this project")
    return path


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    await stack.ok("catalogue", "load", "--no-listings")
    return stack


async def import_list(stack: Stack, kind: str, path: Path, *more: str | Path) -> Any:
    """Import a list; its rows add up, and a second import changes nothing."""
    document = (await stack.ok("import", kind, path, "--json", *more)).document
    assert sum(document["outcomes"].values()) == document["records"] == len(document["rows"])
    assert (document["applied"] or {"rejected": []})["rejected"] == []
    again = (await stack.ok("import", kind, path, "--json", *more)).document
    assert (again["applied"], again["changes"]) == (None, {})
    assert again["outcomes"]["NEW"] == again["outcomes"]["CHANGED"] == 0
    return document


def deployments(stack: Stack, chain_id: str) -> dict[str, deployment_pb2.AssetDeployment]:
    """By address."""
    with Connection(stack.endpoints.writer, stack.endpoints.keys.read) as connection:
        request = pb.ListAssetDeploymentsRequest(chain_id=chain_id)
        method = connection.registry.ListAssetDeployments
        found = pagination.entities(connection, method, request, "deployments")
        return {one.address: one for one in found}


def findings(stack: Stack, kind: str) -> list[Any]:
    with Connection(stack.endpoints.writer, stack.endpoints.keys.read) as connection:
        request = admin_pb.ListProposalsRequest(kinds=[kind])
        return list(
            pagination.entities(connection, connection.admin.ListProposals, request, "findings")
        )


async def test_chains_are_all_registered_once(registry: Stack) -> None:
    document = await import_list(registry, "chains", saved(CHAINS))
    assert document["records"] == 1940
    assert document["outcomes"]["UNREADABLE"] == 0
    document = await import_list(registry, "chains", saved(COSMOS_CHAINS))
    assert document["records"] == 228


async def test_cosmos_assets_are_vouchers_of_one_another(registry: Stack) -> None:
    document = await import_list(registry, "cosmos", saved(COSMOS_ASSETS))
    assert document["records"] == 2217
    assert document["changes"]["asset_relationship created"] > 1000


async def test_a_token_list_is_taken_whole(registry: Stack) -> None:
    document = await import_list(registry, "tokenlist", saved(UNISWAP))
    assert document["name"] == "Uniswap Labs Default"
    assert document["records"] == 1723
    assert document["evidence"]["LINK"] > 500


async def test_a_plan_changes_nothing_until_it_is_applied(registry: Stack, tmp_path: Path) -> None:
    tokens = [{"chainId": 1, "address": CGT, "name": "CACHE Gold", "symbol": "CGT", "decimals": 8}]
    path, plan = tmp_path / "list-a.json", tmp_path / "plan.json"
    path.write_text(json.dumps({"name": "List A", "tokens": tokens}))
    before = await registry.revision()
    await registry.ok("import", "tokenlist", path, "--plan")
    await registry.ok("import", "tokenlist", path, "--out", plan)
    assert await registry.revision() == before
    applied = (await registry.ok("import", "apply", plan, "--json")).document
    assert (applied["created"], applied["rejected"]) == (2, [])
    again = (await registry.ok("import", "apply", plan, "--json")).document
    assert again["created"] == again["updated"] == 0


async def test_two_lists_that_disagree_put_the_deployment_in_quarantine(
    registry: Stack, tmp_path: Path
) -> None:
    tokens = [{"chainId": 1, "address": CGT, "name": "CACHE Gold", "symbol": "CGT", "decimals": 18}]
    path = tmp_path / "list-b.json"
    path.write_text(json.dumps({"name": "List B", "tokens": tokens}))
    document = await import_list(registry, "tokenlist", path)
    assert document["outcomes"]["CHANGED"] == 1
    held = deployments(registry, "ethereum")[CGT]
    assert (held.decimals, list(held.doubts)) == (8, ["DECIMALS_DISAGREE"])
    (finding,) = [f for f in findings(registry, "DECIMALS_DISAGREE") if f.address == CGT]
    assert (finding.differences[0].before, finding.differences[0].after) == ("8", "18")
    assert finding.records[0].request == "List B"


async def test_identifiers_codes_and_collections_are_attached_by_contract(
    registry: Stack,
) -> None:
    document = await import_list(registry, "identifiers", saved(COINGECKO))
    assert document["records"] == 12309
    assert document["evidence"]["CONTRACT"] > 300
    described = ("--assets", saved(ROTKI_ASSETS))
    document = await import_list(registry, "codes", saved(ROTKI_CODES), *described)
    assert document["records"] == 1215
    assert document["changes"]["venue_asset created"] > 300
    document = await import_list(registry, "collections", saved(COLLECTIONS))
    assert document["records"] == 1408


async def test_what_was_written_says_which_list_and_which_bytes(registry: Stack) -> None:
    told = (await registry.ok("history", f"asset_deployment:{_cgt(registry)}", "--json")).out
    assert "tokenlist List B (sha256 " in told


def _cgt(stack: Stack) -> str:
    return deployments(stack, "ethereum")[CGT].deployment_id
