"""A registry of all files takes no two coins for one, and asks nothing twice."""

from __future__ import annotations

import pytest

from cqar_shared.domain.kinds.asset import ASSET
from tests.identity.false_friends import merges, read_friends
from tests.identity.files import dated_listings
from tests.identity.identity_page import PATH, text_of
from tests.identity.judges import NAMED, Cause, verdicts
from tests.identity.orders import OF_CODES, OF_LISTINGS, Comparison
from tests.identity.review_list import review_list
from tests.identity.whole import backwards, forwards, import_all
from tests.identity.world import World


@pytest.fixture(scope="module")
def world() -> World:
    """All lists and files, in the order of their time."""
    return forwards()


@pytest.fixture(scope="module")
def other(world: World) -> World:
    """The same, the newest file first."""
    return backwards()


def test_no_two_false_friends_are_one_asset(world: World) -> None:
    friends = read_friends()
    assert len(friends) >= 90
    assert list(merges(world, friends)) == []


def test_codes_mean_the_same_in_two_orders_but_for_what_is_named(
    world: World, other: World
) -> None:
    differences = Comparison(world, other)
    codes, listings = differences.codes(), differences.listings()
    assert [d for d in codes if d.cause not in OF_CODES] == []
    assert [d for d in listings if d.cause not in OF_LISTINGS] == []
    assert world.bindings().keys() == other.bindings().keys()
    assert len(codes) <= 25


def test_no_two_false_friends_are_one_asset_in_the_other_order(other: World) -> None:
    assert list(merges(other, read_friends())) == []


def test_the_review_list_grows_no_longer(world: World) -> None:
    asked = review_list(world)
    assert len(asked.causes) / asked.listed < 0.22


def test_every_disagreement_with_a_judge_has_its_cause(world: World) -> None:
    found = verdicts(world)
    assert all(one.compared > 100 for one in found)
    differ = [d for one in found for d in one.disagreements]
    assert [d for d in differ if d.cause is Cause.UNKNOWN] == []
    assert {(d.judge, d.where) for d in differ if d.cause is Cause.NAMED} == NAMED.keys()


def test_what_is_bound_to_an_asset_that_others_know_has_evidence_and_never_a_ticker_alone(
    world: World,
) -> None:
    operators: dict[str, set[str]] = {}
    for (operator, _), bindings in world.bindings().items():
        for held in bindings:
            operators.setdefault(held.asset_id, set()).add(operator)
    shared = [
        held
        for bindings in world.bindings().values()
        for held in bindings
        if len(operators[held.asset_id]) > 1 or not world.get(ASSET, held.asset_id).unverified
    ]
    assert len(shared) > 3_000
    made_here = [
        held for held in shared if world.get(ASSET, held.asset_id).unverified and not held.evidence
    ]
    # The operator whose import made an asset needs none; every other one does.
    makers = {held.asset_id: held.venue_id for held in made_here}
    assert len(makers) == len({(held.asset_id, held.venue_id) for held in made_here})
    without = [held for held in shared if not held.evidence and held not in made_here]
    assert without == []


def test_importing_the_newest_files_again_asks_nothing_new(world: World) -> None:
    known = {finding.finding_id for finding in world.findings()}
    newest = {dated.listing.venue_id: dated for dated in dated_listings()}
    import_all(world, newest.values())
    assert {finding.finding_id for finding in world.findings()} == known


def test_the_page_says_what_is_so(world: World, other: World) -> None:
    assert PATH.read_text(encoding="utf-8") == text_of(world, other), "run python -m tests.identity"
