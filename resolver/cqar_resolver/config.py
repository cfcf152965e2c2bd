"""What a resolver needs to run, from CQAR_RESOLVER_* and `resolver:` in config.yaml."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from cqar_shared.runtime.config import ServiceConfig

SECTION: Final = "resolver"

StaleVerdict = Literal["deny", "allow", "error"]
Front = Literal["aio", "native"]


class ResolverConfig(ServiceConfig, frozen=True, kw_only=True):
    """Names end in their unit.

    Attributes:
        database_url: Read-only rights suffice.
        grpc_listen: On loopback no key is asked for; elsewhere an API key with role read.
        grpc_front: `native` serves the port by HTTP/2 in Rust, outside the GIL, for more calls a
            second: plaintext only, and of the extra cqar[native]. A Unix socket is served by `aio`
            in any case.
        http_listen: HOST:PORT of /health and /metrics.
        socket: Path of a Unix socket beside it; its mode (0660) is its authentication.
        last_good_file: Where the last good state is kept, for a restart to go on from, and to start
            from when PostgreSQL cannot be read; empty: nowhere. Each resolver needs its own.
        last_good_every_s: How often the file is brought up to date, if anything changed.
        replica_path: Folder of an LMDB environment, on disk or in shared memory, that is kept up
            with what is served, for `cqar.LocalReplica` in this machine's other processes
            (docs/REPLICA.md; the extra cqar[replica]); empty: none. Each resolver needs its own.
        hydrate_concurrency: How many resolvers may load everything from PostgreSQL at once; the
            others start from Redis or wait for their turn.
        memory_limit_mib: What loading must not take this process beyond: it refuses, with a clear
            message, and goes on with what it has; 0: no limit.
        nats_api_prefix: Of JetStream's API, where NATS has an account of its own for resolvers, as
            deploy/nats/accounts.conf makes it: CQAR.API.
        writer: The writer's address, for the error that mutations get here.
        stale_verdict: What becomes of verdicts while the snapshot is not LIVE: `deny` opening, for
            STALE_SNAPSHOT; `allow` as if it were; `error`: deny, and do not answer CheckOrder.
            What is asked about a market is answered in any case.
        require_signed: Take nothing whose head is not signed by a trusted key: no snapshot, image,
            file or change set, however it comes. Until there is one, nothing is answered.
        trusted_keys_file: The keys to begin with: public keys of `cqar-writer make-signing-key`,
            one a line. Keys that these vouch for count, too.
        stale_after_s: Without a confirmed head for this long, answers say STALE.
        reads_per_s_max: What one caller may ask for, a key's actor or, without keys, a connection;
            two seconds' worth may come at once, and a request counts again for each 512 bytes.
            Beyond it RESOURCE_EXHAUSTED.
        canary_group: A slug: changes that are tried on this group hold for it before they hold for
            all (docs/OPERATIONS.md#canary); empty: none.
        probe_every_s: How often the head is asked for; each probe is one NATS round trip.
    """

    grpc_listen: str = "127.0.0.1:9091"
    grpc_front: Front = "aio"
    http_listen: str = "127.0.0.1:8081"
    socket: str = ""
    nats_api_prefix: Annotated[str, Meta(pattern=r"^[$\w]+(\.[$\w]+)*$")] = "$JS.API"
    writer: str = "the writer"
    last_good_file: str = ""
    last_good_every_s: Annotated[float, Meta(ge=0.1, le=3600)] = 30.0
    replica_path: str = ""
    hydrate_concurrency: Annotated[int, Meta(ge=1, le=1000)] = 8
    memory_limit_mib: Annotated[int, Meta(ge=0)] = 0
    stale_verdict: StaleVerdict = "deny"
    require_signed: bool = False
    trusted_keys_file: str = ""
    stale_after_s: Annotated[float, Meta(ge=2, le=3600)] = 5.0
    reads_per_s_max: Annotated[float, Meta(gt=0, le=1_000_000)] = 20_000.0
    canary_group: Annotated[str, Meta(pattern=r"^([a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?)?$")] = ""
    probe_every_s: Annotated[float, Meta(ge=0.1, le=60)] = 1.0

    def __post_init__(self) -> None:
        if self.probe_every_s >= self.stale_after_s:
            raise ValueError(
                f"probe_every_s {self.probe_every_s:g} is not below stale_after_s"
                f" {self.stale_after_s:g}: between two probes it would be STALE"
            )
        if self.require_signed and not self.trusted_keys_file:
            raise ValueError("require_signed needs trusted_keys_file: the keys to trust")
