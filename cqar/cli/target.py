"""Which stack a command speaks to: a state folder's, or addresses given one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from cqar.connection import Connection
from cqar.embedded.endpoints import read_endpoints


class Target(NamedTuple):
    """What the options before the command say. Empty: look into the state folder."""

    state: str
    writer: str
    resolver: str
    key: str

    @property
    def state_dir(self) -> Path:
        return Path(self.state)

    def to_writer(self) -> Connection:
        """A connection that may change things.

        Raises:
            StackNotRunning: No address is given and none is in the state folder.
        """
        if self.writer:
            return Connection(self.writer, self.key)
        endpoints = read_endpoints(self.state_dir)
        return Connection(endpoints.writer, self.key or endpoints.keys.admin)

    def to_resolvers(self) -> list[Connection]:
        """Connections to every resolver there is."""
        if self.resolver:
            return [Connection(self.resolver, self.key)]
        return [Connection(address) for address in read_endpoints(self.state_dir).resolvers]

    def to_resolver(self) -> Connection:
        return self.to_resolvers()[0]


_OPTIONS = (
    click.option(
        "--state",
        envvar="CQAR_STATE",
        default=".cqar",
        show_default=True,
        help="Folder of the stack to speak to (or CQAR_STATE).",
    ),
    click.option("--writer", default="", metavar="HOST:PORT", help="A writer, instead."),
    click.option("--resolver", default="", metavar="ADDRESS", help="A resolver, instead."),
    click.option("--key", envvar="CQAR_KEY", default="", help="API key (or CQAR_KEY)."),
)


def target_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def override(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the same options stand behind the command too; those given there win."""

    @click.pass_context
    def merged(context: click.Context, /, **options: Any) -> Any:
        given: Target = context.obj
        for name in Target._fields:
            value = options.pop(name)
            source = context.get_parameter_source(name)
            if source is click.core.ParameterSource.COMMANDLINE:
                given = given._replace(**{name: value})
        return context.invoke(function, given, **options)

    merged.__doc__ = function.__doc__
    merged.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
    named = target_options(merged)
    named.__name__ = function.__name__
    return named
