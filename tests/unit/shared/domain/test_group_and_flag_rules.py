"""Groups, identifiers and quality flags: each rule's acceptance and refusal."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cqar_shared.domain.kind import Event
from cqar_shared.domain.kinds.asset_group import (
    MEMBERS_MAX,
    GroupMember,
    event_of,
    with_member,
    without_member,
)
from cqar_shared.domain.kinds.asset_identifier import AssetDataSource
from cqar_shared.domain.kinds.quality_flag import FlagSeverity, FlagType, blocks
from cqar_shared.domain.kinds.symbol_identifier import SymbolDataSource
from cqar_shared.errors import EntityNotFound
from tests.support.entity_builders import (
    BTC,
    ETH,
    NOW,
    USDT,
    a_flag,
    a_group,
    a_symbol_identifier,
    an_asset,
    an_id,
    an_identifier,
)
from tests.support.memory_registry_view import Held, changed, completed, findings


def test_a_group_has_each_member_once_with_a_weight_above_zero() -> None:
    assert findings(a_group(ETH, BTC)) == set()
    assert findings(a_group(ETH, ETH)) == {("members[1].asset_id", "DUPLICATE")}
    for weight in ("0", "-1"):
        member = GroupMember(asset_id=ETH, weight=Decimal(weight))
        bad = a_group(members=(member,))
        assert findings(bad) == {("members[0].weight", "NOT_POSITIVE")}
    assert findings(a_group(members=(GroupMember(asset_id=ETH),))) == set()


def test_a_member_at_fault_is_named_by_its_place_in_the_request() -> None:
    low, high = sorted((BTC, ETH))
    held = Held(an_asset(), an_asset("ETH"))
    weights = ((high, "1"), (low, "-1"), (high, "1"))
    members = tuple(GroupMember(asset_id=a, weight=Decimal(w)) for a, w in weights)
    assert findings(a_group(members=members), held) == {
        ("members[1].weight", "NOT_POSITIVE"),
        ("members[2].asset_id", "DUPLICATE"),
    }
    whole = completed(a_group(high, low), held)
    assert [member.asset_id for member in whole.members] == [low, high]
    with_nobody = completed(a_group(high, an_id("nobody"), low), held)
    assert [member.asset_id for member in with_nobody.members] == [high, an_id("nobody"), low]


def test_a_groups_name_is_its_own() -> None:
    rival = a_group(group_id=an_id("another"))
    assert findings(a_group(), Held(rival)) == {("name", "DUPLICATE")}
    assert findings(a_group(name="")) == {("name", "REQUIRED")}


def test_a_groups_id_texts_and_size_are_bounded() -> None:
    good = {"description": "d" * 4096, "group_type": "t" * 64, "name": "n" * 128}
    assert findings(a_group(ETH, **good)) == set()
    bad = {field: value + "!" for field, value in good.items()}
    assert findings(a_group(ETH, **bad, group_id="x")) == {
        ("group_id", "NOT_A_UUID"),
        *((field, "TOO_LONG") for field in good),
    }
    members = [an_id(str(number)) for number in range(MEMBERS_MAX + 1)]
    assert findings(a_group(*members[1:])) == set()
    assert findings(a_group(*members)) == {("members", "TOO_MANY")}


def test_stating_a_group_again_changes_nothing() -> None:
    assets = (an_asset(), an_asset("ETH"))
    before = completed(a_group(ETH, BTC), Held(*assets))
    again = completed(a_group(BTC, ETH), Held(*assets, now=NOW.replace(year=2030)), before)
    assert again == before


def test_members_come_and_go_and_each_is_announced() -> None:
    one = completed(a_group(ETH))
    two = completed(with_member(one, BTC, Decimal("0.5")), before=one)
    assert [m.weight for m in two.members if m.asset_id == BTC] == [Decimal("0.5")]
    added = event_of(one, two)
    assert isinstance(added, Event)
    assert (added.name, added.facts["member"].asset_id) == ("asset_group_member_added", BTC)
    removed = event_of(two, completed(without_member(two, BTC), before=two))
    assert isinstance(removed, Event)
    assert removed.name == "asset_group_member_removed"
    with pytest.raises(EntityNotFound, match="no asset group member"):
        without_member(one, USDT)


@pytest.mark.parametrize("build", [an_identifier, a_symbol_identifier])
def test_a_sources_id_is_one_entitys_and_one_of_a_source_is_primary(build: object) -> None:
    assert callable(build)
    first = build(is_primary=True)
    held = Held(first)
    twin = build(identifier_id=an_id("twin"))
    assert findings(twin, held) == {("external_id", "DUPLICATE")}
    second = build(identifier_id=an_id("second"), external_id="other", is_primary=True)
    assert findings(second, held) == {("is_primary", "PRIMARY_TAKEN")}
    assert findings(changed(second, is_primary=False), held) == set()
    assert findings(build(external_id=" x")) == {("external_id", "WHITE_SPACE")}


@pytest.mark.parametrize(
    ("build", "owner", "source", "other"),
    [
        (an_identifier, "asset_id", "source", AssetDataSource.INTERNAL),
        (a_symbol_identifier, "symbol_id", "data_source", SymbolDataSource.GLASSNODE),
    ],
)
def test_an_identifier_needs_its_parts_and_keeps_them(
    build: Callable[..., Any], owner: str, source: str, other: Any
) -> None:
    assert findings(build()) == set()
    bad = build(**{"identifier_id": "x", owner: "", source: None, "external_id": ""})
    assert findings(bad) == {
        ("identifier_id", "NOT_A_UUID"),
        (owner, "REQUIRED"),
        (source, "REQUIRED"),
        ("external_id", "REQUIRED"),
    }
    before = build()
    assert findings(changed(before, is_primary=True), Held(before), before) == set()
    after = changed(before, **{owner: USDT, source: other, "external_id": "else"})
    assert findings(after, Held(before), before) == {
        (owner, "IMMUTABLE"),
        (source, "IMMUTABLE"),
        ("external_id", "IMMUTABLE"),
    }


def test_a_flag_says_what_who_and_why() -> None:
    assert findings(a_flag()) == set()
    assert findings(a_flag(flag_id="x", asset_id="")) == {
        ("flag_id", "NOT_A_UUID"),
        ("asset_id", "REQUIRED"),
    }
    for field in ("flag_type", "severity"):
        assert findings(a_flag(**{field: None})) == {(field, "REQUIRED")}
    for field in ("source", "reason"):
        for blank in ("", "  ", "\u200d"):
            assert findings(a_flag(**{field: blank})) == {(field, "REQUIRED")}
    assert findings(a_flag(evidence_url="no url")) == {("evidence_url", "NOT_A_URL")}


def test_a_flag_is_resolved_once_by_somebody_for_a_reason() -> None:
    before = completed(a_flag())
    done = changed(before, resolved_by="me", resolution_notes="refunded")
    assert findings(done, before=before) == set()
    for blank in (None, "   "):
        silent = changed(before, resolved_by="me", resolution_notes=blank)
        assert findings(silent, before=before) == {("resolution_notes", "REQUIRED")}
        unsaid = changed(done, resolved_at=NOW, resolved_by=blank)
        assert findings(unsaid, before=before) == {("resolved_by", "REQUIRED")}
    resolved = completed(done, before=before)
    again = changed(resolved, resolution_notes="again")
    assert findings(again, before=resolved) == {("resolved_at", "FINAL")}


def test_a_resolution_is_not_for_later_and_not_from_before_the_flag() -> None:
    before = completed(a_flag())
    done = changed(before, resolved_by="me", resolution_notes="refunded")
    soon, late = NOW + dt.timedelta(minutes=1), NOW + dt.timedelta(minutes=6)
    # A clock that runs a little ahead means now.
    assert completed(changed(done, resolved_at=soon), before=before).resolved_at == NOW
    assert findings(changed(done, resolved_at=late), before=before) == {("resolved_at", "FUTURE")}
    early = changed(done, resolved_at=NOW - dt.timedelta(minutes=1))
    assert findings(early, before=before) == {("resolved_at", "BEFORE_RAISED")}
    past = a_flag(
        raised_at=early.resolved_at, resolved_at=NOW, resolved_by="me", resolution_notes="x"
    )
    assert findings(past, Held(historical=True)) == set()


def test_what_a_flag_says_is_for_ever_and_bounded() -> None:
    before = completed(a_flag())
    other = {
        "asset_id": ETH,
        "flag_type": FlagType.SCAM,
        "severity": FlagSeverity.LOW,
        "source": "somebody",
        "reason": "else",
        # Else an update would be told as the flag's resolution.
        "evidence_url": "https://x.y",
        "metadata": {"x": "y"},
    }
    assert findings(changed(before, **other), before=before) == {
        (field, "IMMUTABLE") for field in other
    }
    lengths = {"source": 256, "reason": 4096, "resolved_by": 256, "resolution_notes": 4096}
    good = {field: "x" * length for field, length in lengths.items()}
    assert findings(a_flag(**good)) == set()
    bad = {field: value + "!" for field, value in good.items()}
    assert findings(a_flag(**bad)) == {(field, "TOO_LONG") for field in lengths}


def test_who_resolves_a_flag_is_said() -> None:
    before = completed(a_flag())
    unsaid = changed(before, resolved_at=NOW, resolution_notes="refunded")
    assert findings(unsaid, before=before) == {("resolved_by", "REQUIRED")}
    assert findings(changed(unsaid, resolved_by="me"), before=before) == set()


def test_only_an_active_critical_flag_blocks() -> None:
    assert blocks(a_flag())
    assert not blocks(a_flag(severity=FlagSeverity.HIGH))
    assert not blocks(a_flag(resolved_at=NOW))
