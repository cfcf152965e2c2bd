"""A mapping that was wrong from the start is taken back: now, as of any time, not from history."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from cqc.services.v1 import asset_registry_pb2 as pb
from cqc.venues.v1 import venue_symbol_pb2

from cqar.admin.connection import Connection
from cqar.cli import void_listing
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran

LISTED = "2024-01-02T00:00:00Z"
SINCE_THEN = "2024-03-01T00:00:00Z"


@pytest.fixture(scope="module")
async def stack_with_luna(stack: Stack) -> Stack:
    """LUNAUSDT and its alias mean the new Luna, which came later under the same ticker."""
    for ticker in ("LUNA", "LUNC", "USDT"):
        await stack.ok("asset", "add", ticker, "--name", ticker, "--type", "native")
    for base in ("LUNA", "LUNC"):
        await stack.ok("symbol", "add", base, "USDT", "--type", "spot")
    await stack.ok("venue", "add", "okx", "--name", "OKX", "--type", "cex")
    return stack


async def listed(stack: Stack, spelling: str, *more: str) -> str:
    added = await stack.ok(
        *("listing", "add", "okx", spelling, "LUNA/USDT", "--listed-at", LISTED), *(*more, "--json")
    )
    return str(added.document["venue_symbol"]["listing_id"])


async def resolved(stack: Stack, spelling: str, *more: str) -> Ran:
    """What a resolver says that has come as far as the writer."""
    head = ("--min-revision", str(await stack.head()))
    return await stack.cqar("resolve", "okx", spelling, *more, *head, "--json")


async def meant(stack: Stack, spelling: str, *more: str) -> str:
    found = await resolved(stack, spelling, *more)
    assert found.code == 0, found.err
    return str(found.document["symbol"]["symbol"])


async def test_a_wrong_mapping_never_was_and_its_history_stays(stack_with_luna: Stack) -> None:
    stack = stack_with_luna
    wrong = await listed(stack, "LUNAUSDT", "--tick-size", "0.0001", "--lot-size", "0.01")
    alias = await listed(stack, "LUNA-USDT", "--alias-of", "LUNAUSDT")
    assert await meant(stack, "LUNA-USDT", "--as-of", SINCE_THEN) == "LUNA/USDT"
    order = ("listing", "void", "okx", "LUNAUSDT", "--symbol", "LUNC/USDT", "--reason", "incident")

    refused = await stack.cqar(*order)
    assert refused.code == 2
    assert "give --yes or --plan" in refused.err
    planned = await stack.ok(*order, "--plan")
    assert all(word in planned.out for word in (wrong, alias, "LUNC/USDT", "Nothing was changed"))
    assert await meant(stack, "LUNAUSDT") == "LUNA/USDT"

    done = (await stack.ok(*order, "--yes", "--json")).document
    statuses = [outcome["status"].removeprefix("OUTCOME_STATUS_") for outcome in done["outcomes"]]
    assert statuses == ["DELETED", "DELETED", "CREATED", "CREATED"]
    for spelling in ("LUNAUSDT", "LUNA-USDT"):
        assert await meant(stack, spelling) == "LUNC/USDT"
        assert await meant(stack, spelling, "--as-of", SINCE_THEN) == "LUNC/USDT"
    shown = (await stack.ok("listing", "show", "okx", "LUNAUSDT", "--json")).document
    assert shown["venue_symbol"]["exact"] == {"tick_size": "0.0001", "lot_size": "0.01"}
    begin = dt.datetime.fromisoformat(shown["venue_symbol"]["listed_at"])
    assert begin == dt.datetime.fromisoformat(LISTED)

    told = (await stack.ok("history", f"venue_symbol:{wrong}", "--json")).document
    assert [entry.get("reason", "") for entry in told] == ["incident", ""]
    assert (await stack.ok("audit", "verify")).code == 0


async def test_what_somebody_changed_meanwhile_is_not_voided(
    stack_with_luna: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = stack_with_luna
    await listed(stack, "LUNA3", "--no-primary")
    look = void_listing._aliases

    def look_while_it_changes(connection: Connection, wrong: void_listing.Listing) -> Any:
        request = pb.UpdateVenueSymbolRequest(venue_id="okx", venue_symbol="LUNA3")
        request.status = venue_symbol_pb2.MARKET_STATUS_HALTED
        connection.call(connection.registry.UpdateVenueSymbol, request)
        return look(connection, wrong)

    monkeypatch.setattr(void_listing, "_aliases", look_while_it_changes)
    ran = await stack.cqar("listing", "void", "okx", "LUNA3", "--reason", "wrong", "--yes")
    assert (ran.code, "changed at revision" in ran.err) == (1, True)
    assert await meant(stack, "LUNA3") == "LUNA/USDT"


async def test_without_another_meaning_it_means_nothing(stack_with_luna: Stack) -> None:
    stack = stack_with_luna
    await listed(stack, "LUNAUSDT-OLD", "--no-primary")
    order = ("listing", "void", "okx", "LUNAUSDT-OLD", "--reason", "never was", "--yes")
    assert "voided, revision" in (await stack.ok(*order)).out
    for more in ((), ("--as-of", SINCE_THEN)):
        found = await resolved(stack, "LUNAUSDT-OLD", *more)
        assert (found.code, "no venue symbol" in found.err) == (3, True)
    again = await stack.cqar(*order)
    assert again.code == 3
    assert "Traceback" not in again.err


async def test_of_two_periods_one_is_to_be_named(stack_with_luna: Stack) -> None:
    stack = stack_with_luna
    first = await listed(stack, "LUNA2", "--no-primary")
    await stack.ok("listing", "rm", "okx", "LUNA2", "--delisted-at", "2024-02-01", "--yes")
    second = (
        await stack.ok(
            *("listing", "add", "okx", "LUNA2", "LUNC/USDT", "--no-primary", "--json"),
            *("--listed-at", SINCE_THEN),
        )
    ).document["venue_symbol"]["listing_id"]
    order = ("listing", "void", "okx", "LUNA2", "--reason", "wrong", "--yes")
    unclear = await stack.cqar(*order)
    assert unclear.code == 1
    assert first in unclear.err
    assert second in unclear.err
    await stack.ok(*order, "--listing", first)
    assert await meant(stack, "LUNA2") == "LUNC/USDT"
    then = await resolved(stack, "LUNA2", "--as-of", "2024-01-15")
    assert then.document["status"] == "RESOLUTION_STATUS_NOT_YET_LISTED"
