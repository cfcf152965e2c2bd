"""`cqar`: the command line of admins and operators.

Tables where people look, JSON (`--json`) where programs read, errors that say what to do next,
exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final, Never

import click

from cqar.cli.lazy_commands import Commands, elsewhere
from cqar.cli.nouns.registry import noun_commands
from cqar.cli.target import Target, target_options
from cqar_shared.runtime import version
from cqar_shared.runtime.key_masking import masked

__all__ = ["COMMANDS", "cli", "main", "output"]

#: Name, where it is, what it does: each is imported when it is run.
COMMANDS: Final = (
    ("up", "cqar.cli.up_down:up", "Start PostgreSQL, NATS, Redis, a writer and resolvers."),
    ("down", "cqar.cli.up_down:down", "Stop a stack that `cqar up` started."),
    ("call", "cqar.cli.call:call", "Any RPC by its name, in JSON."),
    ("import", "cqar.cli.import_venue:import_", "Bring a venue's listing into the registry."),
    ("resolve", "cqar.cli.resolve:resolve", "What a venue's symbol means, and whether it trades."),
    (
        "check",
        "cqar.cli.check:check",
        "Whether an order may be sent, and what it is on the steps.",
    ),
    ("watch", "cqar.cli.watch:watch", "Each change as a resolver applies it."),
    ("status", "cqar.cli.resolve:status", "Where the registry stands; how far resolvers are."),
    ("venues", "cqar.cli.resolve:venues", "The venues that the registry knows."),
    ("catalogue", "cqar.cli.catalogue_facts:catalogue", "The facts that come with CQAR."),
    ("history", "cqar.cli.history:history", "What became of an entity: when, by whom, why."),
    ("audit", "cqar.cli.verify:audit", "Evidence that the registry's past is as it was written."),
    ("keys", "cqar.cli.keys:keys", "Make, list and revoke API keys."),
    ("demo", "cqar.cli.demo:demo", "The whole path once, on a stack of its own."),
    ("completion", "cqar.cli.completion:completion", "What a shell needs to complete `cqar`."),
)

#: Errors whose text is for people; anything else is a bug and shows its traceback.
SAID: Final = (
    ("cqar.admin.connection", "CallFailed"),
    ("cqar.cli.demo", "DemoFailed"),
    ("cqar.embedded.failures", "EmbeddedError"),
    ("cqar.importer.delistings", "MassDelisting"),
    ("cqar.importer.plan", "OutOfOrder"),
    ("cqar.importer.parsed_market", "Unreadable"),
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version.version(), prog_name="cqar")
@target_options
@click.pass_context
def cli(context: click.Context, /, **target: str) -> None:
    """The crypto reference-data registry, from the command line.

    \b
    Example:
      cqar up --detach                       # a stack of its own, in .cqar
      cqar catalogue load
      cqar resolve binance BTCUSDT
      cqar down
    """
    context.obj = Target(**target)


for command in (*(elsewhere(*known) for known in COMMANDS), *noun_commands()):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> Never:
    """Run one command line and exit with its code.

    Args:
        arguments: What was typed behind `cqar`; None: what this process was started with.
    """
    try:
        sys.exit(cli(arguments, prog_name="cqar", standalone_mode=False))
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(masked(shown.getvalue()), nl=False, err=True)  # it may repeat what was typed
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        if error.filename is not None:
            raise
        # What could not be written is tried again at the end, unless it goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo(f"cqar: {error.strerror}", err=True)
        sys.exit(1)
    except _said() as error:
        click.echo(masked(f"cqar: {error}"), err=True)
        sys.exit(1)


def _said() -> tuple[type[Exception], ...]:
    """What of `SAID` can have been raised: the errors of modules that are loaded."""
    return tuple(getattr(sys.modules[at], name) for at, name in SAID if at in sys.modules)
