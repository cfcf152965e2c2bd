"""At one revision a resolver answers every read as the writer does: answers, errors and pages."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any, Final, NamedTuple

import grpc
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from cqar.embedded.servers import EmbeddedServers
from cqar_shared.domain.kinds.symbol import OptionTypeCode, SymbolTypeCode
from cqar_shared.domain.kinds.symbol_identifier import SymbolDataSource
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode
from cqar_shared.lists.filter_names import NAMED
from cqar_writer.archiver import Archiver
from cqar_writer.mutations import Mutations
from cqar_writer.relays.change_relay import ChangeRelay
from tests.support.both_services import READS, Served, ServedStill, ServedTwice, pb, served
from tests.support.call_errors import Refusal, refusal_of
from tests.support.commits import commit
from tests.support.entity_builders import (
    BTC,
    NOW,
    USDT,
    a_chain,
    a_flag,
    a_group,
    a_key,
    a_symbol,
    a_symbol_identifier,
    a_venue,
    a_venue_asset,
    a_venue_symbol,
    an_id,
    an_identifier,
)
from tests.support.five_of_each import BTC_USDT, COINS, REGISTRY_OF_FIVES
from tests.unit.resolver.services.test_rpc_coverage import REGISTRY

Code = grpc.StatusCode
HOUR: Final = dt.timedelta(hours=1)
_RESOLVED: Final = {"resolved_at": NOW, "resolved_by": "desk", "resolution_notes": "refunded"}
_NO_TERMS: Final = {"tick_size": None, "lot_size": None}
_COIN_USDT: Final = a_symbol(base_asset_id=COINS[0]).symbol_id
OPTION: Final = a_symbol(
    symbol_type=SymbolTypeCode.OPTION,
    expiry=NOW + HOUR / 4,
    strike_price=Decimal(60_000),
    option_type=OptionTypeCode.CALL,
    settlement_asset_id=USDT,
)
#: Of what follows, by its name what is archived before anything is asked.
ARCHIVED: Final = ("past", "expired", "the option")
#: What lists and Get methods tell apart, beyond what there is five of.
MARKET: Final = (
    *REGISTRY_OF_FIVES,
    # A hyphen sorts before the slash of a key of two parts.
    *(a_venue("venue"), a_venue("venue-1-b"), a_chain(chain_id="chain", chain_name="Other")),
    *(a_venue_asset(venue_id="venue"), a_venue_asset(venue_id="venue-1-b")),
    a_venue_asset(venue_id="venue", asset_id=USDT, venue_asset_symbol="USDT"),
    a_group(BTC, *COINS, group_id=an_id("with members"), name="with members"),
    *(a_flag(flag_id=an_id(f"over {n}"), asset_id=COINS[n], **_RESOLVED) for n in range(3)),
    an_identifier(identifier_id=an_id("main"), external_id="main", is_primary=True),
    a_symbol_identifier(identifier_id=an_id("first"), external_id="first", is_primary=True),
    an_identifier(identifier_id=an_id("coin"), asset_id=COINS[1], external_id="coin"),
    a_symbol_identifier(
        identifier_id=an_id("figi"), data_source=SymbolDataSource.FIGI, external_id="BBG000BLNQ16"
    ),
    a_venue_symbol(
        listing_id=an_id("past"), venue_symbol="OLD", delisted_at=NOW, listed_at=NOW - HOUR
    ),
    OPTION,
    a_venue_symbol(
        listing_id=an_id("expired"),
        venue_symbol="EXPIRED",
        symbol_id=OPTION.symbol_id,
        listed_at=NOW - HOUR,
    ),
    a_venue_symbol(listing_id=an_id("ends"), venue_id="venue", delisted_at=NOW + 2 * HOUR),
    a_venue_symbol(listing_id=an_id("ends now"), venue_id="venue-1-b", delisted_at=NOW + HOUR),
    *(
        a_venue_symbol(
            listing_id=an_id(f"to come {n}"),
            venue_symbol="SOON",
            listed_at=NOW + n * HOUR,
            delisted_at=NOW + (n + 1) * HOUR,
            is_primary=False,
        )
        for n in (5, 3, 4)
    ),
    a_venue_symbol(
        listing_id=an_id("halted"),
        venue_symbol="COINUSDT",
        symbol_id=_COIN_USDT,
        status=MarketStatusCode.HALTED,
    ),
    a_venue_symbol(
        listing_id=an_id("alias"),
        venue_symbol="COIN/USDT",
        symbol_id=_COIN_USDT,
        alias_of="COINUSDT",
        **_NO_TERMS,
    ),
    a_key(),
)
_IDS: Final = (an_id("nobody"), "x", "a\0", "A" * 36)
#: Field -> what is asked for; first what there is.
VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "asset_id": (BTC, COINS[0], *_IDS),
    "symbol_id": (BTC_USDT, _COIN_USDT, OPTION.symbol_id, *_IDS),
    "base_asset_id": (BTC, *_IDS),
    "quote_asset_id": (USDT, *_IDS),
    "deployment_id": (an_id("on 1"), *_IDS),
    "group_id": (an_id("with members"), *_IDS),
    "chain_id": ("chain-1", "nowhere", "a\0", "x" * 200),
    "venue_id": ("binance", "venue", "venue-1", "nowhere", "Not-a-slug", "a\0"),
    "venue_symbol": (
        "BTCUSDT",
        "EXPIRED",
        "OLD",
        "SOON",
        "COIN/USDT",
        "none",
        " x",
        "a\0",
        "x" * 129,
    ),
    "name": ("with members", "g1", "none", "a\0"),
    "asset_type": (1, 2, 9, -1, 40_000),
    "category": ("meme", "gold", "a\0"),
    "chain_type": ("EVM", "evm", "a\0"),
    "group_type": ("basket", "none", "a\0"),
    "relationship_type": (1, 4, 9, -1),
    "symbol_type": (1, 4, -1),
    "venue_type": (1, 2, -1),
    "source": (1, 2, -1, 40_000),
    "data_source": (4, 5, 6, -1),
    "external_id": ("first", "main", "none", "BBG000BLNQ16", "BBG000BLNQ17", "a\0"),
    "flag_type": (3, 1, 9, -1),
    "min_severity": (4, 5, 9, -1, 40_000),
    "include_resolved": (True,),
    "include_delisted": (True,),
}
_PAGING: Final = {"page_size", "page_token"}
#: GetVenueSymbol is one query of both (`cqar_shared.queries.listings`).
RPCS: Final = [name for name in REGISTRY if name.startswith(READS) and name != "GetVenueSymbol"]
LIST_RPCS: Final = [name for name in RPCS if name.startswith("List")]


class Both(NamedTuple):
    writer: Served
    resolver: Served


@pytest.fixture
async def both(
    servers: EmbeddedServers,
    database: str,
    engine: AsyncEngine,
    relay: ChangeRelay,
    heads: None,
    mutations: Mutations,
) -> AsyncIterator[Both]:
    await commit(mutations, a_venue("binance"), *MARKET)
    later = Mutations(engine, lambda: NOW + HOUR)
    assert await Archiver(engine, later, HOUR / 2).step() == len(ARCHIVED)
    places = (database, servers.nats, engine, relay, NOW + HOUR)
    async with served("resolver", *places) as resolver:
        assert isinstance(resolver, ServedTwice)
        still = ServedStill(resolver, await resolver.caught_up())
        yield Both(Served(resolver.writer), still)


def requests_of(rpc: str) -> Iterator[dict[str, Any]]:
    """One with each set of fields that there are values for, and each value of each field."""
    fields = set(REGISTRY[rpc].input_type.fields_by_name) - _PAGING
    given = [[None, *VALUES[field]] for field in sorted(fields)]
    for values in itertools.product(*given):
        chosen = zip(sorted(fields), values, strict=True)
        yield {field: value for field, value in chosen if value is not None}


async def outcome(service: Served, rpc: str, request: dict[str, Any]) -> Any:
    """The answer or the error, and the revision that it is of, if it is of one."""
    try:
        answer, told = await service.read(rpc, getattr(pb, f"{rpc}Request")(**request))
    except grpc.aio.AioRpcError as error:
        refused = refusal_of(error)
        told = dict(error.trailing_metadata() or ())
        of = told["cqar-revision"] if refused.code is Code.NOT_FOUND else None
        return refused, of
    return answer, (told["cqar-revision"], told["cqar-epoch"])


async def same(both: Both, rpc: str, **request: Any) -> Any:
    """What both answer."""
    by_writer = await outcome(both.writer, rpc, request)
    by_resolver = await outcome(both.resolver, rpc, request)
    assert by_resolver == by_writer, f"{rpc} {request}"
    if not isinstance(by_writer[0], Refusal):
        written, resolved = (
            one[0].SerializeToString(deterministic=True) for one in (by_writer, by_resolver)
        )
        assert resolved == written
    return by_writer[0]


@pytest.mark.parametrize("rpc", RPCS)
async def test_whatever_is_asked_for_the_answers_and_errors_are_the_same(
    rpc: str, both: Both
) -> None:
    found, refused = 0, set()
    for request in requests_of(rpc):
        answer = await same(both, rpc, **request)
        if isinstance(answer, Refusal):
            refused.add(answer.code)
        else:
            found += not rpc.startswith("List") or answer.total_count > 0
    assert found > 0
    assert Code.INVALID_ARGUMENT in refused
    names = {field.name for field in getattr(pb, f"{rpc}Request").DESCRIPTOR.fields}
    assert (Code.NOT_FOUND in refused) == (not rpc.startswith("List") or bool(names & set(NAMED)))


@pytest.mark.parametrize("rpc", LIST_RPCS)
async def test_a_page_of_one_goes_on_at_the_other(rpc: str, both: Both) -> None:
    for size in (-1, 0, 1, 2, 1000, 1001):
        answer = await same(both, rpc, page_size=size)
        if size not in (1, 2):
            continue
        pages = 1
        while token := answer.next_page_token:
            answer = await same(both, rpc, page_size=size, page_token=token)
            pages += 1
        assert pages == -(-answer.total_count // size) > 1
    (first,) = [await same(both, rpc, page_size=1)]
    token = first.next_page_token
    other = "ListVenues" if rpc == "ListChains" else "ListChains"
    foreign = (await same(both, other, page_size=1)).next_page_token
    for bad in (foreign, token[:-4], token + "AAAA", "é", "A", token.swapcase()):
        refused = await same(both, rpc, page_size=1, page_token=bad)
        assert refused.violations == {("page_token", "OTHER_QUERY")}
