"""A locust user that makes a mix's calls over gRPC, at its own pace.

grpc's C core waits for answers in threads that gevent keeps for it (`init_gevent`), so greenlets
wait without holding up each other. All users of a process share one HTTP/2 connection.
"""

from __future__ import annotations

import random
from time import perf_counter
from typing import Any, ClassVar, Final

import gevent
import grpc
from google.protobuf.message import Message
from locust import User, task
from locust.env import Environment

from cqar.admin.connection import Connection, call_failed
from cqar.admin.rpc_catalog import Rpc, rpcs
from cqar.sdk.key_form import require_key
from loadtests.act_sampler import ActSampler
from loadtests.admin_changes import REASON, AdminChanges, new_changes, run_asset_life
from loadtests.call_schedule import CallSchedule
from loadtests.mixes import ACTS_PER_S_A_USER, CHANGES, Mix
from loadtests.registry_keys import Keys
from loadtests.rpc_requests import RPC_REQUESTS, missing_keys

CALL_TIMEOUT_S: Final = 10.0
_RPCS: Final = rpcs()


class WrongAnswer(Exception):
    """It was answered, but not to what was asked."""


class LoadTarget:
    """The server under load: one for all users of a process.

    Attributes:
        keys: What it had when the run began.
        changes: What admins among the users change; made when the first of them acts.
    """

    def __init__(self, server: Connection, key: str, keys: Keys) -> None:
        self.server = server
        self.keys = keys
        self.changes: AdminChanges | None = None
        self._metadata = (("x-api-key", key),) if (key := require_key(key)) else ()
        self._decks: dict[str, ActSampler] = {}

    def deck(self, mix: Mix) -> ActSampler:
        """The mix's acts, without those that the registry has nothing for."""
        if mix.name not in self._decks:
            shares = {
                act: share
                for act, share in mix.shares.items()
                if act == CHANGES or not missing_keys(act, self.keys)
            }
            self._decks[mix.name] = ActSampler(shares, random.Random())
        return self._decks[mix.name]

    def call(self, rpc: Rpc, request: Message) -> Any:
        """The answer; the first of a stream, which then is cancelled.

        Raises:
            CallFailed: Refused, or not answered in time.
        """
        method = self.server.method(rpc.service, rpc.name)
        # A read ignores the reason.
        metadata = (*self._metadata, ("cqar-reason", REASON))
        try:
            answer = method(request, metadata=metadata, timeout=CALL_TIMEOUT_S)
            if not rpc.streams:
                return answer
            first = next(answer)
            answer.cancel()
        except grpc.RpcError as error:
            raise call_failed(error, self.server.address) from error
        return first


class RegistryUser(User):
    """Acts in the shares of its class's mix.

    Attributes:
        place: Set when a run begins (`locustfile`), for all users of the process.
    """

    abstract = True
    mix: ClassVar[Mix]
    place: ClassVar[LoadTarget]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        every_s = 1 / ACTS_PER_S_A_USER
        # Users come at once: at random instants of an interval, their acts are spread over it.
        self._pace = CallSchedule(perf_counter() + random.uniform(0, every_s), every_s)

    def on_start(self) -> None:
        gevent.sleep(self._pace.wait_s(perf_counter()))

    def wait_time(self) -> float:
        return self._pace.wait_s(perf_counter())

    @task
    def act(self) -> None:
        due_s = self._pace.take_s()
        act = self.place.deck(self.mix).deal()
        if act == CHANGES:
            self.place.changes = self.place.changes or new_changes()
            due = iter([due_s])

            def call(name: str, request: Message) -> Any:
                """The first counts from when the act was due, each later one from now."""
                return self._count(name, request, lambda _: True, next(due, perf_counter()))

            run_asset_life(self.place.changes, call)
            return
        request, is_right = RPC_REQUESTS[act].ask(self.place.keys)
        self._count(act, request, is_right, due_s)

    def _count(self, name: str, request: Message, is_right: Any, due_s: float) -> Any:
        """Make a call and tell locust; the answer, or None if there was no right one."""
        answer: Any = None
        failed: Exception | None = None
        try:
            answer = self.place.call(_RPCS[name], request)
            if not is_right(answer):
                failed = WrongAnswer(f"{name} {request!s:.100} was answered with something else")
        except Exception as error:  # noqa: BLE001  (whatever it is, it is counted)
            failed = error
        self.environment.events.request.fire(
            request_type="grpc",
            name=name,
            response_time=(perf_counter() - due_s) * 1000,
            response_length=answer.ByteSize() if answer is not None else 0,
            exception=failed,
            context={},
        )
        return None if failed else answer
