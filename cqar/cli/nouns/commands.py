"""Makes the click commands of the nouns and verbs in the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from cqar.cli.change_flow import flow_options
from cqar.cli.grouped_help import GroupedCommand, GroupedGroup
from cqar.cli.lazy_commands import load_attribute
from cqar.cli.list_output import list_parameters, taken
from cqar.cli.nouns.execute import RunOptions, run
from cqar.cli.nouns.field_types import HeaderTextParam, TextParam
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.parameters import FieldParameter, method_of, parameters_of
from cqar.cli.target import Target, with_target


class VerbGroup(GroupedGroup):
    """A group with aliases for its commands, and a default command for any other word."""

    def __init__(
        self, name: str, help_text: str, aliases: Mapping[str, str], default_verb: str = ""
    ) -> None:
        super().__init__(name, help=help_text)
        self._aliases = aliases
        self._default_verb = default_verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self._default_verb and args and self.get_command(ctx, args[0]) is None:
            args = [self._default_verb, *args]
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self._aliases.get(cmd_name, cmd_name))

    def list_commands(self, _: click.Context) -> list[str]:
        """In the table's order: adding before removing."""
        return list(self.commands)


def command_of(noun: Noun) -> click.Group:
    """The noun's group; verbs of two words are in a subgroup."""
    help_text = _help(noun.summary, *map(noun.example, noun.verbs))
    top = VerbGroup(noun.name, help_text, noun.aliases, noun.default_verb)
    for words, verb in noun.verbs.items():
        *outer, last = words.split()
        group: click.Group = top
        for word in outer:
            if word not in group.commands:
                group.add_command(_subgroup(noun, word))
            inner = group.commands[word]
            assert isinstance(inner, click.Group)
            group = inner
        group.add_command(_command(noun, verb, last, noun.example(words)))
    for name, where in noun.extra_commands.items():
        top.add_command(load_attribute(where), name)
    return top


def _subgroup(noun: Noun, word: str) -> VerbGroup:
    inner = [words for words in noun.verbs if words.split()[0] == word]
    summary = f"{word.capitalize()}: {', '.join(words.split()[1] for words in inner)}."
    return VerbGroup(word, _help(summary, *map(noun.example, inner)), {})


def _help(summary: str, *examples: str) -> str:
    """The summary and the examples, each on its own line."""
    title = "Example:" if len(examples) == 1 else "Examples:"
    return "\n".join([summary, "", "\b", title, *(f"  {example}" for example in examples)])


def _command(noun: Noun, verb: Verb, name: str, example: str) -> click.Command:
    parameters = parameters_of(noun, verb)

    @with_target
    def callback(target: Target, **values: Any) -> None:
        listing = {"listing": taken(values)} if "form" in values else {}
        options = {name: values.pop(name) for name in RunOptions._fields if name in values}
        options |= listing
        run(noun, verb, parameters, target, values, RunOptions(**options))

    targets: list[click.Parameter] = list(reversed(callback.__click_params__))  # type: ignore[attr-defined]
    return GroupedCommand(
        name,
        callback=callback,
        params=[*(item.parameter for item in parameters), *_run_options(noun, verb), *targets],
        help=_help(verb.summary, example) + _words_of(parameters),
    )


def _words_of(parameters: list[FieldParameter]) -> str:
    """The words that arguments take, where those are a few."""
    words = [
        f"{item.typed}: {', '.join(item.parameter.type.choices)}."
        for item in parameters
        if isinstance(item.parameter, click.Argument)
        and isinstance(item.parameter.type, click.Choice)
    ]
    return "".join(f"\n\n{line}" for line in words)


def _run_options(noun: Noun, verb: Verb) -> list[click.Parameter]:
    """The options that are no field of the request: those of `RunOptions`, by name."""
    if noun.list_field in method_of(verb).output_type.fields_by_name:
        return list_parameters()
    options: list[click.Parameter] = [
        click.Option(["as_json", "--json"], is_flag=True, help="Print the response as JSON.")
    ]
    if verb.effect:
        options += [
            click.Option(
                ["--reason"], type=TextParam(), default="", help="Reason for the audit log."
            ),
            click.Option(
                ["--idempotency-key"],
                type=HeaderTextParam(),
                help="A repeated call with the same key is applied once.",
            ),
        ]
    if verb.confirms or verb.impact:
        options += [o for o in flow_options() if o.name in ("plan", "yes")]
    return options
