"""Help in groups: what a command is for, its own options, and last how servers are reached."""

from __future__ import annotations

from collections.abc import Sequence

import click


class ConnectionOption(click.Option):
    """An option that says which servers are called; every command that calls one has it."""


def _write_options(
    command: click.Command, ctx: click.Context, formatter: click.HelpFormatter
) -> None:
    parameters = [each for each in command.get_params(ctx) if each.param_type_name == "option"]
    own = [each for each in parameters if not isinstance(each, ConnectionOption)]
    _write_section("Options", own, ctx, formatter)
    if isinstance(command, click.Group):
        command.format_commands(ctx, formatter)
    others = [each for each in parameters if isinstance(each, ConnectionOption)]
    _write_section("Connection", others, ctx, formatter)


def _write_section(
    title: str,
    parameters: Sequence[click.Parameter],
    ctx: click.Context,
    formatter: click.HelpFormatter,
) -> None:
    records = [record for each in parameters if (record := each.get_help_record(ctx))]
    if records:
        with formatter.section(title):
            formatter.write_dl(records)


class GroupedCommand(click.Command):
    """A command whose help has the connection options at its end."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)


class GroupedGroup(click.Group):
    """A group of such commands."""

    command_class = GroupedCommand

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_options(self, ctx, formatter)
