"""`cqar-writer serve`, and the commands for keys; configured by config.yaml and CQAR_WRITER_*."""

from __future__ import annotations

import os
import sys
from typing import Final

import click
import uvloop

from cqar_shared.domain.kinds.api_key import Role
from cqar_shared.errors import RegistryError, StartupError
from cqar_shared.runtime import process_memory, telemetry, version
from cqar_shared.runtime.config import load, shown
from cqar_shared.sql.postgres import dispose, make_engine
from cqar_shared.trust.seal_keys import make_command
from cqar_writer import app, signing_commands
from cqar_writer.api_keys import create_key
from cqar_writer.config import SECTION, WriterConfig
from cqar_writer.mutations import Mutations

#: What many items need is worked out in threads, each of which holds up a turn of the event loop
#: for so long; a call takes several turns. Python's own is 5 ms.
SWITCH_S: Final = 0.001


@click.group()
@click.version_option(version.version(), prog_name="cqar-writer")
def main() -> None:
    """The registry's writer: validates changes, commits them and publishes them.

    \b
    Example:
      export CQAR_WRITER_DATABASE_URL=postgresql://cqar:secret@localhost/cqar
      export CQAR_WRITER_NATS_URL=nats://localhost:4222
      cqar-writer serve
    """


@main.command()
def serve() -> None:
    """Serve gRPC and HTTP until SIGTERM."""
    config = load(WriterConfig, SECTION, os.environ)
    telemetry.log_to_stderr(config)
    sys.setswitchinterval(SWITCH_S)
    process_memory.limit_malloc_arenas()
    uvloop.run(app.run(config))


@main.command("config")
def config_command() -> None:
    """Show every setting in effect as config.yaml would state it, without passwords."""
    click.echo(shown(load(WriterConfig, SECTION, os.environ), SECTION), nl=False)


@main.command("create-key")
@click.option("--actor", required=True, help="Who acts with it: the name in the audit log.")
@click.option(
    "--role",
    required=True,
    type=click.Choice([role.name.lower() for role in Role]),
    help="Each role includes those before it.",
)
def create_key_command(actor: str, role: str) -> None:
    """Make an API key and print it: the only time that it is seen.

    For the first key of a registry: it writes to the database itself. ACTOR is printable, does not
    look like the name of another, mixes no scripts, and neither is nor begins with the services'
    own: cqar, cqar-.
    """
    config = load(WriterConfig, SECTION, os.environ)

    async def make() -> str:
        engine = make_engine(config.database_url, connections_max=1, application="cqar-key")
        try:
            return await create_key(Mutations(engine, app.utc_now), actor, Role[role.upper()])
        finally:
            await dispose(engine)

    try:
        click.echo(uvloop.run(make()))
    except RegistryError as error:
        raise click.ClickException(str(error)) from error


for _command in (make_command, *signing_commands.COMMANDS):
    main.add_command(_command)


if __name__ == "__main__":
    try:
        main()
    except StartupError as error:
        sys.exit(str(error))
