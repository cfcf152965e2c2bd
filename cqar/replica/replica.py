"""`Replica`: the registry inside the caller's own program. Answers need no other process."""

from __future__ import annotations

from types import TracebackType
from typing import Final, NoReturn

import msgspec

from cqar.replica.async_replica import AsyncReplica
from cqar.replica.threaded_replica import ThreadedReplica
from cqar.sdk.call_context import TIMEOUT_S
from cqar.sdk.session_position import MinRevision, SessionPosition, require_min_revision_mode
from cqar.sdk.sync_api import SyncApi
from cqar_resolver.config import ResolverConfig
from cqar_resolver.replication.signed_heads import SignedHeads
from cqar_shared.errors import StartupError
from cqar_shared.runtime.config import require_address
from cqar_shared.trust.seal_keys import keyring_of

#: What a block's replica can be asked.
_CALLS: Final = frozenset(name for name in dir(SyncApi) if not name.startswith("_"))


class Replica:
    """A registry replica that loads its snapshot from PostgreSQL and follows NATS, as a resolver.

    `async with Replica(…) as replica` answers as `AsyncClient`, in the caller's event loop; `with
    Replica(…) as replica` as `Client`, on a thread of its own. Loading begins with the block. Until
    `wait_ready` returns, PostgreSQL answers, or calls raise `NotReady`. Each block has a snapshot
    of its own.

    Args:
        database_url: postgresql://…; rights to read suffice.
        nats_url: nats://host:port, or tls://.
        redis_url: Where to start from while PostgreSQL is unreachable; empty: nowhere.
        last_good_file: A file of this program's own that keeps the state. The next start continues
            from it, which is fast and needs no PostgreSQL. Empty: no state is kept.
        integrity_key_file: The registry's integrity key, required with `redis_url` and with
            `last_good_file`, whose contents are verified with it. For a last-good file alone any
            key will do: `cqar-resolver make-integrity-key FILE` makes one.
        timeout_s: Default timeout of each call.
        min_revision: As that of `Client`.
        stale_after_s: Answers say STALE after this long without a confirmed head.
        probe_every_s: Seconds between two requests to a writer for the head.
        require_signed: Accept only heads that are signed by a trusted key.
        trusted_keys_file: The public keys that are trusted at first, one a line.

    Raises:
        ValueError: A setting has the wrong type, is out of range or missing, or a key file is
            not valid.
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
        self._async_replicas: list[AsyncReplica] = []
        self._threaded_replicas: list[ThreadedReplica] = []

    def __getattr__(self, name: str) -> NoReturn:
        """Say that only a block answers.

        Raises:
            AttributeError: Always: this is for names that a Replica does not have.
        """
        if name in _CALLS:
            text = (
                f"a Replica answers within a block: with Replica(…) as replica: replica.{name}(…)"
            )
            raise AttributeError(text, name=name, obj=self)
        raise AttributeError(f"'Replica' object has no attribute {name!r}", name=name, obj=self)

    def __dir__(self) -> list[str]:
        """What there is within a block, too."""
        return sorted({*super().__dir__(), *_CALLS})

    async def __aenter__(self) -> AsyncReplica:
        replica = AsyncReplica(self._config, self._timeout_s, SessionPosition(self._min_revision))
        replica.transport.start()
        self._async_replicas.append(replica)
        return replica

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        await self._async_replicas.pop().stop()

    def __enter__(self) -> ThreadedReplica:
        replica = ThreadedReplica(
            self._config, self._timeout_s, SessionPosition(self._min_revision)
        )
        replica.start()
        self._threaded_replicas.append(replica)
        return replica

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._threaded_replicas.pop().stop()
