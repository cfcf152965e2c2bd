"""The requests of typed writes, without a writer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from cqc.markets.v1 import symbol_pb2

import cqar
from cqar import structs
from cqar.sdk.write_requests import write_question
from tools.sdk_writes.methods import FILES, text_of


def test_the_methods_are_those_of_the_contract() -> None:
    """`make sdk-writes` writes them anew."""
    for path, is_async in FILES.items():
        assert path.read_text(encoding="utf-8") == text_of(is_async=is_async), path.name


def test_values_of_python_become_fields_of_the_request() -> None:
    question = write_question(
        "CreateSymbol",
        {
            "base_asset_id": "b",
            "quote_asset_id": "q",
            "symbol_type": "perpetual",
            "tick_size": Decimal("0.10"),
            "lot_size": 1,
            "expiry": dt.datetime(2026, 12, 25, tzinfo=dt.UTC),
            "underlying": None,
        },
    )
    request = question.request
    assert request.symbol_type == symbol_pb2.SYMBOL_TYPE_PERPETUAL
    assert (request.exact.tick_size, request.exact.lot_size) == ("0.1", "1")
    assert request.expiry.seconds == 1_798_156_800
    assert not request.HasField("underlying")
    chain = write_question("CreateChain", {"chain_id": "base", "network_id": 8453}).request
    assert (chain.id, chain.chain_id) == ("base", 8453)
    bands = [{"from_price": "0", "tick_size": Decimal("0.5")}]
    listed = write_question("CreateVenueSymbol", {"venue_id": "v", "tick_bands": bands}).request
    assert listed.tick_bands[0].tick_size == "0.5"


def test_parts_of_a_value_have_instants_and_small_decimals_too() -> None:
    at = dt.datetime(2026, 12, 25, 8, tzinfo=dt.timezone(dt.timedelta(hours=8)))
    phase = {"status": "halted", "starts_at": at}
    bands = [structs.ListingTickBand(from_price=Decimal(0), tick_size=Decimal("1E-8"))]
    values = {"venue_id": "v", "phases": [phase], "tick_bands": bands}
    request = write_question("CreateVenueSymbol", values).request
    assert request.phases[0].starts_at.ToDatetime(dt.UTC) == at
    assert request.tick_bands[0].tick_size == "0.00000001"
    phase["starts_at"] = at.replace(tzinfo=None)
    with pytest.raises(cqar.InvalidRequest, match="phases: .* has no time zone"):
        write_question("CreateVenueSymbol", values)


@pytest.mark.parametrize(
    ("rpc", "values", "said"),
    [
        ("CreateSymbol", {"tick_size": 0.1}, "tick_size: 0.1: give a Decimal"),
        ("CreateSymbol", {"tick_size": "1e400x"}, "tick_size: "),
        ("CreateSymbol", {"symbol_type": "spott"}, "symbol_type: 'spott' is none of spot"),
        ("CreateSymbol", {"expiry": dt.datetime(2026, 1, 1)}, "expiry: "),  # noqa: DTZ001
        ("CreateVenue", {"facts_stale_after_s": "x"}, "facts_stale_after_s: "),
        ("CreateVenueSymbol", {"phases": [{"nothing": 1}]}, "phases: "),
    ],
)
def test_what_no_field_can_have_is_named(rpc: str, values: dict[str, object], said: str) -> None:
    with pytest.raises(cqar.InvalidRequest, match=said.replace("(", r"\(")):
        write_question(rpc, values)
