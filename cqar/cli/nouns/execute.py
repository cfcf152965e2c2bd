"""One run of a verb: ask the writer, show what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import click
from google.protobuf import json_format, message_factory
from google.protobuf.message import Message

from cqar.admin import pagination
from cqar.admin.connection import Connection
from cqar.cli.nouns.error_hints import with_hint
from cqar.cli.nouns.field_names import enum_word
from cqar.cli.nouns.id_labels import IdLabels
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.parameters import FieldParameter, fill_request, method_of
from cqar.cli.nouns.rows import detail_rows, list_rows
from cqar.cli.output import (
    confirm,
    print_json,
    require_terminal,
    say,
    table,
    to_stderr,
)
from cqar.cli.target import Target


class RunOptions(NamedTuple):
    """The options that are no field of a request."""

    as_json: bool = False
    reason: str = ""
    idempotency_key: str | None = None
    yes: bool = False


def run(
    noun: Noun,
    verb: Verb,
    wanted: list[FieldParameter],
    target: Target,
    given: dict[str, Any],
    how: RunOptions,
) -> None:
    """Do what a command says.

    Raises:
        UsageError: It changes nothing, or nobody can be asked whether to do it.
        CallFailed: The writer refused, or a name is unclear.
    """
    if verb.done == "changed":
        _require_change(verb, wanted, given)
    if verb.asks and not how.yes:
        require_terminal("--yes")
    request = message_factory.GetMessageClass(method_of(verb).input_type)()
    what = _typed_arguments(verb, wanted, given)
    method = method_of(verb)
    with target.to_writer() as connection, with_hint(noun, verb):
        fill_request(request, wanted, given, IdLookup(connection))
        if verb.asks and not how.yes:
            confirm(f"have {noun.name} {what} {verb.done}?")
        if noun.many in method.output_type.fields_by_name:
            _show_list(noun, verb, connection, request, how)
            return
        once = [("idempotency-key", key)] if (key := how.idempotency_key) else []
        call = getattr(connection.registry, verb.rpc)
        answer = connection.call(call, request, how.reason, once)
        if not verb.done:
            _show_answer(noun, verb, connection, answer, what, how)
        elif how.as_json:
            print_json(answer)
        else:
            _show_change(noun, verb, what, request, answer)


def _require_change(verb: Verb, wanted: list[FieldParameter], given: dict[str, Any]) -> None:
    options = [item for item in wanted if item.name not in (*verb.arguments, "if_revision")]
    if all(given[item.name] in (None, ()) for item in options):
        names = ", ".join(item.parameter.opts[0] for item in options)
        raise click.UsageError(f"nothing to change: give at least one of {names}")


def _typed_arguments(verb: Verb, wanted: list[FieldParameter], given: dict[str, Any]) -> str:
    """The arguments as people type them."""
    words = []
    for item in wanted:
        value = given[item.name]
        if item.name in verb.arguments and value is not None:
            enum = item.field.enum_type
            words.append(str(value) if enum is None else enum_word(enum, value))
    return " ".join(words)


def _show_change(noun: Noun, verb: Verb, what: str, request: Message, answer: Any) -> None:
    """What became of it, in a line, with its id where nobody typed that."""
    entity = getattr(answer, verb.answer or noun.one, request)
    key = getattr(entity, noun.id, "") if noun.id else ""
    shown = f" ({key})" if key and key not in what.split() else ""
    line = f"{verb.done} {noun.name} {what}{shown}, revision {answer.revision}."
    say(line)


def _show_answer(
    noun: Noun, verb: Verb, connection: Connection, answer: Any, what: str, how: RunOptions
) -> None:
    shown = answer if verb.answer == "*" else getattr(answer, noun.one)
    if how.as_json:
        print_json(shown)
    else:
        rows = detail_rows(noun, shown, IdLabels(connection))
        table(f"{noun.name} {what}", ("", ""), rows)


def _show_list(
    noun: Noun, verb: Verb, connection: Connection, request: Any, how: RunOptions
) -> None:
    names, entities, more = IdLabels(connection), [], False
    for answer in _pages(connection, verb, request):
        entities += getattr(answer, noun.many)
        names.learn_symbols(getattr(answer, "symbols", ()))
        more = bool(getattr(answer, "next_page_token", ""))
    if how.as_json:
        print_json(
            [json_format.MessageToDict(e, preserving_proto_field_name=True) for e in entities]
        )
    else:
        count = f"{len(entities)} {noun.name}" + ("" if len(entities) == 1 else "s")
        titles, rows = list_rows(noun, entities, names)
        if rows:
            table(count, titles, rows)
        else:
            say(f"no {noun.name}s.")
    if more:
        to_stderr("there are more: say --limit N")


def _pages(connection: Connection, verb: Verb, request: Any) -> Iterator[Any]:
    """All of a list, page by page; of a search the one page it asks for."""
    method = getattr(connection.registry, verb.rpc)
    if "page_size" in request.DESCRIPTOR.fields_by_name:
        yield from pagination.pages(connection, method, request)
    else:
        yield connection.call(method, request)
