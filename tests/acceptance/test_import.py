"""From venues' own listings to resolved symbols, on real files, through the whole stack.

What `Resolve` answers is compared with what the venue's reader reads, which `tests/readers`
compares with the raw records. The tests of this module build on each other, as imports do.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from cqc.resolver.v1 import resolver_pb2 as pb
from cqc.resolver.v1.resolver_pb2_grpc import ResolverStub
from cqc.venues.v1 import venue_symbol_pb2

from cqar_shared.domain.decimals import plain
from tests.acceptance.conftest import Stack, saved
from tests.acceptance.listed_markets import listed_markets

BINANCE_2021: Final = ("binance", "spot_exchangeInfo_2021-10-12.json")
BINANCE_2022: Final = ("binance", "spot_exchangeInfo_2022-11-28.json")
KRAKEN_2021: Final = ("kraken", "AssetPairs_2021-04-17.json")
KRAKEN_2025: Final = ("kraken", "AssetPairs_2025-06-11.json")

REQUESTS: Final = {
    "binance": "exchangeInfo",
    "binance-usdm": "exchangeInfo",
    "coinbase": "products",
    "gate": "spot/currency_pairs",
    "kraken": "AssetPairs",
    "kucoin": "symbols",
    "okx": "instruments?instType=SPOT",
}


@pytest.fixture(scope="module")
async def registry(stack: Stack) -> Stack:
    """Assets, chains and venues of the catalogue; no listings, so that each file tells its own."""
    await stack.ok("catalogue", "load", "--no-listings")
    return stack


#: File -> (spelling, field) -> the old value, where people decide whether the file's is taken.
_left: dict[Path, dict[tuple[str, str], str]] = {}


async def import_file(stack: Stack, venue: str, name: str, path: Path, at: str, *more: str) -> Any:
    ran = await stack.ok("import", venue, "--file", f"{name}={path}", "--at", at, "--json", *more)
    document = ran.document
    assert document["rejected"] == []
    assert document["applied"]["rejected"] == []
    _left.setdefault(path, {}).update(left_to_people(document))
    return document


def left_to_people(document: Any) -> dict[tuple[str, str], str]:
    return {
        (finding["venue_symbol"], difference["field"]): difference["before"] or ""
        for finding in document["findings"]
        if finding["action"] != "APPLY"
        for difference in finding.get("differences", ())
    }


async def resolve_all(
    stack: Stack, venue: str, spellings: Iterable[str], as_of: str = ""
) -> list[pb.Resolution]:
    """Through a resolver, once it has the newest revision; as of a day, if given."""
    newest = await stack.revision()
    keys = [pb.VenueSymbolKey(venue_id=venue, venue_symbol=s) for s in spellings]
    found: list[pb.Resolution] = []
    async with grpc.aio.insecure_channel(
        stack.endpoints.resolvers[1], options=[("grpc.max_receive_message_length", 2**24)]
    ) as channel:
        resolver = ResolverStub(channel)
        while (await resolver.GetStatus(pb.GetStatusRequest())).freshness.revision < newest:
            pass
        for start in range(0, len(keys), 1000):
            request = pb.ResolveBatchRequest(keys=keys[start : start + 1000])
            if as_of:
                request.as_of.FromJsonString(f"{as_of}T00:00:00Z")
            found += (await resolver.ResolveBatch(request)).resolutions
    return found


async def require_as_listed(
    stack: Stack, venue: str, path: Path, as_of: str = "", over: frozenset[str] = frozenset()
) -> None:
    """Steps, minimum and status of every market, as exact strings, but for what people decide.

    Args:
        over: Spellings of which the file says nothing any more by then.
    """
    listed = {
        spelling: market
        for spelling, market in listed_markets(venue, REQUESTS[venue], path).items()
        if spelling not in over
    }
    found = await resolve_all(stack, venue, listed, as_of)
    left = _left.get(path, {})
    wrong = {}
    for market, resolution in zip(listed.values(), found, strict=True):
        assert resolution.status == pb.RESOLUTION_STATUS_FOUND, market.spelling
        status = venue_symbol_pb2.MarketStatus.Name(resolution.venue_symbol.status)
        specs, exact = resolution.specs, resolution.venue_symbol.exact
        stated = {
            "tick_size": (specs.tick_size, market.tick_size),
            "lot_size": (specs.lot_size, market.lot_size),
            "min_order_size": (specs.min_order_size, market.min_order_size),
            "max_order_size": (specs.max_order_size, market.max_order_size),
            "market_max_size": (exact.market_max_size, market.market_max_size),
            "status": (
                status.removeprefix("MARKET_STATUS_"),
                market.status.name if market.status else "ONLINE",
            ),
        }
        for what, (ours, listed_value) in stated.items():
            expected = plain(listed_value) if isinstance(listed_value, Decimal) else listed_value
            expected = left.get((market.spelling, what), expected)
            if ours != (expected or ""):
                wrong[market.spelling, what] = (ours, expected)
    assert wrong == {}


async def test_binance_spot_2021_is_as_the_venue_says(registry: Stack) -> None:
    path = saved(*BINANCE_2021)
    document = await import_file(registry, "binance", "exchangeInfo", path, "2021-10-12")
    assert document["counts"]["listed"] == 1695
    await require_as_listed(registry, "binance", path)


async def test_where_each_value_is_from_is_kept_and_told(registry: Stack) -> None:
    content = saved(*BINANCE_2021).read_bytes()
    told = (await registry.ok("explain", "binance", "ETHBTC", "--json")).document
    source = told["source"]
    assert (source["reader"], source["request"]) == ("binance/1", "exchangeInfo")
    assert source["sha256"] == hashlib.sha256(content).hexdigest()
    assert source["raw"]["symbol"] == "ETHBTC"
    assert told["terms"]["tick_size"] == "0.000001"
    assert [(b["what"], b["code"]) for b in told["bindings"]] == [("base", "ETH"), ("quote", "BTC")]
    assert {b["evidence"] for b in told["bindings"]} == {"REVIEWED"}
    assert told["findings"] == []


async def test_importing_the_same_file_again_takes_no_revision(registry: Stack) -> None:
    before = await registry.revision()
    path = saved(*BINANCE_2021)
    document = await import_file(registry, "binance", "exchangeInfo", path, "2021-10-12")
    after = await registry.revision()
    assert {name: n for name, n in document["counts"].items() if n} == {"unchanged": 1695}
    assert after == before


async def test_a_plan_changes_nothing_and_counts_what_2022_changed(registry: Stack) -> None:
    before = await registry.revision()
    file = f"exchangeInfo={saved(*BINANCE_2022)}"
    arguments = ("import", "binance", "--file", file, "--at", "2022-11-28", "--plan")
    document = (await registry.ok(*arguments, "--json")).document
    after = await registry.revision()

    assert (document["applied"], after) == (None, before)
    # BTT left and came back as another coin: its 11 spellings begin anew. So do LUNA's 5: the code
    # means Terra 2.0 since 2022-05.
    assert document["counts"]["listed"] == 444 + 11 + 5
    listed = [entry["status"] for entry in document["listed"]]
    assert (listed.count("ONLINE"), listed.count("HALTED")) == (397 + 2, 47 + 11 + 3)
    # What is missing for the first time is doubted; it is not over yet.
    assert (document["counts"]["delisted"], document["counts"]["doubted"]) == (11 + 5, 15)
    fields = document["fields_changed"]
    left = Counter(field for _, field in left_to_people(document))
    steps = [
        fields.get(name, 0) + left[name] for name in ("tick_size", "lot_size", "min_order_size")
    ]
    assert steps == [175 - 5, 8, 8]
    assert left["tick_size"] > 0
    # Of 209 that went to BREAK, 24 were leveraged tokens, which nobody might trade on spot, 9 are
    # of BTT, and 3 of LUNA.
    assert fields["status ONLINE → HALTED"] == 173
    assert fields["status HALTED → ONLINE"] == 6


async def test_binance_spot_2022_is_as_the_venue_says(registry: Stack) -> None:
    path = saved(*BINANCE_2022)
    await import_file(registry, "binance", "exchangeInfo", path, "2022-11-28")
    await require_as_listed(registry, "binance", path)


async def test_as_of_each_files_day_every_market_is_as_that_file_says(registry: Stack) -> None:
    await require_as_listed(registry, "binance", saved(*BINANCE_2021), "2021-10-12")
    # LUNA's spellings of 2021 were over by then: the code meant another coin.
    luna = frozenset(f"LUNA{quote}" for quote in ("BNB", "BTC", "BUSD", "EUR", "USDT"))
    await require_as_listed(registry, "binance", saved(*BINANCE_2021), "2022-11-27", luna)
    await require_as_listed(registry, "binance", saved(*BINANCE_2022), "2022-11-28")
    changed = "REEFUSDT"
    ticks = {}
    for day in ("2021-10-11", "2021-10-12", "2022-11-28"):
        ran = await registry.ok("resolve", "binance", changed, "--as-of", day, "--json")
        assert "tradeable" not in ran.document
        ticks[day] = ran.document.get("specs", {}).get("tick_size")
    old, new = (
        {
            spelling: plain(market.tick_size)
            for spelling, market in listed_markets("binance", "exchangeInfo", saved(*file)).items()
            if market.tick_size is not None
        }
        for file in (BINANCE_2021, BINANCE_2022)
    )
    assert ticks == {"2021-10-11": None, "2021-10-12": old[changed], "2022-11-28": new[changed]}
    assert old[changed] != new[changed]
    table = (await registry.ok("resolve", "binance", changed, "--as-of", "2020-01-01")).out
    assert "not known" in table


async def test_what_is_missing_is_not_opened_and_what_stays_missing_is_over(
    registry: Stack,
) -> None:
    files = (saved(*BINANCE_2021), saved(*BINANCE_2022))
    old, new = (listed_markets("binance", "exchangeInfo", file).keys() for file in files)
    missing = sorted(old - new)
    doubted = await resolve_all(registry, "binance", missing)
    assert {r.status for r in doubted} == {pb.RESOLUTION_STATUS_FOUND}
    assert {tuple(r.venue_symbol.doubts) for r in doubted} == {("SOURCE_MISSING",)}
    assert {r.tradeable.open.allowed for r in doubted} == {False}
    assert {r.tradeable.cancel.allowed for r in doubted} == {True}
    await import_file(registry, "binance", "exchangeInfo", files[1], "2022-11-28T00:10:00Z")
    gone = await resolve_all(registry, "binance", missing)
    assert {r.status for r in gone} == {pb.RESOLUTION_STATUS_DELISTED}
    # It was over when it was first missed.
    assert {r.venue_symbol.delisted_at.ToJsonString() for r in gone} == {"2022-11-28T00:00:00Z"}


async def test_binance_usdm_is_another_namespace(registry: Stack) -> None:
    path = saved("binance", "usdm_exchangeInfo_2021-07-22.json")
    file = f"exchangeInfo={path}"
    multipliers = ("--multiplier", "1000SHIB=SHIB:1000")
    arguments = ("import", "binance-usdm", "--file", file, "--at", "2021-07-22", "--json")
    document = (await registry.ok(*arguments, *multipliers)).document
    assert document["rejected"] == []
    # Its quarterlies have expired since.
    await require_as_listed(registry, "binance-usdm", path, "2021-07-22")
    (spot,) = await resolve_all(registry, "binance", ["BTCUSDT"])
    shib, perpetual = await resolve_all(registry, "binance-usdm", ["1000SHIBUSDT", "BTCUSDT"])
    assert (spot.symbol.symbol, perpetual.symbol.symbol) == ("BTC/USDT", "BTC/USDT:USDT")
    assert (shib.symbol.symbol, shib.specs.unit_multiplier) == ("SHIB/USDT:USDT", "1000")


async def test_kraken_2021_then_2025_is_as_the_venue_says(registry: Stack) -> None:
    first, second = saved(*KRAKEN_2021), saved(*KRAKEN_2025)
    await import_file(registry, "kraken", "AssetPairs", first, "2021-04-17")
    await require_as_listed(registry, "kraken", first)
    # Kraken dropped 30 % of its pairs in these years: that is not believed unasked.
    document = await import_file(
        registry, "kraken", "AssetPairs", second, "2025-06-11", "--allow-mass-change"
    )
    assert document["counts"]["doubted"] > 0
    await require_as_listed(registry, "kraken", second)


async def test_krakens_three_spellings_are_one_symbol(registry: Stack) -> None:
    saved(*KRAKEN_2025)
    names = ("XXBTZUSD", "XBTUSD", "XBT/USD")
    answers = [(await registry.ok("resolve", "kraken", n, "--json")).document for n in names]
    assert len({a["symbol"]["symbol_id"] for a in answers}) == 1
    assert {a["base_asset"]["name"] for a in answers} == {"Bitcoin"}
    assert {a["specs"]["tick_size"] for a in answers} == {"0.1"}


async def test_two_coins_that_share_a_unified_code_stay_two(registry: Stack) -> None:
    """Kraken's REPV2 and REP: both were called REP by others."""
    saved(*KRAKEN_2025)
    (old, new) = await resolve_all(registry, "kraken", ["XREPZEUR", "REPV2EUR"])
    assert old.base_asset.asset_id != new.base_asset.asset_id


@pytest.mark.parametrize(
    ("venue", "name", "parts", "at"),
    [
        ("coinbase", "products", ("coinbase", "exchange_products_2021-04-17.json"), "2021-04-17"),
        (
            "gate",
            "spot/currency_pairs",
            ("gate", "spot_currency_pairs_2021-04-22.json"),
            "2021-04-22",
        ),
        ("kucoin", "symbols", ("kucoin", "symbols_2021-04-25.json"), "2021-04-25"),
        ("okx", "instruments?instType=SPOT", ("okx", "instruments_SPOT_2022-05-13.json"), "2022"),
    ],
)
async def test_every_market_is_as_the_venue_says(
    registry: Stack, venue: str, name: str, parts: tuple[str, str], at: str
) -> None:
    at = at if len(at) > 4 else "2022-05-13"
    path = saved(*parts)
    document = await import_file(registry, venue, name, path, at)
    listed = listed_markets(venue, name, path)
    assert document["counts"]["listed"] >= len(listed)
    await require_as_listed(registry, venue, path)


async def test_a_venue_that_states_no_steps_refuses_orders(registry: Stack) -> None:
    """Upbit lists names. ccxt has a tick and a lot of 1e-8 for all of them."""
    path = saved("upbit", "market_all_2021-04-17.json")
    document = await import_file(registry, "upbit", "market/all", path, "2021-04-17")
    assert {b["code"] for b in document["bindings"]} >= {"BTC", "KRW"}
    (found,) = await resolve_all(registry, "upbit", ["KRW-BTC"])
    assert (found.specs.tick_size, found.specs.lot_size) == ("", "")
    order = ("--price", "70000000", "--quantity", "0.01", "--side", "buy")
    ran = await registry.cqar("check", "upbit", "KRW-BTC", *order, "--json")
    assert (ran.code, ran.document.get("allowed", False)) == (1, False)
    assert {reason["code"] for reason in ran.document["reasons"]} >= {"STEPS_UNKNOWN"}


async def test_a_venue_without_a_reader_is_read_by_ccxt_and_says_so(registry: Stack) -> None:
    path = saved("lighter", "fixture_orderBookDetails.json")
    known = '{"ccxt_id": "lighter", "market_types": ["swap"]}'
    named = ("--name", "Lighter", "--type", "cex", "--operator", "lighter", "--metadata", known)
    await registry.ok("venue", "add", "lighter", *named)
    file = ("--file", f"orderBookDetails={path}", "--at", "2026-01-01")
    told = " ".join((await registry.ok("import", "lighter", *file, "--plan")).out.split())
    assert "1 rows are read UNREVIEWED" in told
    assert "Nothing was changed: this is a plan." in told
    document = (await registry.ok("import", "lighter", *file, "--json")).document
    assert (document["reader"]["name"], document["applied"]["rejected"]) == (
        "ccxt, unreviewed",
        [],
    )
    (found,) = await resolve_all(registry, "lighter", ["0"])
    assert found.venue_symbol.metadata["reader"] == "ccxt, unreviewed"
    newest = ("--min-revision", str(await registry.head()))
    assert "ccxt, unreviewed" in (await registry.ok("resolve", "lighter", "0", *newest)).out
    (binance,) = await resolve_all(registry, "binance", ["BTCUSDT"])
    assert "reader" not in binance.venue_symbol.metadata


async def test_a_plan_that_was_reviewed_is_applied_as_it_was_or_not_at_all(
    registry: Stack, tmp_path: Path
) -> None:
    path, plan = saved("bitstamp", "trading_pairs_info_recent.json"), tmp_path / "plan.json"
    file = ("--file", f"trading-pairs-info={path}", "--at", "2026-08-01")
    out = ("import", "bitstamp", *file, "--out", str(plan))
    document = (await registry.ok(*out, "--json")).document
    assert (document["applied"], document["counts"]["listed"]) == (None, 206)
    rows = (await registry.ok("import", "bitstamp", *file, "--plan", "--tsv")).out.splitlines()
    assert len(rows) == 1 + len(document["rows"]) + len(document["findings"])
    assert {row.count("\t") for row in rows} == {9}

    altered, whole = tmp_path / "altered.json", json.loads(plan.read_text())
    whole["items"][-1] = whole["items"][0]
    altered.write_text(json.dumps(whole))
    assert "altered" in (await registry.cqar("import", "apply", str(altered))).err

    applied = (await registry.ok("import", "apply", str(plan), "--json")).document
    assert applied["rejected"] == []
    again = (await registry.ok("import", "apply", str(plan), "--json")).document
    assert (again["created"], again["updated"]) == (0, 0)
    (found,) = await resolve_all(registry, "bitstamp", ["btcusd"])
    market = listed_markets("bitstamp", "trading-pairs-info", path)["btcusd"]
    assert Decimal(found.specs.tick_size) == market.tick_size

    lowered = path.read_text().replace('"minimum_order": "20.0 USD"', '"minimum_order": "15.0 USD"')
    lowered = lowered.replace('"minimum_order":"20.0 USD"', '"minimum_order":"15.0 USD"')
    newer = tmp_path / "newer.json"
    newer.write_text(lowered)
    second = ("import", "bitstamp", "--file", f"trading-pairs-info={newer}")
    await registry.ok(*second, "--at", "2026-09-01", "--out", str(plan))
    moved = ("--maker-fee", "0.001", "--reason", "meanwhile")
    await registry.ok("listing", "set", "bitstamp", "btcusd", *moved)
    before = await registry.revision()
    ran = await registry.cqar("import", "apply", str(plan))
    assert (ran.code, await registry.revision()) == (1, before)
    assert "entities changed since the plan was made" in ran.err


async def test_one_junk_row_stops_nothing_else(registry: Stack, tmp_path: Path) -> None:
    document = json.loads(saved(*BINANCE_2022).read_text())
    document["symbols"] += [{"symbol": "JUNK"}, {"symbol": "BADTICK", **_bad_tick(document)}]
    path = tmp_path / "junk.json"
    path.write_text(json.dumps(document))
    file = f"exchangeInfo={path}"
    ran = await registry.ok("import", "binance", "--file", file, "--at", "2022-11-29", "--json")
    unreadable = {row["name"]: row["reason"] for row in ran.document["reader"]["unreadable"]}
    assert unreadable.keys() == {"JUNK", "BADTICK"}
    assert "tickSize is -0.01" in unreadable["BADTICK"]
    terms = ("delisted_at", "base_asset_id")
    left = {name for name, field in _left[saved(*BINANCE_2022)] if field not in terms}
    assert ran.document["counts"]["unchanged"] == 2124 - len(left)
    assert {finding["kind"] for finding in ran.document["findings"]} <= {"GONE"}


def _bad_tick(document: Any) -> dict[str, Any]:
    record = json.loads(json.dumps(document["symbols"][0]))
    del record["symbol"]
    for rule in record["filters"]:
        if rule["filterType"] == "PRICE_FILTER":
            rule["tickSize"] = "-0.01"
    return dict(record)


@pytest.mark.parametrize(
    "content",
    ["{}", "[]", "null", "<html>", "", '{"error":["EGeneral:Internal error"]}'],
)
async def test_a_file_that_is_not_the_venues_is_refused_whole(
    registry: Stack, tmp_path: Path, content: str
) -> None:
    await refuse_kraken_file(registry, tmp_path, content, "AssetPairs")


async def test_a_listing_of_nothing_is_refused_and_stated_for_a_person_to_decide(
    registry: Stack, tmp_path: Path
) -> None:
    said = await refuse_kraken_file(registry, tmp_path, '{"result":{}}', "AssetPairs", revisions=1)
    assert "looks like a cut-off file" in said


async def test_another_venues_file_is_refused_whole(registry: Stack, tmp_path: Path) -> None:
    content = saved(*BINANCE_2021).read_text()
    await refuse_kraken_file(registry, tmp_path, content, "AssetPairs")


async def test_a_file_for_a_request_nobody_makes_is_refused(
    registry: Stack, tmp_path: Path
) -> None:
    ran = await refuse_kraken_file(registry, tmp_path, "{}", "exchangeInfo")
    assert "kraken is asked for: public/AssetPairs" in ran


async def test_an_old_file_is_not_taken_for_the_present(registry: Stack) -> None:
    before = await registry.revision()
    ran = await registry.cqar("import", "binance", "--file", f"exchangeInfo={saved(*BINANCE_2022)}")
    assert (ran.code, await registry.revision()) == (1, before)
    assert "give --at 2022-11-28T" in ran.err


async def test_a_cut_off_listing_is_refused_without_a_flag(registry: Stack, tmp_path: Path) -> None:
    document = json.loads(saved(*KRAKEN_2025).read_text())
    document["result"] = dict(list(document["result"].items())[:100])
    content = json.dumps(document)
    # What it lacks is sent, so that a person can decide it; the same again is the same.
    said = await refuse_kraken_file(registry, tmp_path, content, "AssetPairs", revisions=1)
    assert "--allow-mass-change" in said
    assert "cqar findings approve" in said
    assert await refuse_kraken_file(registry, tmp_path, content, "AssetPairs") == said


async def refuse_kraken_file(
    stack: Stack, tmp_path: Path, content: str, name: str, *, revisions: int = 0
) -> str:
    before = await stack.revision()
    path = tmp_path / "file.json"
    path.write_text(content)
    ran = await stack.cqar("import", "kraken", "--file", f"{name}={path}")
    after = await stack.revision()
    assert ran.code != 0
    assert ran.err.startswith("cqar: ")
    assert "Traceback" not in ran.err
    assert after == before + revisions
    return ran.err
