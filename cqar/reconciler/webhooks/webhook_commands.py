"""`cqar-reconciler webhooks`: what could not be delivered, sent again; an endpoint tried."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from pathlib import Path

import click

from cqar.reconciler.config import ReconcilerConfig, settings_in_effect
from cqar.reconciler.webhooks.dead_letters import DeadLetters
from cqar.reconciler.webhooks.delivery import (
    WEBHOOKS_FOLDER,
    Endpoint,
    endpoint_of,
    make_client,
    post_once,
)
from cqar.reconciler.webhooks.notices import Notice, NoticeEvent


@click.group()
def webhooks() -> None:
    """Notices that could not be delivered. Each command may run beside the reconciler."""


def _endpoint(settings: ReconcilerConfig, name: str) -> Endpoint:
    for setting in settings.webhooks:
        if setting.name == name:
            return endpoint_of(setting)
    known = ", ".join(setting.name for setting in settings.webhooks) or "none"
    raise click.ClickException(f"there is no webhook {name!r}; configured: {known}")


def _letters(settings: ReconcilerConfig, name: str) -> DeadLetters:
    return DeadLetters(Path(settings.state_folder) / WEBHOOKS_FOLDER / f"{name}.dead")


@webhooks.command("list-dead")
def list_dead() -> None:
    """List what was given up: endpoint, when, event, subject, and what the endpoint answered.

    \b
    Example:
      cqar-reconciler webhooks list-dead
    """
    settings = settings_in_effect()
    for setting in settings.webhooks:
        for _, letter in _letters(settings, setting.name).all():
            at = dt.datetime.fromtimestamp(letter.given_up_at_s, dt.UTC)
            notice = letter.notice
            cells = (setting.name, at.isoformat(timespec="seconds"), notice.event_id)
            click.echo("\t".join((*cells, notice.event, notice.subject, letter.problem)))


@webhooks.command()
@click.argument("name")
def retry(name: str) -> None:
    """Post what was given up for the endpoint NAME again; what is taken is forgotten.

    Exit code 1: something was not taken.

    \b
    Example:
      cqar-reconciler webhooks retry desk
    """
    settings = settings_in_effect()
    endpoint, letters = _endpoint(settings, name), _letters(settings, name)

    async def post_all() -> tuple[int, int]:
        taken = failed = 0
        async with make_client() as client:
            for path, letter in letters.all():
                result = await post_once(client, endpoint, letter.notice)
                if result.problem:
                    failed += 1
                    click.echo(f"{letter.notice.event_id}: {result.problem}", err=True)
                else:
                    taken += 1
                    path.unlink(missing_ok=True)
        return taken, failed

    taken, failed = asyncio.run(post_all())
    click.echo(f"{taken} taken, {failed} not")
    if failed:
        raise click.exceptions.Exit(1)


@webhooks.command()
@click.argument("name")
def test(name: str) -> None:
    """Post a notice that says that it is a test to the endpoint NAME.

    \b
    Example:
      cqar-reconciler webhooks test desk
    """
    endpoint = _endpoint(settings_in_effect(), name)
    notice = Notice(
        event_id=f"test:{uuid.uuid4()}",
        event=NoticeEvent.LISTED,
        epoch=0,
        revision=0,
        committed_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        venue_id=None,
        subject="a test",
        actor="cqar-reconciler",
        reason="webhooks test",
        text="a test: nothing happened",
        details={},
    )

    async def post() -> str:
        async with make_client() as client:
            return (await post_once(client, endpoint, notice)).problem

    if problem := asyncio.run(post()):
        raise click.ClickException(f"{name} {problem}")
    click.echo(f"{name} took it")
