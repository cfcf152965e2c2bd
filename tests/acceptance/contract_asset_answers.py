"""For each RPC of assets, and of what is said of them: a good request, and what its answer means.

Each works on the market, and on entities of its own where it would alter what others read.
"""

from __future__ import annotations

from typing import Any

import grpc

from tests.acceptance.contract_answering import Answering
from tests.acceptance.contract_market import TETHER, an_asset
from tests.support.call_errors import refusal


class AssetAnswers(Answering):
    async def CreateAsset(self) -> None:
        given = {
            "category": "layer-1",
            "description": "fast",
            "logo_url": "https://solana.com/logo.png",
            "website_url": "https://solana.com",
        }
        made = await an_asset(self.client, "SOL", name="Solana", **given)
        assert (made.symbol, made.name) == ("SOL", "Solana")
        assert made.asset_type == self.number["ASSET_TYPE_NATIVE"]
        assert {name: getattr(made, name) for name in given} == given
        assert made.created_at == made.updated_at
        twin = await an_asset(self.client, "SOL", name="Solana Inu")
        # A ticker tells nobody apart; the id does.
        assert twin.asset_id != made.asset_id

    async def GetAsset(self) -> None:
        assert (await self.get("GetAsset")).asset == self.market.btc

    async def UpdateAsset(self) -> None:
        made = await an_asset(self.client, "MATIC", category="layer-2")
        changed = await self.client.call(
            "UpdateAsset", asset_id=made.asset_id, symbol="POL", asset_type="ASSET_TYPE_ERC20"
        )
        asset = changed.asset
        assert (asset.asset_id, asset.symbol) == (made.asset_id, "POL")
        assert asset.asset_type == self.number["ASSET_TYPE_ERC20"]
        # What the request left out stays.
        assert (asset.name, asset.category) == (made.name, "layer-2")
        assert asset.updated_at.ToNanoseconds() > asset.created_at.ToNanoseconds()

    async def DeleteAsset(self) -> None:
        made = await an_asset(self.client, "GONE")
        assert (await self.client.call("DeleteAsset", asset_id=made.asset_id)).success
        gone = await refusal(self.client.call("GetAsset", asset_id=made.asset_id))
        assert gone.code == grpc.StatusCode.NOT_FOUND

    async def ListAssets(self) -> None:
        for symbol in ("LP-1", "LP-2", "LP-3"):
            await an_asset(self.client, symbol, asset_type="ASSET_TYPE_LP_TOKEN")
        ask: dict[str, Any] = {"asset_type": "ASSET_TYPE_LP_TOKEN", "page_size": 2}
        first = await self.client.call("ListAssets", **ask)
        rest = await self.client.call("ListAssets", **ask, page_token=first.next_page_token)
        found = [asset.symbol for page in (first, rest) for asset in page.assets]
        assert sorted(found) == ["LP-1", "LP-2", "LP-3"]
        assert (first.total_count, rest.next_page_token) == (3, "")

    async def SearchAssets(self) -> None:
        await an_asset(self.client, "DOGE", name="Dogecoin")
        for query in ("DOGE", "dogec"):
            found = await self.client.call("SearchAssets", query=query, limit=1)
            assert [asset.name for asset in found.assets] == ["Dogecoin"]

    async def CreateAssetDeployment(self) -> None:
        made = self.market.deployment
        # Stored in the one spelling that the chain's standard has for it.
        assert (made.address, made.decimals) == (TETHER, 6)
        assert made.asset_id == self.market.usdt.asset_id
        assert (made.chain_id, made.chain_name) == ("ethereum", "Ethereum")
        own = await self.client.call(
            "CreateAssetDeployment",
            asset_id=self.market.eth.asset_id,
            chain_id="ethereum",
            decimals=18,
            is_native=True,
        )
        assert own.deployment.address == ""

    async def GetAssetDeployment(self) -> None:
        assert (await self.get("GetAssetDeployment")).deployment == self.market.deployment

    async def ListAssetDeployments(self) -> None:
        for ask in ({"asset_id": self.market.usdt.asset_id}, {"chain_id": "ethereum"}):
            found = await self.client.call("ListAssetDeployments", **ask)
            assert self.market.deployment in found.deployments
        none = await self.client.call(
            "ListAssetDeployments", asset_id=self.market.btc.asset_id, chain_id="ethereum"
        )
        assert list(none.deployments) == []

    async def CreateAssetIdentifier(self) -> None:
        made = self.market.asset_identifier
        assert (made.asset_id, made.external_id) == (self.market.btc.asset_id, "bitcoin")
        assert made.source == self.number["DATA_SOURCE_COINGECKO"]
        assert made.is_primary

    async def GetAssetIdentifier(self) -> None:
        assert (await self.get("GetAssetIdentifier")).identifier == self.market.asset_identifier

    async def ListAssetIdentifiers(self) -> None:
        found = await self.client.call("ListAssetIdentifiers", asset_id=self.market.btc.asset_id)
        assert list(found.identifiers) == [self.market.asset_identifier]

    # ------------------------------------------------------------ relationships, groups, flags

    async def CreateAssetRelationship(self) -> None:
        made = self.market.relationship
        assert made.from_asset_id == self.market.weth.asset_id
        assert made.to_asset_id == self.market.eth.asset_id
        assert made.relationship_type == self.number["RELATIONSHIP_TYPE_WRAPS"]

    async def ListAssetRelationships(self) -> None:
        for end in (self.market.weth, self.market.eth):
            found = await self.client.call("ListAssetRelationships", asset_id=end.asset_id)
            assert list(found.relationships) == [self.market.relationship]
        others = await self.client.call(
            "ListAssetRelationships",
            asset_id=self.market.eth.asset_id,
            relationship_type="RELATIONSHIP_TYPE_STAKES",
        )
        assert list(others.relationships) == []

    async def CreateAssetGroup(self) -> None:
        made = await self.client.call("CreateAssetGroup", name="stables", description="to the $")
        assert (made.group.name, made.group.description) == ("stables", "to the $")
        assert list(made.group.members) == []

    async def GetAssetGroup(self) -> None:
        group = (await self.get("GetAssetGroup")).group
        assert (group.group_id, group.name) == (self.market.group.group_id, "all-eth")
        assert list(group.members) == [self.market.member]

    async def AddAssetToGroup(self) -> None:
        member = self.market.member
        assert member.group_id == self.market.group.group_id
        assert (member.asset_id, member.weight) == (self.market.eth.asset_id, 0.1)

    async def RemoveAssetFromGroup(self) -> None:
        made = await self.client.call("CreateAssetGroup", name="all-btc")
        group = {"group_id": made.group.group_id}
        for asset in (self.market.btc, self.market.usdt):
            await self.client.call("AddAssetToGroup", **group, asset_id=asset.asset_id)
        one = {**group, "asset_id": self.market.usdt.asset_id}
        assert (await self.client.call("RemoveAssetFromGroup", **one)).success
        left = (await self.client.call("GetAssetGroup", **group)).group.members
        assert [member.asset_id for member in left] == [self.market.btc.asset_id]

    async def RaiseQualityFlag(self) -> None:
        flag = self.market.flag
        assert flag.asset_id == self.market.eth.asset_id
        assert flag.flag_type == self.number["FLAG_TYPE_LOW_LIQUIDITY"]
        assert flag.severity == self.number["FLAG_SEVERITY_MEDIUM"]
        assert (flag.source, flag.reason) == ("desk", "thin books")
        assert not flag.HasField("resolved_at")

    async def ResolveQualityFlag(self) -> None:
        raised = await self._a_flag_on(await an_asset(self.client, "PAUSED"))
        how = {"resolution_notes": "resumed", "resolved_by": "ops"}
        done = (await self.client.call("ResolveQualityFlag", flag_id=raised.flag_id, **how)).flag
        assert {name: getattr(done, name) for name in how} == how
        assert done.resolved_at.ToNanoseconds() > done.raised_at.ToNanoseconds()

    async def ListQualityFlags(self) -> None:
        asset = await an_asset(self.client, "RISKY")
        flag = await self._a_flag_on(asset)
        on = {"asset_id": asset.asset_id}
        assert list((await self.client.call("ListQualityFlags", **on)).flags) == [flag]
        worse = await self.client.call(
            "ListQualityFlags", **on, min_severity="FLAG_SEVERITY_CRITICAL"
        )
        assert list(worse.flags) == []
        await self.client.call("ResolveQualityFlag", flag_id=flag.flag_id, resolution_notes="x")
        assert list((await self.client.call("ListQualityFlags", **on)).flags) == []
        ever = await self.client.call("ListQualityFlags", **on, include_resolved=True)
        assert [found.flag_id for found in ever.flags] == [flag.flag_id]

    async def _a_flag_on(self, asset: Any) -> Any:
        raised = await self.client.call(
            "RaiseQualityFlag",
            asset_id=asset.asset_id,
            flag_type="FLAG_TYPE_PAUSED",
            severity="FLAG_SEVERITY_HIGH",
            description="paused",
        )
        return raised.flag
