"""click commands made of the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cqar.cli.lazy_commands import load_attribute
from cqar.cli.nouns.execute import RunOptions, run
from cqar.cli.nouns.field_types import HeaderTextParam, TextParam
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.parameters import parameters_of
from cqar.cli.target import Target, with_target


class VerbGroup(click.Group):
    """A group that knows other words for some of its commands, and one for all other words."""

    def __init__(
        self, name: str, about: str, aliases: Mapping[str, str], otherwise: str = ""
    ) -> None:
        super().__init__(name, help=about)
        self._aliases = aliases
        self._otherwise = otherwise

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self._otherwise and args and self.get_command(ctx, args[0]) is None:
            args = [self._otherwise, *args]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self._aliases.get(cmd_name, cmd_name))

    def list_commands(self, _: click.Context) -> list[str]:
        """In the table's order: adding before removing."""
        return list(self.commands)


def command_of(noun: Noun) -> click.Group:
    """The noun's group; verbs of two words lie in a group of their own."""
    about = _help(noun.about, *noun.verbs.values())
    top = VerbGroup(noun.name, about, noun.aliases, noun.otherwise)
    for words, verb in noun.verbs.items():
        *outer, last = words.split()
        group: click.Group = top
        for word in outer:
            if word not in group.commands:
                group.add_command(_subgroup(noun, word))
            inner = group.commands[word]
            assert isinstance(inner, click.Group)
            group = inner
        group.add_command(_command(noun, verb, last))
    for name, where in noun.more.items():
        top.add_command(load_attribute(where), name)
    return top


def _subgroup(noun: Noun, word: str) -> VerbGroup:
    inner = {w.split()[1]: verb for w, verb in noun.verbs.items() if w.split()[0] == word}
    return VerbGroup(word, _help(f"{word.capitalize()}: {', '.join(inner)}.", *inner.values()), {})


def _help(about: str, *verbs: Verb) -> str:
    """What it does, and lines that work, each as it is."""
    title = "Example:" if len(verbs) == 1 else "Examples:"
    return "\n".join([about, "", "\b", title, *(f"  {verb.example}" for verb in verbs)])


def _command(noun: Noun, verb: Verb, name: str) -> click.Command:
    wanted = parameters_of(noun, verb)

    @with_target
    def callback(target: Target, **given: Any) -> None:
        how = RunOptions(**{name: given.pop(name) for name in RunOptions._fields if name in given})
        run(noun, verb, wanted, target, given, how)

    targets: list[click.Parameter] = list(reversed(callback.__click_params__))  # type: ignore[attr-defined]
    return click.Command(
        name,
        callback=callback,
        params=[*(item.parameter for item in wanted), *_options(verb), *targets],
        help=_help(verb.about, verb),
    )


def _options(verb: Verb) -> list[click.Parameter]:
    """The options that are no field of the request: `How`, by name."""
    options: list[click.Parameter] = [
        click.Option(["as_json", "--json"], is_flag=True, help="The answer as JSON.")
    ]
    if verb.done:
        options += [
            click.Option(
                ["--reason"], type=TextParam(), default="", help="Why, for the audit log."
            ),
            click.Option(
                ["--idempotency-key"],
                type=HeaderTextParam(),
                help="Sent again with the same key, it is done once.",
            ),
        ]
    if verb.asks:
        options.append(click.Option(["--yes", "-y"], is_flag=True, help="Do not ask."))
    return options
