"""Which servers a command calls: those of a state folder, or those given by address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import click
import grpc
from msgspec import structs

from cqar.admin.connection import CallFailed, Connection, tls_credentials
from cqar.cli.context_file import named_context
from cqar.cli.error_labels import with_labels
from cqar.cli.grouped_help import ConnectionOption
from cqar.cli.near_hints import with_near_names
from cqar.embedded.endpoints import read_endpoints
from cqar.embedded.failures import StackNotRunning
from cqar.sdk.key_form import require_key

#: Folder of the stack that is called where nothing else is said.
DEFAULT_STATE: Final = ".cqar"


class Target(NamedTuple):
    """The options that select the servers. Without an address, the state folder has it."""

    state: str
    writer: str
    resolver: str
    key: str
    ca: str
    cert: str
    cert_key: str
    context: str = ""

    @property
    def state_dir(self) -> Path:
        return Path(self.state or DEFAULT_STATE)

    def with_context(self) -> Target:
        """The servers and the key of a context, if one is named, or nothing else names servers.

        An address goes before a context: the context's key is for the context's servers alone.

        Raises:
            CallFailed: No context has the name.
        """
        if self.writer or self.resolver or (self.state and not self.context):
            return self
        found = structs.asdict(named_context(self.context))
        return self._replace(**{**found, "key": self.key or found["key"]})

    def to_writer(self) -> Connection:
        """A connection to a writer.

        Raises:
            StackNotRunning: no address was given and no stack runs in the state folder.
        """
        if self.writer:
            return Connection(self.writer, self.key, self._credentials())
        endpoints = read_endpoints(self.state_dir)
        return Connection(endpoints.writer, self.key or endpoints.keys.admin)

    def to_resolvers(self) -> list[Connection]:
        """Connections to every resolver. Raises StackNotRunning like `to_writer`."""
        if self.resolver:
            return [Connection(self.resolver, self.key, self._credentials())]
        return [Connection(address) for address in read_endpoints(self.state_dir).resolvers]

    def to_any(self) -> Connection:
        """A connection to a server that has the registry: of a stack, or at the given address.

        Raises:
            CallFailed: No server is known.
        """
        try:
            return self.to_resolver() if self.resolver else self.to_writer()
        except StackNotRunning as error:
            raise CallFailed(str(error), error.code) from error

    def to_resolver(self) -> Connection:
        return self.to_resolvers()[0]

    def _credentials(self) -> grpc.ChannelCredentials | None:
        """TLS credentials for given addresses; a stack on this machine uses plaintext."""
        if not self.ca:
            return None
        try:
            return tls_credentials(self.ca, self.cert, self.cert_key)
        except OSError as error:
            raise click.UsageError(f"TLS: {error.filename}: {error.strerror}") from error


def _key(_: click.Context, __: click.Parameter, value: str) -> str:
    """Check the key here, where the error can name its option without showing the key."""
    try:
        return require_key(value)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--key, or CQAR_KEY") from None


_CA = "CA certificate; switches TLS on (or CQAR_CA)."
_CERT = "Client certificate, if the server requires one (or CQAR_CERT)."
_CERT_KEY = "Private key of the client certificate (or CQAR_CERT_KEY)."
_OPTIONS = (
    click.option(
        "--state",
        cls=ConnectionOption,
        envvar="CQAR_STATE",
        default="",
        metavar="FOLDER",
        help=f"State folder of the stack to call (or CQAR_STATE). Default: {DEFAULT_STATE}.",
    ),
    click.option(
        "--writer",
        cls=ConnectionOption,
        default="",
        metavar="HOST:PORT",
        help="Writer address; overrides the one from --state.",
    ),
    click.option(
        "--resolver",
        cls=ConnectionOption,
        default="",
        metavar="ADDRESS",
        help="Resolver address; overrides those from --state.",
    ),
    click.option(
        "--key",
        cls=ConnectionOption,
        envvar="CQAR_KEY",
        default="",
        callback=_key,
        help="API key (or CQAR_KEY).",
    ),
    click.option(
        "--ca", cls=ConnectionOption, envvar="CQAR_CA", default="", metavar="FILE", help=_CA
    ),
    click.option(
        "--cert", cls=ConnectionOption, envvar="CQAR_CERT", default="", metavar="FILE", help=_CERT
    ),
    click.option(
        "--cert-key",
        cls=ConnectionOption,
        envvar="CQAR_CERT_KEY",
        default="",
        metavar="FILE",
        help=_CERT_KEY,
    ),
    click.option(
        "--context",
        cls=ConnectionOption,
        envvar="CQAR_CONTEXT",
        default="",
        metavar="NAME",
        help="Servers and key of this context (or CQAR_CONTEXT); see cqar context.",
    ),
)


def _labelled(error: CallFailed, target: Target) -> CallFailed:
    """The error with names beside its ids, where a writer is known."""
    if error.code in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED"):
        return error
    try:
        with target.to_writer() as connection:
            return with_labels(error, connection)
    except StackNotRunning:
        return error


def connection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_target(function: Callable[..., Any]) -> Callable[..., Any]:
    """Accept the target options after the command too; they override those before it."""

    @click.pass_context
    def merged(context: click.Context, /, **options: Any) -> Any:
        target: Target = context.obj
        for name in Target._fields:
            value = options.pop(name)
            source = context.get_parameter_source(name)
            if source is click.core.ParameterSource.COMMANDLINE:
                target = target._replace(**{name: value})
        target = target.with_context()
        try:
            return context.invoke(function, target, **options)
        except CallFailed as error:
            hinted = with_near_names(_labelled(error, target), target.to_any)
            if hinted is error:
                raise
            raise hinted from error

    merged.__doc__ = function.__doc__
    merged.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    named = connection_options(merged)
    named.__name__ = function.__name__
    return named
