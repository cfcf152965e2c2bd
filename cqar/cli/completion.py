"""`cqar completion`: the script with which a shell completes `cqar`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cqar.cli.grouped_help import GroupedCommand

VARIABLE = "_CQAR_COMPLETE"


@click.command(cls=GroupedCommand)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print the script that completes `cqar` in SHELL.

    \b
    Examples:
      source <(cqar completion bash)         # in ~/.bashrc; bash 4.4 or newer
      source <(cqar completion zsh)          # in ~/.zshrc, after compinit
      cqar completion fish > ~/.config/fish/completions/cqar.fish
    """
    completer = get_completion_class(shell)
    assert completer is not None
    script = completer(context.find_root().command, {}, "cqar", VARIABLE)
    click.echo(script.source_template % script.source_vars())
