"""`cqar`: the command line of admins and operators.

Tables where people look, JSON (`--json`) where programs read, errors that say what to do next,
exit codes: 0 done, 1 refused or failed, 2 wrong usage.
"""

from __future__ import annotations

import sys

import click

from cqar.cli.calling import call
from cqar.cli.catalogue import catalogue
from cqar.cli.demo import DemoFailed, demo
from cqar.cli.importing import import_
from cqar.cli.looking import resolve, status, venues
from cqar.cli.past import audit, history
from cqar.cli.stack import down, up
from cqar.cli.target import Target, target_options
from cqar.connection import CallFailed
from cqar.embedded.errors import EmbeddedError
from cqar.venues.departures import MassDelisting
from cqar.venues.found import Unreadable
from cqar.venues.plan import OutOfOrder
from shared import about

#: Errors whose text is for people; anything else is a bug and shows its traceback.
SAID = (CallFailed, DemoFailed, EmbeddedError, MassDelisting, OutOfOrder, Unreadable)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(about.version(), prog_name="cqar")
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


for command in (up, down, call, import_, resolve, status, venues, catalogue, history, audit, demo):
    cli.add_command(command)


def main() -> None:
    try:
        sys.exit(cli(standalone_mode=False))
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)
    except SAID as error:
        click.echo(f"cqar: {error}", err=True)
        sys.exit(1)
