"""`Replica`: the registry inside the caller's own program. No call leaves the process to answer."""

from __future__ import annotations

from types import TracebackType

import msgspec

from cqar.replica.async_replica import AsyncReplica
from cqar.replica.threaded_replica import ThreadedReplica
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.session_position import MinRevision, SessionPosition, require_min_revision_mode
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.errors import StartupError
from cqar_shared.runtime.config import require_address
from cqar_shared.trust.seal_keys import keyring_of


class Replica:
    """Loads the snapshot from PostgreSQL and follows NATS, as a resolver does.

    `async with Replica(…) as replica` answers as `AsyncClient`, in the caller's event loop; `with
    Replica(…) as replica` as `Client`, on a thread of its own. It loads from then on: until
    `wait_ready` returns, PostgreSQL answers, or nobody. Each block has a snapshot of its own.

    Args:
        database_url: postgresql://…; rights to read suffice.
        nats_url: nats://host:port, or tls://.
        redis_url: To start from while PostgreSQL is away; empty: not.
        last_good_file: Where the state is kept, to go on from at the next start, which is then fast
            and needs no PostgreSQL; a file of this program's own. Empty: nowhere.
        integrity_key_file: The registry's integrity key, needed with either of these two: what
            they hold is believed only under it. For a last good file alone it may be a key of
            one's own: `cqar-resolver make-integrity-key FILE` makes it.
        timeout_s: For each question, where none is given with it.
        min_revision: As that of `Client`.
        stale_after_s: Without a confirmed head for this long, answers say STALE.
        probe_every_s: How often a writer is asked for the head.
        require_signed: Take nothing whose head is not signed by a trusted key.
        trusted_keys_file: The public keys to begin with, one a line.

    Raises:
        ValueError: A setting is of another type than wanted, out of range, or missing, or a key
            file is none.
    """

    def __init__(
        self,
        database_url: str,
        nats_url: str,
        redis_url: str = "",
        last_good_file: str = "",
        *,
        integrity_key_file: str = "",
        timeout_s: float = TIMEOUT_S,
        min_revision: MinRevision = "seen",
        stale_after_s: float = 5.0,
        probe_every_s: float = 1.0,
        require_signed: bool = False,
        trusted_keys_file: str = "",
    ) -> None:
        settings = {
            "database_url": database_url,
            "nats_url": nats_url,
            "redis_url": redis_url,
            "last_good_file": last_good_file,
            "integrity_key_file": integrity_key_file,
            "stale_after_s": stale_after_s,
            "probe_every_s": probe_every_s,
            "require_signed": require_signed,
            "trusted_keys_file": trusted_keys_file,
        }
        try:
            self._config = msgspec.convert(settings, ResolverConfig)
            for name, value in settings.items():
                require_address(name, name, value)
            keyring_of(self._config)
            SignedHeads.of_settings(trusted_keys_file, required=require_signed)
        except (msgspec.ValidationError, StartupError) as error:
            raise ValueError(str(error).removeprefix("configuration: ")) from error
        self._timeout_s = timeout_s
        self._min_revision = require_min_revision_mode(min_revision)
        self._in_loop: list[AsyncReplica] = []
        self._on_thread: list[ThreadedReplica] = []

    async def __aenter__(self) -> AsyncReplica:
        begun = AsyncReplica(self._config, self._timeout_s, SessionPosition(self._min_revision))
        begun.start()
        self._in_loop.append(begun)
        return begun

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._in_loop.pop().stop()

    def __enter__(self) -> ThreadedReplica:
        begun = ThreadedReplica(self._config, self._timeout_s, SessionPosition(self._min_revision))
        begun.start()
        self._on_thread.append(begun)
        return begun

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._on_thread.pop().stop()
