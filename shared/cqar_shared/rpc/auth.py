"""Identifies the caller by API key, and checks the role that a method needs.

The interceptor runs before the request is read and before anything is looked up, so a refusal
reveals nothing about what exists. The method reads the caller from a context variable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import grpc
from prometheus_client import Counter

from cqar_shared.domain.kinds.api_key import ApiKey, Role
from cqar_shared.errors import DataLoss, Forbidden, RegistryError, Unauthenticated
from cqar_shared.rpc.error_mapping import Context, refusal
from cqar_shared.rpc.middleware import peer_of
from cqar_shared.rpc.stream_timeout import abort_soon, with_send_timeout
from cqar_shared.runtime.tasks import end
from cqar_shared.trust.key_text import hash_of

#: Methods that need no key: health, and reflection if a server offers it.
OPEN: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")
KEY_CHARS_MAX: Final = 256
#: A stream ends when its caller's key does: the key is looked up this often.
RECHECK_S: Final = 2.0

REFUSED: Final = Counter("cqar_auth_refused_total", "Calls refused for their key.", ["reason"])

log = logging.getLogger(__name__)

FindKey = Callable[[str], Awaitable[ApiKey | None]]


@dataclass(frozen=True, slots=True)
class Caller:
    """The actor and role of a key."""

    actor: str
    role: Role


#: The caller of the current call.
caller: ContextVar[Caller] = ContextVar("caller")


def caller_of(context: Context) -> str:
    """Identify the caller for limits: by the key's actor, or without keys by the peer."""
    who = caller.get(None)
    return f"@{who.actor}" if who is not None else peer_of(context.peer())


def presented_key(metadata: Mapping[str, Any]) -> str:
    """Return the key in `authorization: Bearer …` or `x-api-key`.

    Raises:
        Unauthenticated: there is no key, or it is too long.
    """
    bearer = str(metadata.get("authorization", ""))
    key = bearer[7:].strip() if bearer[:7].lower() == "bearer " else ""
    key = key or str(metadata.get("x-api-key", ""))
    if not key:
        raise Unauthenticated("send an API key: authorization: Bearer KEY, or x-api-key: KEY")
    if len(key) > KEY_CHARS_MAX:
        raise Unauthenticated("this API key is not valid")
    return key


class AuthInterceptor(grpc.aio.ServerInterceptor):
    """Refuses calls without a valid key of a sufficient role.

    Args:
        find_key: Returns the valid key of a hash, or None; raises ServiceNotReady if it cannot
            know.
        role_of: Returns the role that a method needs, by its full name.
    """

    def __init__(self, find_key: FindKey, role_of: Callable[[str], Role]) -> None:
        self._find_key = find_key
        self._role_of = role_of

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        method = handler_call_details.method
        if method.startswith(OPEN):
            return await continuation(handler_call_details)
        metadata = dict(handler_call_details.invocation_metadata or ())
        try:
            caller.set(await self._identify(metadata, method))
        except Exception as error:  # noqa: BLE001  (grpc.aio would tell the client its text)
            reason = error.reason if isinstance(error, RegistryError) else "UNAVAILABLE"
            REFUSED.labels(reason).inc()
            log.info("refused %s: %s", method, error)
            return refusal(error, method)
        handler = await continuation(handler_call_details)
        if handler is None or handler.unary_stream is None:
            return handler
        return handler._replace(unary_stream=self._held(handler.unary_stream, metadata, method))

    def _held(self, stream: Any, metadata: Mapping[str, Any], method: str) -> Any:
        """Return a stream that ends with its caller's key, even while an answer waits."""
        send = with_send_timeout(stream, method)

        async def held(request: Any, context: Context) -> None:
            running = asyncio.ensure_future(send(request, context))
            try:
                while not (await asyncio.wait({running}, timeout=RECHECK_S))[0]:
                    if (error := await self._reason_to_end(metadata, method)) is not None:
                        await end(running)
                        await abort_soon(context, error, method)
                await running
            finally:
                await end(running)

        return held

    async def _reason_to_end(
        self, metadata: Mapping[str, Any], method: str
    ) -> RegistryError | None:
        """Return why the key is refused now; None also if that cannot be found out."""
        try:
            await self._identify(metadata, method)
        except (Unauthenticated, Forbidden, DataLoss) as error:
            REFUSED.labels(error.reason).inc()
            log.info("ended %s: %s", method, error)
            return error
        except Exception as error:  # noqa: BLE001  (a caller stays until its key is known to be refused)
            log.warning("%s goes on unchecked: %s", method, error)
        return None

    async def _identify(self, metadata: Mapping[str, Any], method: str) -> Caller:
        key = await self._find_key(hash_of(presented_key(metadata)))
        if key is None or key.role is None:
            raise Unauthenticated("this API key is not valid")
        needed = self._role_of(method)
        if key.role < needed:
            raise Forbidden(f"this API key may {key.role.name.lower()}, not {needed.name.lower()}")
        return Caller(key.actor, key.role)
