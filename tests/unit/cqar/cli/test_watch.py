"""What `cqar watch` prints of a change: decoded and whole, ends and archiving marked."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from cqc.replication.v1 import replication_pb2
from cqc.resolver.v1 import resolver_pb2 as rpb
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import given
from hypothesis import strategies as st

from cqar.cli import output
from cqar.cli.json_entities import entity_of
from cqar.cli.watch import VALUE_CHARS_MAX, change_text, document
from cqar.sdk.changes import MESSAGES
from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds.asset import ASSET
from cqar_shared.domain.kinds.venue_symbol import VENUE_SYMBOL
from tests.support.entity_builders import NOW, a_venue_symbol, an_asset

LISTING = a_venue_symbol(tick_size=Decimal("0.010"), listed_at=NOW)


def a_change(**marks: bool) -> replication_pb2.Change:
    entity = b"" if marks.get("deleted") else entity_codec.encode(VENUE_SYMBOL, LISTING)
    return replication_pb2.Change(
        kind="venue_symbol", key=LISTING.listing_id, entity=entity, **marks
    )


def printed(response: rpb.WatchResponse, capsys: pytest.CaptureFixture[str]) -> Any:
    output.print_json_line(document(response))
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return json.loads(out)


def test_a_change_set_is_one_object_with_its_entities_decoded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    changes = [a_change(), a_change(deleted=True), a_change(archived=True)]
    changes.append(replication_pb2.Change(kind="of_tomorrow", key="k", entity=b"\x01"))
    told = replication_pb2.ChangeSet(epoch=1, revision=7, actor="desk", changes=changes)
    answer = rpb.WatchResponse(change_set=told, freshness=rpb.Freshness(epoch=1, revision=7))
    found = printed(answer, capsys)["change_set"]
    assert (found["revision"], found["actor"]) == ("7", "desk")
    first, gone, away, later = found["changes"]
    assert first["entity"]["venue_symbol"] == LISTING.venue_symbol
    assert first["entity"]["exact"]["tick_size"] == "0.01"
    assert "tick_size" not in first["entity"]
    assert (first["deleted"], first["archived"]) == (False, False)
    assert (gone["deleted"], gone["entity"]) == (True, None)
    assert (away["archived"], away["entity"]) == (True, first["entity"])
    assert later["entity"] == {"undecoded": "AQ=="}


def test_a_sign_of_life_is_freshness_alone(capsys: pytest.CaptureFixture[str]) -> None:
    answer = rpb.WatchResponse(freshness=rpb.Freshness(epoch=1, revision=7))
    assert printed(answer, capsys) == {"freshness": {"epoch": "1", "revision": "7"}}


def doubles(descriptor: Descriptor) -> list[FieldDescriptor]:
    return [f for f in descriptor.fields if f.type == FieldDescriptor.TYPE_DOUBLE]


@pytest.mark.parametrize("kind", MESSAGES)
def test_beside_every_double_that_is_not_printed_stands_its_exact_text(kind: str) -> None:
    descriptor = MESSAGES[kind].DESCRIPTOR
    parts = [f.message_type for f in descriptor.fields if f.message_type is not None]
    for each in (descriptor, *parts):
        for field in doubles(each):
            exact = each.fields_by_name.get("exact")
            inner = exact.message_type.fields_by_name if exact and exact.message_type else {}
            assert field.name in inner or f"{field.name}_exact" in each.fields_by_name


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=2 * VALUE_CHARS_MAX))
def test_people_see_each_value_whole_or_are_told_that_it_is_not_shown(note: str) -> None:
    asset = an_asset(metadata={"note": note})
    payload = entity_codec.encode(ASSET, asset)
    line = change_text(replication_pb2.Change(kind="asset", key=asset.asset_id, entity=payload))
    entity = entity_of("asset", payload)
    assert entity is not None
    whole = json.dumps(entity["metadata"], ensure_ascii=False, separators=(",", ":"))
    if "not shown, too long: metadata; see --json" in line:
        assert '"metadata"' not in line
        assert len(whole) > VALUE_CHARS_MAX
    else:
        shown = json.loads(line.removeprefix(f"asset {asset.asset_id} "))
        assert shown["metadata"] == entity["metadata"]
