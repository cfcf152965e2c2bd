"""`cqar.Writer` and `cqar.AsyncWriter` beside a real writer."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

import cqar
from cqar.structs import Asset, Venue
from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.domain.kinds.asset import AssetType
from cqar_shared.domain.kinds.venue import VenueType
from cqar_writer.mutations import Mutations
from tests.support.commits import commit
from tests.support.entity_builders import MARKET, NOW, a_venue_symbol, an_id
from tests.support.writer_server import serving

LISTING = {"listing_id": an_id("listing")}


async def test_changes_are_methods_with_types_and_entities_come_back_as_structs(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    await commit(mutations, *MARKET[:-1], a_venue_symbol(**LISTING))
    async with (
        serving(engine, NOW) as client,
        cqar.AsyncWriter(client.address, client.keys[Role.WRITE]) as writer,
    ):
        made = await writer.create_asset("DOGE", name="Dogecoin", asset_type="native", reason="new")
        assert (made.entity.symbol, made.entity.name) == ("DOGE", "Dogecoin")
        assert isinstance(made.entity, Asset)
        changed = await writer.update_asset(made.entity.asset_id, category="meme", reason="für uns")
        assert (changed.entity.category, changed.revision) == ("meme", made.revision + 1)
        listed = await writer.update_venue_symbol("binance", "BTCUSDT", tick_size=Decimal("0.5"))
        assert listed.entity.tick_size == Decimal("0.5")
        gone = await writer.delete_asset(made.entity.asset_id)
        assert gone.entity is None


async def test_what_changed_meanwhile_is_a_conflict_unless_any_revision_will_do(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    async with serving(engine, NOW) as client:
        key = client.keys[Role.WRITE]
        ours, theirs = (cqar.AsyncWriter(client.address, key) for _ in range(2))
        made = await ours.create_venue("okx", name="OKX", venue_type="cex")
        # Whoever has not seen it changes it whatever it is; we have, so ours is refused then.
        await theirs.update_venue("okx", name="OKX Spot")
        with pytest.raises(cqar.ChangedMeanwhile):
            await ours.update_venue("okx", name="OKEx")
        forced = await ours.update_venue("okx", name="OKEx", if_revision=cqar.ANY_REVISION)
        assert (forced.entity.name, forced.revision) == ("OKEx", made.revision + 2)
        with pytest.raises(cqar.AlreadyExists):
            await ours.create_venue("okx", name="OKX", venue_type="cex")
        with pytest.raises(cqar.NotFound):
            await ours.update_venue("okxx", name="x")
        with pytest.raises(cqar.InvalidRequest) as refused:
            await ours.create_asset("X" * 200)
        assert {"symbol", "name"} <= {v.field for v in refused.value.violations}
        await asyncio.gather(ours.close(), theirs.close())
        reader = cqar.AsyncWriter(client.address, client.keys[Role.READ])
        with pytest.raises(cqar.Denied):
            await reader.update_venue("okx", name="x")
        await reader.close()


async def test_what_a_writer_made_itself_is_seen_by_it_whatever_call_made_it(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    async with serving(engine, NOW) as client:
        key = client.keys[Role.WRITE]
        ours, theirs = (cqar.AsyncWriter(client.address, key) for _ in range(2))
        made = (await ours.create_asset("AAA", name="A", asset_type="native")).entity
        await theirs.update_asset(made.asset_id, name="Theirs")
        # Its id stands in the answer alone, and is known by it.
        with pytest.raises(cqar.ChangedMeanwhile):
            await ours.update_asset(made.asset_id, name="Ours")
        seen = (await theirs.update_asset(made.asset_id, category="x")).entity
        # What it applies itself is no change of somebody else.
        await theirs.apply([msgspec.structs.replace(seen, category="y")])
        await theirs.update_asset(made.asset_id, category="z")
        other = (await ours.create_asset("BBB", name="B", asset_type="native")).entity
        group = (await ours.create_asset_group("letters")).entity
        for asset in (made, other):
            await ours.add_asset_to_group(group.group_id, asset.asset_id, weight_exact="1")
        await ours.remove_asset_from_group(group.group_id, made.asset_id)
        await asyncio.gather(ours.close(), theirs.close())


async def test_entities_are_applied_together_or_not_at_all(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    asset = Asset(symbol="AAA", name="A", asset_type=AssetType.NATIVE)
    venue = Venue(venue_id="one", name="One", venue_type=VenueType.CEX)

    def write(address: str, key: str) -> tuple[cqar.Applied, ...]:
        with cqar.Writer(address, key) as writer:
            planned = writer.apply([asset, venue], dry_run=True)
            applied = writer.apply([asset, venue], reason="two")
            again = writer.apply([venue])
            with pytest.raises(cqar.InvalidRequest, match="name"):
                writer.apply([Venue(venue_id="two", venue_type=VenueType.CEX)])
            return planned, applied, again

    async with serving(engine, NOW) as client:
        planned, applied, again = await asyncio.to_thread(
            write, client.address, client.keys[Role.WRITE]
        )
    assert planned.statuses == applied.statuses == ("CREATED", "CREATED")
    assert again.statuses == ("UNCHANGED",)
    assert cqar.__version__


async def test_assets_are_merged_and_parted_and_findings_decided(
    engine: AsyncEngine, mutations: Mutations
) -> None:
    async with (
        serving(engine, NOW) as client,
        cqar.AsyncWriter(client.address, client.keys[Role.WRITE]) as writer,
    ):
        kept, twin = [
            (await writer.create_asset("LIT", name=name, asset_type="native")).entity.asset_id
            for name in ("Litentry", "Litentry again")
        ]
        planned = await writer.merge_assets(twin, kept, reason="one coin", dry_run=True)
        assert planned == cqar.Decided(None, 0, {"asset": 2}, (), (), 0)
        waits = await writer.merge_assets(twin, kept, reason="one coin")
        assert waits.finding is not None
        async with cqar.AsyncWriter(client.address, client.keys[Role.ADMIN]) as another:
            merged = await another.decide_finding(
                waits.finding.finding_id, "approve", reason="one coin indeed"
            )
        assert (merged.approvals_missing, merged.revision) == (0, waits.revision + 1)
        parted = await writer.unmerge_asset(twin, reason="two coins")
        assert parted.revision == merged.revision + 1
        with pytest.raises(cqar.NotFound):
            await writer.decide_finding(an_id("none"), "reject", reason="there is none")
        with pytest.raises(cqar.InvalidRequest, match="none of approve, reject, hold"):
            await writer.decide_finding(an_id("none"), "yes", reason="why")
