"""A change by one caller until it is committed, and until a resolver shows it; and many at once."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from bench.children import measured
from bench.ground import Ground
from bench.measured import Sample, at_share, spread
from bench.registry.market import Market
from bench.scale import Scale
from bench.setting import Setting
from bench.subject import Field, Subject
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

#: Listings that are changed in turn.
CHANGED: Final = 50
APPLIED: Final = 1_000


@asynccontextmanager
async def _open(setting: Setting) -> AsyncIterator[Field]:
    ground, scale = await setting.ground(setting.scale.middle), setting.scale
    await ground.resolver()
    yield Field(
        {
            "mutation": partial(_mutation, ground, "mutation", scale.mutations),
            "commit to visible": partial(_mutation, ground, "visible", scale.mutations),
            "Apply": partial(_apply, ground, scale),
            "PostgreSQL, one row": partial(
                _latencies, "postgres_commit", database=ground.database, count=scale.mutations
            ),
            "PostgreSQL, 1,000 rows": partial(_rows, ground, scale),
            "JetStream, one message": partial(
                _latencies, "jetstream_publish", nats=ground.nats, count=scale.mutations
            ),
        }
    )


async def _mutation(ground: Ground, what: str, count: int) -> Sample:
    writer, resolver = await ground.writer(), await ground.resolver()
    keys = [list(ground.market.spelled(number)) for number in _online(ground)]
    found = await measured(
        "changing:mutate",
        writer=writer.grpc,
        api_key=ground.key,
        resolver=resolver.grpc,
        keys=keys,
        count=count,
    )
    return spread(found[what])


def _online(ground: Ground) -> list[int]:
    """Some that trade, and are no alias."""
    found = []
    for number in range(ground.market.listings):
        listing = ground.market.listing(number)
        if listing.status is MarketStatusCode.ONLINE and not listing.alias_of:
            found.append(number)
        if len(found) == CHANGED:
            break
    return found


async def _latencies(probe: str, **arguments: object) -> Sample:
    return spread(await measured(f"changing:{probe}", **arguments))


async def _apply(ground: Ground, scale: Scale) -> Sample:
    writer = await ground.writer()
    size = min(APPLIED, ground.market.listings // 10)
    found = await measured(
        "changing:apply",
        writer=writer.grpc,
        api_key=ground.key,
        symbol_ids=symbols(ground.market, ground.market.listings),
        size=size,
        count=scale.applies,
    )
    return Sample({f"{what}_per_s": statistics.median(rates) for what, rates in found.items()})


def symbols(market: Market, most: int) -> list[str]:
    """Ids of symbols, each once."""
    return list(dict.fromkeys(market.listing(number).symbol_id for number in range(most)))


async def _rows(ground: Ground, scale: Scale) -> Sample:
    arguments = {"database": ground.database, "rows": APPLIED, "count": scale.applies * 2}
    rates = sorted(await measured("changing:postgres_rows", **arguments))
    return Sample({"rows_per_s": at_share(rates, 0.5)})


SUBJECT: Final = Subject("changing", _open)
