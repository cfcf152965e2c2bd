"""Runs one verb: calls the writer and prints the response."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import click
from google.protobuf import message_factory
from google.protobuf.message import Message

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.change_flow import PLANNED, ChangeOptions, require_answer, show_ask_apply
from cqar.cli.lazy_commands import load_attribute
from cqar.cli.list_output import ListOptions, ListView, OutputRow, read_order, show_list
from cqar.cli.nouns.error_hints import with_hint
from cqar.cli.nouns.field_names import enum_word
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.nouns.impact import Impact, show_impact
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.parameters import FieldParameter, fill_request, method_of
from cqar.cli.nouns.rows import detail_rows, list_rows
from cqar.cli.output import print_json, say, table, to_stderr
from cqar.cli.target import Target


class RunOptions(NamedTuple):
    """The options that are no field of a request."""

    as_json: bool = False
    listing: ListOptions = ListOptions()
    reason: str = ""
    idempotency_key: str | None = None
    yes: bool = False
    plan: bool = False

    @property
    def how(self) -> ChangeOptions:
        return ChangeOptions(self.reason, self.plan, self.yes, self.as_json)


def run(
    noun: Noun,
    verb: Verb,
    parameters: list[FieldParameter],
    target: Target,
    values: dict[str, Any],
    options: RunOptions,
) -> None:
    """Run a command.

    Raises:
        UsageError: the command changes nothing, or there is no terminal to ask for confirmation.
        CallFailed: the writer refused, or a name is ambiguous.
    """
    if verb.effect == "changed":
        _require_change(verb, parameters, values)
    if verb.confirms:
        require_answer(options.how)
    method = method_of(verb)
    request = message_factory.GetMessageClass(method.input_type)()
    typed = _typed_arguments(verb, parameters, values)
    with target.to_writer() as connection, with_hint(noun, verb, parameters):
        fill_request(request, parameters, values, IdLookup(connection))
        if noun.list_field in method.output_type.fields_by_name:
            _show_list(noun, verb, connection, request, options.listing)
            return
        question = f"{noun.name} {typed} will be {verb.effect}. Continue?"
        response = _call(verb, connection, request, options, question)
        if not verb.effect:
            _show_entity(noun, verb, connection, response, typed, as_json=options.as_json)
        elif options.plan:
            say(PLANNED)
        elif options.as_json:
            print_json(response)
        else:
            _show_change(noun, verb, typed, request, response)


def _call(
    verb: Verb, connection: Connection, request: Message, options: RunOptions, question: str
) -> Any:
    """Call the verb's RPC; of what removes or stops something, show first what turns, and ask.

    Returns:
        The RPC's response; None of a plan.
    """
    turned = None
    is_told = options.yes and not options.plan
    # What is added by a key may be there already, by the same command.
    is_repeated = verb.effect == "added" and options.idempotency_key is not None
    if verb.impact and not (is_told or is_repeated):
        turned = load_attribute(verb.impact)(connection, request)

    def attempt(*, dry_run: bool) -> Any:
        if dry_run:
            return None
        metadata = [("idempotency-key", key)] if (key := options.idempotency_key) else []
        call = getattr(connection.registry, verb.rpc)
        return connection.call(call, request, options.reason, metadata)

    def show(_: Any) -> None:
        if isinstance(turned, Impact):
            show_impact(turned)
        for line in turned if isinstance(turned, list) else ():
            say(line)

    if verb.confirms or options.plan or turned is not None:
        return show_ask_apply(options.how, attempt, show, question)
    return attempt(dry_run=False)


def _require_change(verb: Verb, parameters: list[FieldParameter], values: dict[str, Any]) -> None:
    options = [item for item in parameters if item.name not in (*verb.arguments, "if_revision")]
    if all(values[item.name] in (None, ()) for item in options):
        names = ", ".join(item.parameter.opts[0] for item in options)
        raise click.UsageError(f"nothing to change: give at least one of {names}")


def _typed_arguments(verb: Verb, parameters: list[FieldParameter], values: dict[str, Any]) -> str:
    """The arguments as the user types them."""
    words = []
    for item in parameters:
        value = values[item.name]
        if item.name in verb.arguments and value is not None:
            enum = item.field.enum_type
            words.append(str(value) if enum is None else enum_word(enum, value))
    return " ".join(words)


def _show_change(noun: Noun, verb: Verb, typed: str, request: Message, response: Any) -> None:
    """Print what changed, with the entity's id unless the user typed it."""
    entity = getattr(response, verb.response_field or noun.entity_field, request)
    key = getattr(entity, noun.id_field, "") if noun.id_field else ""
    suffix = f" ({key})" if key and key not in typed.split() else ""
    say(f"{verb.effect} {noun.name} {typed}{suffix}, revision {response.revision}.")
    if verb.note and (note := load_attribute(verb.note)(entity)):
        say(note)


def _show_entity(
    noun: Noun, verb: Verb, connection: Connection, response: Any, typed: str, *, as_json: bool
) -> None:
    entity = response if verb.response_field == "*" else getattr(response, noun.entity_field)
    if as_json:
        print_json(entity)
    else:
        rows = detail_rows(noun, entity, IdLabels(connection))
        table(f"{noun.name} {typed}", ("", ""), rows)


def _show_list(
    noun: Noun, verb: Verb, connection: Connection, request: Any, listing: ListOptions
) -> None:
    labels, entities, has_more = IdLabels(connection), [], False
    for response in _pages(connection, verb, request):
        entities += getattr(response, noun.list_field)
        labels.add_symbols(getattr(response, "symbols", ()))
        has_more = bool(getattr(response, "next_page_token", ""))
    count = f"{len(entities)} {noun.name}" + ("" if len(entities) == 1 else "s")
    kind = method_of(verb).output_type.fields_by_name[noun.list_field].message_type
    assert kind is not None  # entities are messages
    columns, cells = list_rows(noun, kind, entities, labels)
    rows = [OutputRow(*pair) for pair in zip(cells, entities, strict=True)]
    if verb.rpc.startswith("List"):
        rows.sort(key=read_order)
    ids = ("id",) if "id" in columns else tuple(columns[:2])
    show_list(ListView(count, columns, rows, ids, f"no {noun.name}s."), listing)
    if has_more:
        to_stderr("there are more: give --limit N")


def _pages(connection: Connection, verb: Verb, request: Any) -> Iterator[Any]:
    """All pages of a list; of a search, only the page that was asked for."""
    method = getattr(connection.registry, verb.rpc)
    if "page_size" in request.DESCRIPTOR.fields_by_name:
        yield from pagination.pages(connection, method, request)
    else:
        yield connection.call(method, request)
