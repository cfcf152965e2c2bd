"""`cqar-reconciler serve`, and what it kept; configured by config.yaml and CQAR_RECONCILER_*."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from cqar.reconciler import app
from cqar.reconciler.config import SECTION, settings_in_effect
from cqar.reconciler.kept_answers import answers
from cqar.reconciler.webhooks.webhook_commands import webhooks
from cqar_shared.errors import StartupError
from cqar_shared.runtime import process_memory, telemetry, version
from cqar_shared.runtime.config import shown


def _check(context: click.Context, _: click.Parameter, is_given: bool) -> None:
    if is_given and not context.resilient_parsing:
        count = len(settings_in_effect().venues)
        click.echo(f"the configuration is good: {count} venues")
        context.exit()


@click.group()
@click.version_option(version.version(), prog_name="cqar-reconciler")
@click.option(
    "--check-config",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_check,
    help="Check the configuration, and stop.",
)
def main() -> None:
    """Keeps the registry up with its venues: asks them, compares, applies what the policy applies.

    \b
    Example:
      export CQAR_RECONCILER_WRITER=127.0.0.1:9090
      export CQAR_RECONCILER_KEY_FILE=/run/secrets/reconciler.key
      export CQAR_RECONCILER_STATE_FOLDER=/var/lib/cqar/reconciler
      export CQAR_RECONCILER_VENUES='[{"venue_id": "kraken"}, {"venue_id": "okx"}]'
      cqar-reconciler serve
    """


@main.command()
@click.option("--once", is_flag=True, help="End after one round of each venue; 1 if one failed.")
def serve(once: bool) -> None:
    """Keep up with the venues until SIGTERM."""
    settings = settings_in_effect()
    telemetry.log_to_stderr(settings)
    process_memory.limit_malloc_arenas()
    try:
        is_good = asyncio.run(app.run(settings, is_once=once))
    except app.CutOff:
        # Python would wait for the threads.
        sys.stderr.flush()
        os._exit(0)
    if once and not is_good:
        sys.exit(1)


@main.command("config")
def config_command() -> None:
    """Show every setting in effect as config.yaml would state it."""
    click.echo(shown(settings_in_effect(), SECTION), nl=False)


main.add_command(answers)
main.add_command(webhooks)


if __name__ == "__main__":
    try:
        main()
    except StartupError as error:
        sys.exit(str(error))
