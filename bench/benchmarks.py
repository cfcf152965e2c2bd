"""The benchmarks: which cases each has, and how a round of each case is measured."""

from __future__ import annotations

import asyncio
import resource
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import lmdb
import redis.asyncio
from cqc.resolver.v1 import resolver_pb2 as pb

from bench import h2load
from bench.child import Child, probe, start_probe
from bench.h2load import RESOLVE, RESOLVE_BATCH, Target, batch_request, call, resolve_request
from bench.market import Market
from bench.probes.lookups import stored_key
from bench.registry_database import commit_burst, prepare_burst
from bench.results import Figures, NotMeasured, latency_figures
from bench.stack import Registries, RegistryStack, pick_addresses, size_name
from cqar_shared.domain.kinds.finding import FindingAction, FindingState
from cqar_shared.domain.kinds.venue_symbol import MarketStatusCode

#: Different spellings that are asked for in turn.
KEYS: Final = 1_000
CALLERS: Final = (1, 8, 32)
BATCH_CALLERS: Final = (1, 4)
#: Listings that mutations change in turn.
CHANGED: Final = 50
APPLIED: Final = 1_000
MAP_BYTES: Final = 64 * 1024 * 1024
#: Well below what one process can answer, so that latencies show pauses and not queues.
LOOKUPS_PER_S: Final = 250.0
BURST_KEYS: Final = 200
BURST_S: Final = 120.0
#: For a resolver that is ready to settle, before its memory is read.
SETTLE_S: Final = 1.5

#: Measures one round of a case.
Measure = Callable[[], Awaitable[Figures]]
#: By name.
Cases = dict[str, Measure]


class Benchmark(NamedTuple):
    """Cases that are measured in turn and kept in one file.

    Attributes:
        open: Prepares the cases for as long as the block lasts; NotMeasured if it cannot.
        rounds_max: A bound, where a round takes minutes.
        is_large: Whether it needs the largest registry.
    """

    name: str
    open: Callable[[Registries], AbstractAsyncContextManager[Cases]]
    rounds_max: int = 100
    is_large: bool = False


def case_name(what: str, transport: str, callers: int) -> str:
    return f"{what}, {transport}, {callers} caller{'s' * (callers > 1)}"


def listed_keys(market: Market, count: int = KEYS) -> list[list[str]]:
    """(venue, spelling) of listings from all over the market that have not ended, each once."""
    numbers: dict[int, None] = {}
    for start in range(0, market.listings, max(1, market.listings // count)):
        number = start
        while market.listing(number).delisted_at is not None:
            number = (number + 1) % market.listings
        numbers[number] = None
    return [market.key(number) for number in numbers][:count]


async def _latencies(function: str, **arguments: Any) -> Figures:
    """Of a probe that returns latencies, alone or with other figures."""
    found = await probe(function, **arguments)
    others = found if isinstance(found, dict) else {"latencies_us": found}
    return latency_figures(others.pop("latencies_us"), **others)


# ---------------------------------------------------------------- lookups on one machine


@asynccontextmanager
async def _in_process(registries: Registries) -> AsyncIterator[Cases]:
    stack = await registries.of_size(registries.scale.middle)
    await stack.writer()
    given = {"keys": listed_keys(stack.market), "seconds": registries.scale.seconds}
    served = {"database": stack.database, "nats": stack.nats, "live": True}
    yield {
        "Replica": partial(_latencies, "lookups:replica", **given, **served),
        "ccxt safe_market": partial(_latencies, "lookups:ccxt_safe_market", **given),
        "a dict, through a function": partial(_latencies, "lookups:plain_dict", **given),
    }


@asynccontextmanager
async def _other_process(registries: Registries) -> AsyncIterator[Cases]:
    stack = await registries.of_size(registries.scale.middle)
    resolver, keys = await stack.resolver(), listed_keys(stack.market)
    answer = await call(resolver.grpc, RESOLVE_BATCH, batch_request(keys))
    resolutions = pb.ResolveBatchResponse.FromString(answer).resolutions
    values = {
        stored_key(*key): resolution.SerializeToString()
        for key, resolution in zip(keys, resolutions, strict=True)
    }
    path, published = str(stack.folder / "lmdb"), str(stack.folder / "replica")
    with lmdb.open(path, map_size=MAP_BYTES) as environment, environment.begin(write=True) as tx:
        for stored, value in values.items():
            tx.put(stored, value)
    async with (
        redis.asyncio.Redis.from_url(stack.redis) as store,
        stack.run_resolver("publishing", replica_path=published),
    ):
        socket = str((await store.config_get("unixsocket"))["unixsocket"])
        server = {"socket": socket, "password": urlsplit(stack.redis).password}
        await store.mset(values)
        measure = partial(partial, _latencies, keys=keys, seconds=registries.scale.seconds)
        yield {
            "Redis GET, Unix socket": measure("lookups:redis_get", **server),
            "LMDB get": measure("lookups:lmdb_get", path=path, parsed=False),
            "LMDB get, parsed": measure("lookups:lmdb_get", path=path, parsed=True),
            "LocalReplica": measure("lookups:local_replica", path=published),
        }
        await store.delete(*values)


# ---------------------------------------------------------------- gRPC


@asynccontextmanager
async def _targets(
    stack: RegistryStack, what: str, method: str, request: bytes
) -> AsyncIterator[dict[tuple[str, str], Target]]:
    """(what, transport) -> target: the resolver, and an empty handler that gives its answer."""
    if not h2load.installed():
        raise NotMeasured(h2load.NOT_INSTALLED)
    resolver = await stack.resolver()
    answer = await call(resolver.grpc, method, request)
    path, socket = stack.folder / f"answer-{what}", str(stack.folder / "empty.sock")
    path.write_bytes(answer)
    given = {"answer": str(path), "address": pick_addresses()[0], "socket": socket}
    async with start_probe("empty_server:serve", **given) as empty:
        await empty.until_ready()
        yield {
            # Later, a resolver's answer may say less of its freshness.
            (what, "TCP"): Target(resolver.grpc, method, request, len(answer) // 2),
            (what, "Unix"): Target(f"unix:{resolver.socket}", method, request, len(answer) // 2),
            ("empty", "TCP"): Target(given["address"], method, request, 1),
            ("empty", "Unix"): Target(f"unix:{socket}", method, request, 1),
        }


@asynccontextmanager
async def _grpc_resolve(registries: Registries) -> AsyncIterator[Cases]:
    stack = await registries.of_size(registries.scale.middle)
    request = resolve_request(*listed_keys(stack.market)[0])
    # One connection asks for more than a caller may by default.
    native_front = {"grpc_front": "native", "reads_per_s_max": "1000000"}
    async with (
        _targets(stack, "Resolve", RESOLVE, request) as targets,
        stack.run_resolver("native", **native_front) as native,
    ):
        targets["Resolve", "native TCP"] = targets["Resolve", "TCP"]._replace(address=native.grpc)
        yield {
            case_name(*case, callers): partial(
                h2load.load, target, callers, registries.scale.seconds
            )
            for case, target in targets.items()
            for callers in CALLERS
        }


@asynccontextmanager
async def _grpc_batch(registries: Registries) -> AsyncIterator[Cases]:
    stack = await registries.of_size(registries.scale.middle)
    request = batch_request(listed_keys(stack.market))

    async def measure(target: Target, callers: int) -> Figures:
        figures = await h2load.load(target, callers, registries.scale.seconds)
        return {**figures, "keys_per_s": figures["calls_per_s"] * KEYS}

    async with _targets(stack, "ResolveBatch", RESOLVE_BATCH, request) as targets:
        yield {
            case_name(what, "TCP", callers): partial(measure, targets[what, "TCP"], callers)
            for what in ("ResolveBatch", "empty")
            for callers in BATCH_CALLERS
        }


# ---------------------------------------------------------------- changes


@asynccontextmanager
async def _changing(registries: Registries) -> AsyncIterator[Cases]:
    stack, scale = await registries.of_size(registries.scale.middle), registries.scale
    market, writer, resolver = stack.market, await stack.writer(), await stack.resolver()
    to_writer = {"writer": writer.grpc, "api_key": stack.admin_key}

    async def mutate(what: str) -> Figures:
        given = {**to_writer, "resolver": resolver.grpc, "keys": changeable_keys(market)}
        return latency_figures(
            (await probe("changes:mutate", **given, count=scale.mutations))[what]
        )

    async def apply() -> Figures:
        symbols = list(
            {market.listing(number).symbol_id: None for number in range(market.listings)}
        )
        given = {**to_writer, "symbol_ids": symbols, "size": min(APPLIED, market.listings // 10)}
        rates = await probe("changes:apply", **given, count=scale.applies)
        return {f"{what}_per_s": statistics.median(values) for what, values in rates.items()}

    async def insert_rows() -> Figures:
        given = {"database": stack.database, "rows": APPLIED, "count": scale.applies * 2}
        return {"rows_per_s": statistics.median_low(await probe("changes:postgres_rows", **given))}

    least = partial(partial, _latencies, count=scale.mutations)
    yield {
        "mutation": partial(mutate, "mutation"),
        "commit to visible": partial(mutate, "visible"),
        "Apply": apply,
        "PostgreSQL, one row": least("changes:postgres_commit", database=stack.database),
        "PostgreSQL, 1,000 rows": insert_rows,
        "JetStream, one message": least("changes:jetstream_publish", nats=stack.nats),
    }


def changeable_keys(market: Market) -> list[list[str]]:
    """(venue, spelling) of some listings that trade and are no aliases."""
    numbers = (
        number
        for number in range(market.listings)
        if (listing := market.listing(number)).status is MarketStatusCode.ONLINE
        and not listing.alias_of
    )
    return [market.key(number) for _, number in zip(range(CHANGED), numbers, strict=False)]


@asynccontextmanager
async def _findings(registries: Registries) -> AsyncIterator[Cases]:
    """Lists and decisions of very many findings."""
    stack, scale = await registries.of_size(registries.scale.middle), registries.scale
    writer = await stack.writer()
    given: dict[str, Any] = {"writer": writer.grpc, "api_key": stack.admin_key}
    found = await probe("findings:fill", **given, count=scale.findings)
    if found < scale.findings:
        raise NotMeasured(f"{found} findings of {scale.findings} were made")
    undecided = [FindingState.OPEN, FindingState.HELD]
    filters = {
        "list": [{"states": undecided}],
        "filter": [
            {"states": undecided, "kinds": ["REUSE"]},
            {"states": undecided, "venue_id": "venue-7"},
            {"states": undecided, "venue_id": "venue-8", "kinds": ["DUPLICATE"]},
            {"states": undecided, "actions": [FindingAction.QUARANTINE]},
            {"venue_id": "venue-9", "venue_symbol": "S9USDT"},
            {"asset_id": str(uuid.uuid5(uuid.NAMESPACE_OID, "candidate 7"))},
        ],
    }
    cases: Cases = {
        case: partial(_latencies, "findings:listed", **given, filters=chosen, count=scale.mutations)
        for case, chosen in filters.items()
    }
    keys = changeable_keys(stack.market)
    given |= {"keys": keys, "count": scale.mutations}
    yield cases | {"decide": partial(_latencies, "findings:decided", **given)}


@asynccontextmanager
async def _pausing(registries: Registries) -> AsyncIterator[Cases]:
    """How long lookups wait while very many changes apply, and while nothing does."""
    stack, scale = await registries.of_size(registries.scale.middle), registries.scale
    cases: Cases = {}
    for way in ("in process", "over gRPC"):
        cases[f"{way}, quiet"] = partial(_quiet, stack, way, scale.seconds * 2)
        cases[f"{way}, changes apply"] = partial(_burst, stack, way, scale.burst)
    yield cases


@asynccontextmanager
async def _fixed_rate(
    stack: RegistryStack, way: str, seconds: float, until_revision: int
) -> AsyncIterator[Child]:
    """Lookups at a fixed rate, which have begun."""
    limits = {"per_s": LOOKUPS_PER_S, "seconds": seconds, "until_revision": until_revision}
    if way == "in process":
        # A resolver would apply the same changes on the same two cores.
        await stack.stop("cqar_resolver")
        await stack.writer()
        function, served = "in_process", {"database": stack.database, "nats": stack.nats}
    else:
        function, served = "over_grpc", {"address": (await stack.resolver()).grpc}
    keys = listed_keys(stack.market, BURST_KEYS)
    async with start_probe(f"fixed_rate:{function}", keys=keys, **served, **limits) as child:
        await child.until_ready()
        yield child


async def _quiet(stack: RegistryStack, way: str, seconds: float) -> Figures:
    async with _fixed_rate(stack, way, seconds, 0) as child:
        return latency_figures((await child.result())["latencies_us"])


async def _burst(stack: RegistryStack, way: str, size: int) -> Figures:
    """Latencies of the lookups that were due between the commit and when all of it was visible.

    Raises:
        NotMeasured: the changes were not visible in time.
    """
    burst = await prepare_burst(stack.database, size)
    async with _fixed_rate(stack, way, BURST_S, burst.last_revision) as child:
        await commit_burst(stack.database, burst)
        committed_s = time.monotonic()
        found = await child.result()
    reached_s: float = found["reached_s"]
    if not reached_s:
        raise NotMeasured(f"{size} changes were not visible within {BURST_S:g} s")
    timed = zip(found["due_s"], found["latencies_us"], strict=True)
    latencies_us = [us for due_s, us in timed if committed_s <= due_s <= reached_s]
    return latency_figures(latencies_us, applied_s=reached_s - committed_s)


# ---------------------------------------------------------------- the largest registry


@asynccontextmanager
async def _sizes(registries: Registries) -> AsyncIterator[Cases]:
    """What grows with the registry: memory, lookups, the garbage collector's pauses."""

    async def look_up(listings: int) -> Figures:
        stack = await registries.of_size(listings)
        given = {"keys": listed_keys(stack.market), "seconds": registries.scale.seconds}
        served = {"database": stack.database, "nats": stack.nats, "live": False}
        return await _latencies("lookups:replica", **given, **served)

    async def memory(listings: int) -> Figures:
        stack = await registries.of_size(listings)
        async with stack.run_resolver("fresh", redis_url="") as resolver:
            await asyncio.sleep(SETTLE_S)
            pages = int(Path(f"/proc/{resolver.pid}/statm").read_text().split()[1])
        rss_bytes = pages * resource.getpagesize()
        return {"rss_bytes": rss_bytes, "rss_per_listing_bytes": rss_bytes / listings}

    cases: Cases = {}
    for listings in (registries.scale.small, registries.scale.large):
        cases[f"lookups, {size_name(listings)}"] = partial(look_up, listings)
        cases[f"memory, {size_name(listings)}"] = partial(memory, listings)
    yield cases


@asynccontextmanager
async def _hydrating(registries: Registries) -> AsyncIterator[Cases]:
    """How long the largest registry takes to load, from PostgreSQL and from the checkpoint file.

    No writer runs: one that starts publishes an image of all this, for which it needs a core.
    """
    stack = await registries.of_size(registries.scale.large)
    path, database = str(stack.folder / "last-good"), {"database": stack.database}
    file = {"checkpoint": path, "key_file": stack.settings["integrity_key_file"]}
    await probe("loading:from_postgres", **database, **file)

    async def start_service(**settings: str) -> Figures:
        """Seconds from `python -m cqar_resolver serve` until it is ready."""
        start_s = time.perf_counter()
        async with stack.run_resolver("restarting", **settings):
            return {"seconds": time.perf_counter() - start_s}

    yield {
        "from PostgreSQL": partial(probe, "loading:from_postgres", **database),
        "PostgreSQL's rows alone": partial(probe, "loading:postgres_scan", **database),
        "from the last good file": partial(probe, "loading:from_file", **file, unpack_only=False),
        "the file's bytes alone": partial(probe, "loading:from_file", **file, unpack_only=True),
        "a service, from its start": start_service,
        "a service, from its file": partial(start_service, last_good_file=path),
    }


BENCHMARKS: Final = (
    Benchmark("in_process", _in_process),
    Benchmark("other_process", _other_process),
    Benchmark("grpc_resolve", _grpc_resolve),
    Benchmark("grpc_batch", _grpc_batch),
    Benchmark("changing", _changing),
    Benchmark("findings", _findings, rounds_max=3),
    Benchmark("pausing", _pausing, rounds_max=2),
    Benchmark("sizes", _sizes, rounds_max=1, is_large=True),
    Benchmark("hydrating", _hydrating, rounds_max=2, is_large=True),
)
