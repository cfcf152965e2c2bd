"""Code maps: a reviewed word binds a code, and never over what is bound."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

import pytest

from cqar.importer.saved_answers import UnusableAnswer
from cqar.importer.stable_ids import catalogue_id
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.asset_deployment import AssetDeployment
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource, AssetIdentifier
from cqar_shared.domain.kinds.finding import FINDING
from cqar_shared.domain.kinds.venue import Venue, VenueType
from cqar_shared.domain.kinds.venue_asset import VENUE_ASSET, VenueAsset
from tests.support.entity_builders import a_chain, an_asset, an_id
from tests.support.reference_lists import csv_list, imported, made, planned, registry, rows_of

LIT: Final = "0xb59490aB09A0f526Cc7305822aC65f2Ab12f9723"
LIT_CAIP: Final = f"eip155:1/erc20:{LIT}"
ROTKI: Final = "update,operation,location,location_symbol,asset"
DESCRIBED: Final = "identifier,name,symbol,coingecko,decimals"
LITENTRY: Final = an_asset("LIT", name="Litentry", asset_id=an_id("litentry"))
LIGHTER: Final = an_asset("LIT", name="Lighter", asset_id=an_id("lighter"))
RONIN: Final = an_asset("RON", name="Ronin")


def a_venue(venue_id: str, operator: str | None = None) -> Venue:
    return Venue(venue_id=venue_id, name=venue_id, venue_type=VenueType.CEX, operator=operator)


KNOWN: Final = (
    a_chain(network_id=1),
    LITENTRY,
    LIGHTER,
    RONIN,
    AssetDeployment(
        deployment_id=an_id("d"),
        asset_id=LITENTRY.asset_id,
        chain_id="ethereum",
        address=LIT,
        decimals=18,
    ),
    a_venue("kucoin", "kucoin"),
    a_venue("kucoin-futures", "kucoin"),
)


def bound(asset_id: str, code: str = "LIT", **changes: Any) -> VenueAsset:
    return VenueAsset(venue_id="kucoin", asset_id=asset_id, venue_asset_symbol=code, **changes)


def rotki(*rows: str) -> Any:
    return csv_list(ROTKI, *(row.split() for row in rows), name="rotki")


def test_a_contract_binds_the_code_of_the_operator_with_reviewed_evidence() -> None:
    plan = imported("codes", registry(*KNOWN), rotki(f"1 additions kucoin LIT {LIT_CAIP}"))
    (held,) = made(plan, VENUE_ASSET)
    assert (held.venue_id, held.asset_id, held.codes) == ("kucoin", LITENTRY.asset_id, ("LIT",))
    (evidence,) = held.evidence
    assert (evidence.kind, evidence.code) == ("REVIEWED", "LIT")
    assert evidence.detail == f"rotki: {LIT_CAIP}"
    assert plan.evidence == {"CONTRACT": 1}


def test_a_second_code_of_the_asset_joins_the_first_and_a_known_one_gets_the_evidence() -> None:
    state = registry(*KNOWN, bound(LITENTRY.asset_id))
    source = rotki(f"1 additions kucoin LIT {LIT_CAIP}", f"1 additions kucoin LITENTRY {LIT_CAIP}")
    plan = imported("codes", state, source)
    (held,) = made(plan, VENUE_ASSET)
    assert held.codes == ("LIT", "LITENTRY")
    assert [e.code for e in held.evidence] == ["LITENTRY", "LIT"]


def test_another_verified_asset_stays_bound_and_the_reuse_is_found() -> None:
    state = registry(*KNOWN, bound(LIGHTER.asset_id))
    plan = imported("codes", state, rotki(f"1 additions kucoin LIT {LIT_CAIP}"))
    assert made(plan, VENUE_ASSET) == []
    (finding,) = made(plan, FINDING)
    assert (finding.kind, finding.venue_id, finding.code) == ("REUSE", "kucoin", "LIT")
    assert finding.proposed_asset_id == LITENTRY.asset_id
    assert finding.differences[0].before == LIGHTER.asset_id


def test_an_unverified_asset_that_the_code_is_bound_to_is_proposed_for_a_merge() -> None:
    made_by_import = an_asset("LIT", asset_id=an_id("kucoin lit"), unverified=True)
    state = registry(*KNOWN, made_by_import, bound(made_by_import.asset_id))
    (finding,) = made(
        imported("codes", state, rotki(f"1 additions kucoin LIT {LIT_CAIP}")), FINDING
    )
    assert (finding.kind, finding.asset_id) == ("DUPLICATE", made_by_import.asset_id)
    assert finding.proposed_asset_id == LITENTRY.asset_id


def test_a_code_whose_other_meaning_has_ended_is_bound_from_that_end() -> None:
    end = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
    state = registry(*KNOWN, bound(LIGHTER.asset_id, delisted_at=end))
    (held,) = made(
        imported("codes", state, rotki(f"1 additions kucoin LIT {LIT_CAIP}")), VENUE_ASSET
    )
    assert (held.asset_id, held.listed_at) == (LITENTRY.asset_id, end)


def test_the_last_update_counts_and_a_deletion_binds_nothing() -> None:
    source = rotki(
        "3 updates kucoin LIT RON",
        f"1 additions kucoin LIT {LIT_CAIP}",
        "1 additions kucoin X RON",
        "2 deletions kucoin X RON",
    )
    described = csv_list(DESCRIBED, ("RON", "Ronin", "RON", "ronin", ""))
    plan = imported("codes", registry(*KNOWN), source, described=described)
    assert rows_of(plan) == ["NEW", "UNSUPPORTED", "UNSUPPORTED", "UNSUPPORTED"]
    assert made(plan, VENUE_ASSET)[0].asset_id == RONIN.asset_id


def test_a_described_coin_is_known_by_identifier_before_name_and_never_by_ticker() -> None:
    source = rotki("1 additions kucoin RON RON", "1 additions kucoin LIT LIT-2")
    described = csv_list(
        DESCRIBED, ("RON", "Ronin Network", "RON", "ronin", ""), ("LIT-2", "Lit", "LIT", "", "")
    )
    plan = planned("codes", registry(*KNOWN), source, described=described)
    assert rows_of(plan) == ["UNSUPPORTED", "UNSUPPORTED"]
    identifier = AssetIdentifier(
        identifier_id=an_id("i"),
        asset_id=RONIN.asset_id,
        source=AssetDataSource.COINGECKO,
        external_id="ronin",
    )
    plan = imported("codes", registry(*KNOWN, identifier), source, described=described)
    assert (rows_of(plan), plan.evidence) == (["NEW", "UNSUPPORTED"], {"IDENTIFIER": 1})


def test_a_described_contract_that_is_not_known_becomes_an_unverified_asset() -> None:
    address = "eip155:1/erc20:0xF5238462E7235c7B62811567E63Dd17d12C2EAA0"
    described = csv_list(DESCRIBED, (address, "CACHE Gold", "CGT", "cache-gold", "8"))
    source = rotki(f"1 additions kucoin CGT {address}", f"1 additions '' CGT {address}")
    plan = imported("codes", registry(*KNOWN), source, described=described)
    (asset,) = made(plan, ASSET)
    assert (asset.name, asset.unverified) == ("CACHE Gold", True)
    assert made(plan, VENUE_ASSET)[0].asset_id == asset.asset_id


def test_what_is_said_of_every_venue_only_confirms_what_is_bound() -> None:
    source = csv_list(ROTKI, ("1", "additions", "", "LIT", LIT_CAIP), name="rotki")
    plan = planned("codes", registry(*KNOWN), source)
    assert (rows_of(plan), plan.changes) == (["UNSUPPORTED"], [])
    plan = imported("codes", registry(*KNOWN, bound(LITENTRY.asset_id)), source)
    assert made(plan, VENUE_ASSET)[0].evidence[0].kind == "REVIEWED"


def test_ccxts_map_binds_nothing_and_says_where_it_differs() -> None:
    state = registry(*KNOWN, bound(LITENTRY.asset_id))
    source = csv_list("exchange,venue_code,unified_code,origin", ("kucoin", "LIT", "LITX", "own"))
    plan = planned("codes", state, source)
    assert (rows_of(plan), plan.changes) == (["UNSUPPORTED"], [])
    assert "here it is ['LIT']" in plan.rows[0].reason
    assert "binds nothing" in plan.notes[0]


@pytest.mark.parametrize(
    "asset", [LITENTRY.asset_id, f"ethereum:{LIT.lower()}", f"LIT+ethereum:{LIT}", LIT_CAIP, "lit"]
)
def test_a_map_of_ones_own_names_assets_in_several_ways(asset: str) -> None:
    slug = an_asset("LIT", name="By slug", asset_id=catalogue_id("asset", "lit"))
    source = csv_list(
        "operator,code,asset,since,until",
        ("kucoin-futures", "LIT", asset, "2021-02-04", "2025-06-01"),
    )
    (held,) = made(imported("codes", registry(*KNOWN, slug), source), VENUE_ASSET)
    assert held.asset_id == (slug if asset == "lit" else LITENTRY).asset_id
    assert held.venue_id == "kucoin"
    assert held.listed_at == dt.datetime(2021, 2, 4, tzinfo=dt.UTC)
    assert held.delisted_at == dt.datetime(2025, 6, 1, tzinfo=dt.UTC)


def test_the_period_of_a_known_binding_stays_and_that_is_said() -> None:
    source = csv_list("operator,code,asset,until", ("kucoin", "LIT", LIT_CAIP, "2025-06-01"))
    plan = imported("codes", registry(*KNOWN, bound(LITENTRY.asset_id)), source)
    assert made(plan, VENUE_ASSET)[0].delisted_at is None
    assert "since and until stay" in plan.rows[0].reason


@pytest.mark.parametrize(
    ("row", "outcome", "reason"),
    [
        (("nowhere", "LIT", "lit"), "UNSUPPORTED", "no venue 'nowhere'"),
        (("kucoin", "LIT", "lit"), "UNSUPPORTED", "no asset lit here"),
        (("kucoin", "", "lit"), "UNREADABLE", "code is missing"),
        (("kucoin", "LIT", f"XYZ+{LITENTRY.asset_id}"), "UNREADABLE", "is not XYZ"),
        (("kucoin", "LIT", LITENTRY.asset_id, "soon"), "UNREADABLE", "is no instant"),
    ],
)
def test_what_is_not_bound_says_why(row: tuple[str, ...], outcome: str, reason: str) -> None:
    plan = planned("codes", registry(*KNOWN), csv_list("operator,code,asset,since", row))
    assert (rows_of(plan), plan.changes) == ([outcome], [])
    assert reason in plan.rows[0].reason


def test_what_is_no_code_map_is_refused() -> None:
    with pytest.raises(UnusableAnswer, match="no code map"):
        planned("codes", registry(), csv_list("a,b", ("1", "2")))
