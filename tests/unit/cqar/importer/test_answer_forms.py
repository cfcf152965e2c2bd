"""What counts as a change of an answer's form, and what does not."""

from __future__ import annotations

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqar.importer import answer_forms
from cqar.importer.answer_forms import FormDifference, differences, form_of
from cqar.importer.form_findings import _declared, form_findings, forms_of, superseded
from cqar.importer.readers.registry import product_line_of, product_lines
from cqar.importer.saved_answers import DecodedAnswer, decode
from cqar_shared.domain.kinds.finding import FindingAction, FindingState, check_finding

NOW = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
json_values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=30,
)


def records(count: int = 10, **fields: Any) -> dict[str, Any]:
    return {"symbols": [{"symbol": f"S{n}", "tick": "0.1", **fields} for n in range(count)]}


def compared(before: Any, after: Any) -> list[FormDifference]:
    return list(differences(form_of([before]), form_of([after])))


def told(before: Any, after: Any) -> list[tuple[str, str, str | None]]:
    return [(d.path, d.before, d.after) for d in compared(before, after)]


@given(json_values)
def test_an_answer_has_the_form_that_it_has(value: Any) -> None:
    assert compared(value, copy.deepcopy(value)) == []


@given(json_values, json_values)
def test_any_two_answers_can_be_compared(before: Any, after: Any) -> None:
    assert all(d.before != d.after for d in compared(before, after))


def test_a_field_that_vanishes_is_named_once_with_the_type_that_it_had() -> None:
    before = records(filters=[{"tickSize": "0.1", "type": "PRICE"}])
    assert told(before, records(filters=[{"tick_size": "0.1", "type": "PRICE"}])) == [
        ("symbols[].filters[].tickSize", "number", None)
    ]
    assert told(before, records()) == [("symbols[].filters", "list", None)]


def test_a_field_that_changes_its_type_is_named_with_both() -> None:
    assert told(records(), records(tick={"size": "0.1"})) == [
        ("symbols[].tick", "number", "object")
    ]
    for nothing in (None, ""):
        assert told(records(), records(tick=nothing)) == [("symbols[].tick", "number", "null")]
    assert told(records(), records(tick="a tenth")) == [("symbols[].tick", "number", "text")]


def test_what_is_new_rare_or_of_few_records_is_no_change_of_form() -> None:
    assert told(records(), records(lot="1")) == []
    for nothing in (None, ""):
        assert told(records(expiry=nothing), records(expiry="5")) == []
    assert told(records(count=4, lot="1"), records(count=4)) == []
    assert told(records(count=3), records(count=3, tick=None)) == []
    rare = records()
    rare["symbols"][0]["note"] = "x"
    assert told(rare, records()) == []
    assert told(records(), {"symbols": []}) == []


def test_keys_that_are_data_are_no_fields() -> None:
    before = {f"P{n}": {"tick": "0.1"} for n in range(20)}
    after = {f"Q{n}": {"tick": "0.1"} for n in range(20)}
    assert told({"result": before}, {"result": after}) == []
    gone = {name: {"step": "0.1"} for name in after}
    assert told({"result": before}, {"result": gone}) == [("result[].tick", "number", None)]


def test_the_form_of_a_large_answer_is_bounded() -> None:
    wide = {"data": [{f"f{n}_{m}": {} for m in range(200)} for n in range(200)]}
    whole = form_of([wide])

    def count(form: answer_forms.FieldForm) -> int:
        inner = [*form.fields.values(), *([form.items] if form.items else [])]
        return len(form.fields) + sum(map(count, inner))

    assert count(whole) <= answer_forms.FIELDS_MAX
    deep: Any = "x"
    for _ in range(50):
        deep = {"a": deep}
    assert count(form_of([deep])) <= answer_forms.DEPTH_MAX


# ---------------------------------------------------------------- findings

PAIRS = "public/AssetPairs"


def kraken(**changes: Any) -> DecodedAnswer:
    pairs = {f"P{n}": {"altname": f"P{n}", "tick_size": "0.1", "note": 1} for n in range(9)}
    result = {
        name: {k: v for k, v in {**p, **changes}.items() if v != "gone"}
        for name, p in pairs.items()
    }
    return decode(PAIRS, json.dumps({"error": [], "result": result}).encode(), PAIRS)


def found(before: DecodedAnswer, after: DecodedAnswer, *, is_read: bool = True) -> list[Any]:
    line = product_line_of("kraken")
    assert line is not None
    old, new = (forms_of(line, [answer], NOW) for answer in (before, after))
    return form_findings(line, "kraken", old, new, is_read=is_read)


def test_only_what_the_reader_declares_is_a_finding_and_the_writer_takes_it() -> None:
    before = kraken()
    assert found(before, kraken(note="gone")) == []
    (finding,) = found(before, kraken(tick_size="gone"))
    assert finding.action is FindingAction.QUARANTINE
    assert finding.records[0].sha256 == before.sha256
    assert list(check_finding(None, finding, None)) == []  # type: ignore[arg-type]


def test_the_same_difference_is_the_same_finding_whatever_else_the_answers_say() -> None:
    first, again = (
        found(kraken(ordermin=n), kraken(tick_size="gone", ordermin=n, costmin=n))[0]
        for n in ("1", "2")
    )
    assert first.finding_id == again.finding_id
    (other,) = found(kraken(), kraken(tick_size={}))
    assert other.finding_id != first.finding_id


def test_an_answer_that_says_what_is_wrong_has_not_changed_its_form() -> None:
    busy = decode(PAIRS, b'{"error": ["EService:Busy"]}', PAIRS)
    assert found(kraken(), busy, is_read=False) == []


def test_what_was_found_before_and_is_not_so_any_more_is_over() -> None:
    (finding,) = found(kraken(), kraken(tick_size="gone"))
    open_ = msgspec.structs.replace(finding, state=FindingState.OPEN)
    (over,) = superseded([open_], "kraken", [])
    assert over.state is FindingState.SUPERSEDED
    assert superseded([open_], "kraken", [finding]) == []
    assert superseded([open_], "okx", []) == []


@pytest.mark.parametrize("venue_id", sorted(product_lines()))
def test_every_field_that_a_reader_declares_has_its_line(venue_id: str) -> None:
    line = product_lines()[venue_id]
    root = Path(__file__).parents[4]
    for form in (*line.forms, *line.currencies):
        for where in _declared(form.record).values():
            file, _, number = where.partition(":")
            assert root.joinpath(file).read_text().splitlines()[int(number) - 1].strip()
