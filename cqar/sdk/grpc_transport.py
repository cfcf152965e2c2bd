"""How clients call: the channel's options, what each call carries, and what is learnt from it.

Nothing but reads goes this way, so any of them may be tried again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import grpc
from cqc.resolver.v1 import resolver_pb2 as pb
from google.protobuf.message import Message
from grpc_status import rpc_status

from cqar.sdk import errors
from cqar.sdk.key_form import require_key
from cqar.sdk.questions import REGISTRY, RESOLVER, Question
from cqar.sdk.session_position import HEADER, Position, SessionPosition
from cqar_shared.rpc.message_size import MESSAGE_BYTES_MAX

#: Servers take a ping each 10 s, also without calls; a peer that is gone is noticed after 20 s.
KEEPALIVE_MS: Final = 15_000
KEEPALIVE_TIMEOUT_MS: Final = 5_000
TRIES_MAX: Final = 3

#: gRPC's own retries: within the call's deadline, with jitter, and only before an answer began.
_SERVICE_CONFIG: Final = {
    # Of several resolvers behind one name, those that are there.
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": RESOLVER}, {"service": REGISTRY}],
            "retryPolicy": {
                "maxAttempts": TRIES_MAX,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 3,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
KEEPALIVE: Final[list[tuple[str, Any]]] = [
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
]
OPTIONS: Final[list[tuple[str, Any]]] = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    *KEEPALIVE,
    # gRPC's own backoff grows to two minutes: a resolver that came back is not left alone so long.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_retries", 1),
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
]


class GrpcTransport:
    """What the calls of one channel share.

    Args:
        channel: grpc's own or grpc.aio's: both make methods alike.

    Raises:
        ValueError: The key has a form that no key has.
    """

    def __init__(self, channel: Any, target: str, key: str, session: SessionPosition) -> None:
        self._channel = channel
        self._target = target
        self._key = (("authorization", f"Bearer {key}"),) if (key := require_key(key)) else ()
        self._session = session
        self._methods: dict[str, Callable[..., Any]] = {}

    def unary(self, question: Question[Any]) -> Callable[..., Any]:
        return self._method(question, self._channel.unary_unary)

    def stream(self, question: Question[Any]) -> Callable[..., Any]:
        return self._method(question, self._channel.unary_stream)

    def _method(self, question: Question[Any], make: Callable[..., Any]) -> Callable[..., Any]:
        method = self._methods.get(question.path)
        if method is None:
            method = make(
                question.path,
                request_serializer=type(question.request).SerializeToString,
                response_deserializer=question.response.FromString,
            )
            self._methods[question.path] = method
        return method

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What the next call carries."""
        position = self._session.position
        return self._key if position is None else (*self._key, (HEADER, str(position)))

    def learn(self, trailing_metadata: Iterable[Any] | None, answer: Message | None = None) -> None:
        """An answer came, or a refusal; a Resolve's tells in itself where it is from."""
        if isinstance(answer, pb.ResolveResponse):
            self._session.observe(Position.in_message(answer.resolution.freshness))
        else:
            self._session.observe(Position.of(trailing_metadata))

    def failure(self, error: Any) -> errors.CqarError:
        """A call's error as one of ours; of a new epoch nothing older is session."""
        status = rpc_status.from_call(error)
        if status is not None:
            found = errors.error_of_status(status)
        else:
            code, details = error.code(), error.details()
            text = f"{self._target}: {details}"
            found = errors.error_of_code(code.value[0], text)
        if isinstance(found, errors.EpochChanged):
            self._session.forget()
        else:
            self.learn(error.trailing_metadata())
        return found


def make_channel(module: Any, target: str, credentials: grpc.ChannelCredentials | None) -> Any:
    """A channel of grpc or grpc.aio, which are the module; in plaintext without credentials."""
    if credentials is None:
        # gRPC's authority is the whole target; of several addresses it makes one that HTTP forbids.
        named = [("grpc.default_authority", "cqar")] if "," in target else []
        return module.insecure_channel(target, options=[*OPTIONS, *named])
    return module.secure_channel(target, credentials, options=OPTIONS)
