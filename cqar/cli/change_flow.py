"""Shows what a change would do, asks, and makes it: the same for every command that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

import click

from cqar.cli.output import confirm, print_json, require_terminal, say

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)

PLANNED: Final = "Nothing was changed: this is a plan."


class Attempt(Protocol[Answer_co]):
    """Sends a change; as a dry run it changes nothing."""

    def __call__(self, *, dry_run: bool) -> Answer_co: ...


class ChangeOptions(NamedTuple):
    """How a change is made.

    Attributes:
        reason: For the audit log.
        plan: Show what would change, and change nothing.
        yes: Change it without asking.
        as_json: Print the answer as JSON, and nothing else on standard output.
    """

    reason: str = ""
    plan: bool = False
    yes: bool = False
    as_json: bool = False

    @property
    def asks(self) -> bool:
        return not (self.plan or self.yes)


_REASON: Final = "Reason for the audit log."


def flow_options() -> list[click.Parameter]:
    """The options of ChangeOptions, by name."""
    return [
        click.Option(["--reason"], required=True, help=f"{_REASON}  [required]"),
        click.Option(
            ["plan", "--plan"], is_flag=True, help="Show what would change; change nothing."
        ),
        click.Option(["yes", "--yes", "-y"], is_flag=True, help="Change it without asking."),
        click.Option(["as_json", "--json"], is_flag=True, help="Print the answer as JSON."),
    ]


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a change; the command gets them as `how`, a ChangeOptions."""

    def with_how(*args: Any, **values: Any) -> Any:
        how = ChangeOptions(**{name: values.pop(name) for name in ChangeOptions._fields})
        return command(*args, **values, how=how)

    own = list(getattr(command, "__click_params__", ()))
    with_how.__click_params__ = [*reversed(flow_options()), *own]  # type: ignore[attr-defined]
    with_how.__doc__, with_how.__name__ = command.__doc__, command.__name__
    return with_how


def require_answer(how: ChangeOptions) -> None:
    """Refuse, before anything is asked of a server, what nobody could confirm.

    Raises:
        UsageError: It must be confirmed, and there is no terminal.
    """
    if how.asks:
        require_terminal("--yes or --plan")


def show_ask_apply(
    how: ChangeOptions,
    attempt: Attempt[Answer],
    show: Callable[[Answer], None],
    question: str,
) -> Answer:
    """Make a change, after it was shown and confirmed.

    Args:
        attempt: Sends the change, or asks what it would do.
        show: Prints what a dry run answered.
        question: What is asked, such as "The listing will be voided. Continue?".

    Returns:
        The answer to the change; of a plan, that to the dry run.

    Raises:
        UsageError: It must be confirmed, and there is no terminal.
        Exit: The user said no.
        CallFailed: The writer refused; nothing was changed.
    """
    require_answer(how)
    planned = attempt(dry_run=True)
    if not how.as_json:
        show(planned)
    if how.plan:
        return planned
    if how.asks:
        confirm(question, err=True)
    return attempt(dry_run=False)


def report(how: ChangeOptions, answer: Any, done: str) -> None:
    """Print what became of a change: the answer as JSON, or a sentence."""
    if how.as_json:
        print_json(answer)
    else:
        say(PLANNED if how.plan else done)
