"""`cqar`: the command line for admins and operators.

It prints tables for people and JSON (`--json`) for programs; errors say what to do next.
Exit codes: see `cqar.cli.exit_codes`.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Final, Never

import click

from cqar.cli import exit_codes
from cqar.cli.lazy_commands import LazyGroup, lazy_command
from cqar.cli.nouns.noun_table import noun_commands
from cqar.cli.target import Target, connection_options
from cqar_shared.errors import StartupError
from cqar_shared.runtime import version
from cqar_shared.runtime.key_masking import masked

__all__ = ["COMMANDS", "cli", "main", "nouns", "output", "progress"]

#: Name, `module:attribute`, summary; the module is imported when the command runs.
COMMANDS: Final = (
    ("up", "cqar.cli.local_stack:up", "Start PostgreSQL, NATS, Redis, a writer and resolvers."),
    ("down", "cqar.cli.local_stack:down", "Stop a stack that `cqar up` started."),
    ("call", "cqar.cli.call:call", "Call any RPC by name, in JSON."),
    ("import", "cqar.cli.import_group:import_", "Import a venue's listing into the registry."),
    ("reconcile", "cqar.cli.reconcile:reconcile", "Compare venues with the registry, and apply."),
    ("resolve", "cqar.cli.resolve:resolve", "Show what a venue's symbol means."),
    ("xref", "cqar.cli.xref:xref", "Show what an asset or a symbol is called elsewhere."),
    ("explain", "cqar.cli.explain:explain", "Show where a listing's terms are from."),
    ("findings", "cqar.cli.finding_commands:findings", "List and decide what waits for people."),
    ("rejects", "cqar.cli.order_rejects:rejects", "Show what orders venues refused, and report."),
    ("upcoming", "cqar.cli.schedule:upcoming", "List what is known to come of listings."),
    ("canary", "cqar.cli.canary:canary", "Try terms on a group of resolvers first."),
    ("check", "cqar.cli.check:check", "Check an order and round it to the venue's tick and lot."),
    ("watch", "cqar.cli.watch:watch", "Print each change as a resolver applies it."),
    ("status", "cqar.cli.status:status", "Show the state of the registry and its resolvers."),
    ("venues", "cqar.cli.status:venues", "List the registry's venues."),
    ("export", "cqar.cli.registry_files:export", "Write the registry as files."),
    ("diff", "cqar.cli.registry_files:diff", "Show what files would change in the registry."),
    ("apply", "cqar.cli.registry_files:apply", "Change the registry to what files state."),
    ("catalogue", "cqar.cli.load_catalogue:catalogue", "Load the facts that come with CQAR."),
    ("log", "cqar.cli.change_log:change_log", "Show who changed what, when and why."),
    ("undo", "cqar.cli.undo:undo", "Take back what a revision changed."),
    ("history", "cqar.cli.history:history", "Show an entity's changes: when, by whom, why."),
    ("audit", "cqar.cli.audit_commands:audit", "Verify that the registry's past is unaltered."),
    ("search", "cqar.cli.search:search", "Find anything by a part of its name."),
    ("context", "cqar.cli.context:context", "Name servers and keys, and choose among them."),
    ("doctor", "cqar.cli.doctor:doctor", "Check what commands need, and say what to do."),
    ("keys", "cqar.cli.keys:keys", "Make, list and revoke API keys."),
    ("demo", "cqar.cli.demo:demo", "Run the whole path once, on a temporary stack."),
    ("completion", "cqar.cli.completion:completion", "Print a shell's completion script."),
)

#: Errors whose text is for users, by module; any other is a bug and shows its traceback.
USER_ERRORS: Final = (
    ("cqar.admin.connection", "CallFailed"),
    ("cqar.cli.demo", "DemoFailed"),
    ("cqar.embedded.failures", "EmbeddedError"),
    ("cqar.files.placed_record", "UnusableFile"),
    ("cqar.importer.missing", "MassChange"),
    ("cqar.importer.plan", "OutOfOrder"),
    ("cqar.importer.saved_answers", "UnusableAnswer"),
)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version.version(), prog_name="cqar")
@connection_options
@click.pass_context
def cli(context: click.Context, /, **target: str) -> None:
    """The crypto reference-data registry, from the command line.

    \b
    Example:
      cqar up --detach                       # a stack of its own, in .cqar
      cqar catalogue load
      cqar resolve binance BTCUSDT
      cqar down

    \b
    Exit codes: 0 done, 1 refused, 2 wrong usage, 3 not found, 4 not reachable,
    5 denied, 6 would change (cqar diff, and cqar apply --plan).
    """
    context.obj = Target(**target)


for command in (*(lazy_command(*spec) for spec in COMMANDS), *noun_commands()):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> Never:
    """Run one command line and exit with its code.

    Args:
        arguments: The words after `cqar`; None: those that this process was started with.
    """
    try:
        sys.exit(cli(arguments, prog_name="cqar", standalone_mode=False))
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        click.echo(masked(text.getvalue()), nl=False, err=True)  # it may quote a key
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except OSError as error:
        if error.filename is not None:
            raise
        # Python flushes unwritten output at exit, and fails again, unless it goes to /dev/null.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        click.echo(f"cqar: {error.strerror}", err=True)
        sys.exit(1)
    except StartupError as error:
        sys.exit(masked(str(error)))
    except _loaded_user_errors() as error:
        click.echo(masked(f"cqar: {error}"), err=True)
        sys.exit(exit_codes.exit_code_of(error))


def _loaded_user_errors() -> tuple[type[Exception], ...]:
    """The `USER_ERRORS` of the modules that are loaded; no other can have been raised."""
    modules = sys.modules
    return tuple(getattr(modules[name], error) for name, error in USER_ERRORS if name in modules)
