"""`cqar-migrate upgrade [REVISION]`, `downgrade REVISION`, `current`, `grant`.

The database is CQAR_DATABASE_URL: postgresql://user:password@host:port/database; or what the file
holds that CQAR_DATABASE_URL_FILE names.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError

from cqar_shared.errors import StartupError
from cqar_shared.runtime.config import secret
from cqar_writer.migrations import rights


def config(database_url: str) -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.set_main_option("path_separator", "os")
    made.attributes["database_url"] = database_url
    return made


@click.group()
@click.option(
    "--database-url",
    help="postgresql://user:password@host:port/database (or CQAR_DATABASE_URL, or a file that"
    " CQAR_DATABASE_URL_FILE names).",
)
@click.pass_context
def main(context: click.Context, database_url: str | None) -> None:
    """Bring the database's schema to a revision.

    Example: CQAR_DATABASE_URL=postgresql://cqar@localhost/cqar cqar-migrate upgrade
    """
    found = database_url or secret(os.environ, "CQAR_DATABASE_URL")
    if not found:
        raise click.UsageError("say --database-url, or set CQAR_DATABASE_URL")
    context.obj = config(found)


@main.command()
@click.argument("revision", default="head")
@click.pass_obj
def upgrade(settings: Config, revision: str) -> None:
    """Apply the steps up to REVISION (default: all of them), and grant what `grant` grants."""
    command.upgrade(settings, revision)
    asyncio.run(rights.grant(settings.attributes["database_url"]))


@main.command()
@click.argument("revision")
@click.pass_obj
def downgrade(settings: Config, revision: str) -> None:
    """Undo the steps after REVISION; `base` undoes all. Data is lost."""
    command.downgrade(settings, revision)


@main.command()
@click.pass_obj
def current(settings: Config) -> None:
    """Print the revision the database is at."""
    command.current(settings)


@main.command()
@click.pass_obj
def grant(settings: Config) -> None:
    """Give cqar_writer, cqar_resolver and cqar_auditor their rights, those of them that are there.

    `upgrade` does it too: this is for accounts that were made since.
    """
    accounts = asyncio.run(rights.grant(settings.attributes["database_url"]))
    click.echo(" ".join(accounts) or "none of the accounts is there")


def run() -> None:
    """The command line."""
    try:
        main(prog_name="cqar-migrate")
    except StartupError as error:
        sys.exit(str(error))
    except (CommandError, OSError) as error:
        sys.exit(f"migrations: {error}")
