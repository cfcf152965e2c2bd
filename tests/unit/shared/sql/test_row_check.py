"""An entity is filed where it says itself, by every lookup of its kind, and nowhere else."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from cqar_shared.codec import entity_codec
from cqar_shared.domain.kinds import KINDS
from cqar_shared.errors import DataLoss
from cqar_shared.sql import row_check
from tests.support.entity_builders import BTC, NOW, an_asset, an_id
from tests.support.kind_lifecycles import one_of_each
from tests.support.memory_registry_view import KIND_OF, completed

LOOKUPS = [(kind, name) for kind in KINDS if kind.client_writable for name in kind.lookups]


@pytest.mark.parametrize(
    ("kind", "lookup"), LOOKUPS, ids=lambda given: getattr(given, "name", given)
)
def test_an_entity_is_filed_under_its_own_values_only(kind: Any, lookup: str) -> None:
    entities = [completed(one) for one in one_of_each() if KIND_OF[type(one)] is kind]
    assert entities
    for entity in entities:
        key, payload = kind.key_of(entity), entity_codec.encode(kind, entity)
        for values in kind.lookups[lookup].values_of(entity):
            row_check.require_filed(kind, lookup, values, key, payload)
            for place in range(len(values)):
                other = (*values[:place], "another", *values[place + 1 :])
                with pytest.raises(DataLoss):
                    row_check.require_filed(kind, lookup, other, key, payload)


def test_a_row_of_current_that_holds_another_entity_is_logged_and_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind, payload = (
        KIND_OF[type(an_asset())],
        entity_codec.encode(KIND_OF[type(an_asset())], an_asset()),
    )
    row_check.require_own(kind, BTC, payload)
    with caplog.at_level(logging.ERROR), pytest.raises(DataLoss, match="cqar audit verify"):
        row_check.require_own(kind, an_id("eth"), payload)
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    with pytest.raises(DataLoss):
        row_check.require_own(kind, BTC, b"\xff")
    with pytest.raises(DataLoss):
        row_check.require_terms(an_id("listing"), NOW, b"\xff")
