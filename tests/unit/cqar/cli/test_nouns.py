"""The nouns of the command line against the contract: every RPC, every field, nothing else."""

from __future__ import annotations

import datetime as dt
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from cqc.assets.v1 import quality_flag_pb2
from cqc.services.v1 import asset_registry_pb2 as pb
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from cqar.admin.connection import Connection
from cqar.cli import COMMANDS, cli
from cqar.cli.lazy_commands import LazyCommand
from cqar.cli.nouns import field_names
from cqar.cli.nouns.field_types import EnumParam
from cqar.cli.nouns.id_lookup import IdLookup
from cqar.cli.nouns.model import Noun, Verb
from cqar.cli.nouns.noun_table import NOUNS
from cqar.cli.nouns.parameters import (
    FieldParameter,
    fill_request,
    method_of,
    offered_fields,
    parameters_of,
)

ROOT = Path(__file__).resolve().parents[4]
RPCS = {m.name: m for m in pb.DESCRIPTOR.services_by_name["AssetRegistry"].methods}
VERBS = [(noun, words, verb) for noun in NOUNS for words, verb in noun.verbs.items()]
IDS = [f"{noun.name} {words}" for noun, words, _ in VERBS]
AN_ID = "6f1c1f0e-2f0b-4a57-9a53-0d4f6b1f0c11"
#: Besides `page_size` and `page_token`, which are followed.
NOT_OFFERED = {
    "CreateChainRequest.native_asset_symbol",
    "DelistVenueAssetRequest.reason",
    "DelistVenueSymbolRequest.reason",
    "GetAssetGroupRequest.name",
    "RaiseQualityFlagRequest.raised_by",
}

each_verb = pytest.mark.parametrize(("noun", "words", "verb"), VERBS, ids=IDS)


def verb_of(line: str) -> tuple[Noun, Verb]:
    name, _, words = line.partition(" ")
    noun = next(noun for noun in NOUNS if noun.name == name)
    return noun, noun.verbs[words]


def request_of(line: str, *typed: str) -> Any:
    """The request that a command makes of what was typed; ids need no writer."""
    noun, verb = verb_of(line)
    parameters = parameters_of(noun, verb)
    command = click.Command(line, params=[item.parameter for item in parameters])
    with command.make_context(line, list(typed)) as context:
        return filled(verb, parameters, context.params)


def filled(verb: Verb, parameters: list[FieldParameter], given: dict[str, Any]) -> Any:
    request = message_factory.GetMessageClass(method_of(verb).input_type)()
    with Connection("unix:/nowhere") as unused:
        fill_request(request, parameters, given, IdLookup(unused))
    return request


def test_every_rpc_is_one_verb_of_one_noun() -> None:
    assert sorted(verb.rpc for _, _, verb in VERBS) == sorted(RPCS)


def test_what_changes_something_takes_a_reason_and_what_removes_asks() -> None:
    reads = ("Check", "Get", "List", "Search")
    assert {v.rpc for _, _, v in VERBS if not v.effect} == {r for r in RPCS if r.startswith(reads)}
    removals = ("Delete", "Delist", "Remove")
    assert {v.rpc for _, _, v in VERBS if v.confirms} == {r for r in RPCS if r.startswith(removals)}


def test_the_fields_that_no_command_offers_are_these() -> None:
    hidden = {
        f"{field.containing_type.name}.{field.name}"
        for rpc in RPCS.values()
        for field in rpc.input_type.fields
        if field.name != "exact"
        and field.type != FieldDescriptor.TYPE_DOUBLE
        and not field_names.is_offered(field)
        and not field.name.startswith("page_")
    }
    assert hidden == NOT_OFFERED


def test_beside_every_double_stands_an_exact_text_that_is_offered() -> None:
    for rpc in RPCS.values():
        offered = {field.name for field, _ in offered_fields(rpc.input_type)}
        for field in rpc.input_type.fields:
            if field.type == FieldDescriptor.TYPE_DOUBLE:
                assert offered & {f"{field.name}_exact", field.name}, field.full_name


@each_verb
def test_every_field_that_is_offered_is_a_parameter_with_a_meaning(
    noun: Noun, words: str, verb: Verb
) -> None:
    parameters = parameters_of(noun, verb)
    offered = {(f.name, parent) for f, parent in offered_fields(method_of(verb).input_type)}
    assert {(item.field.name, item.parent) for item in parameters} == offered
    spelled = [spelling for item in parameters for spelling in item.parameter.opts]
    assert len(spelled) == len(set(spelled))
    for item in parameters:
        if isinstance(item.parameter, click.Option):
            assert item.parameter.help, item.name


def test_no_meaning_is_of_a_field_that_nobody_can_give() -> None:
    used = {
        field_names._RENAMED.get(item.field.full_name, item.field.name)
        for noun, _, verb in VERBS
        for item in parameters_of(noun, verb)
        if isinstance(item.parameter, click.Option)
    }
    assert set(field_names.FIELD_HELP) == used


def field_at(message: Descriptor, path: str) -> FieldDescriptor | None:
    *outer, last = path.split(".")
    for name in outer:
        field = message.fields_by_name.get(name)
        if field is None or field.message_type is None:
            return None
        message = field.message_type
    return message.fields_by_name.get(last)


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.name)
def test_every_column_is_a_field_of_what_is_listed_and_none_is_a_double(noun: Noun) -> None:
    entities = [
        field.message_type
        for verb in noun.verbs.values()
        for field in method_of(verb).output_type.fields
        if field.name == noun.list_field and field.message_type is not None
    ]
    assert entities
    for path in noun.columns.split():
        fields = [field for entity in entities if (field := field_at(entity, path))]
        assert fields, path
        assert all(field.type != FieldDescriptor.TYPE_DOUBLE for field in fields), path
    assert all(not noun.id_field or noun.id_field in e.fields_by_name for e in entities)


def is_whole(group: click.Group, words: list[str]) -> bool:
    """Whether an option of the group itself does all, such as `cqar import --list-venues`."""
    eager = {name for option in group.params if option.is_eager for name in option.opts}
    return group is not cli and bool(words) and words[0] in eager


def command_for(line: str) -> click.Command:
    """The command that takes a line.

    Raises:
        UsageError: None does.
    """
    program, *rest = shlex.split(line, comments=True)
    assert program == "cqar"
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        if is_whole(command, rest):
            return command
        _, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
    command.make_context(command.name, rest, parent=context)
    return command


def test_every_line_in_the_documents_is_taken() -> None:
    text = (ROOT / "docs" / "CLI.md").read_text() + (ROOT / "README.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("cqar ")]
    assert len(lines) > 20
    for line in lines:
        command_for(line)


def test_only_what_was_given_is_set() -> None:
    request = request_of("asset set", AN_ID, "--category", "", "--name", "Coin")
    assert request == pb.UpdateAssetRequest(asset_id=AN_ID, name="Coin", category="")
    assert {field.name for field, _ in request.ListFields()} == {"asset_id", "name", "category"}
    assert request_of("venue set", "binance", "--no-active").HasField("is_active")
    assert not request_of("venue set", "binance").HasField("is_active")


def test_steps_are_sent_as_they_were_typed_and_never_as_doubles() -> None:
    request = request_of("symbol set", AN_ID, "--tick-size", "0.10", "--lot-size", "1e-8")
    assert (request.exact.tick_size, request.exact.lot_size) == ("0.10", "1e-8")
    assert not request.HasField("tick_size")
    assert not request_of("symbol set", AN_ID, "--active").HasField("exact")
    member = request_of("group member add", AN_ID, AN_ID, "--weight", "1.10")
    assert (member.weight_exact, member.HasField("weight")) == ("1.10", False)


@pytest.mark.parametrize("typed", ["lp-token", "LP_TOKEN", "Lp-Token"])
def test_an_enums_value_is_its_short_name_however_it_is_written(typed: str) -> None:
    assert request_of("asset add", "X", "--type", typed).asset_type == 7


def test_the_unspecified_value_is_none() -> None:
    enum = quality_flag_pb2.DESCRIPTOR.enum_types_by_name["FlagSeverity"]
    assert list(EnumParam(enum).choices) == ["info", "low", "medium", "high", "critical"]


def test_members_bands_lists_metadata_and_times_are_read() -> None:
    group = request_of("group add", "g", "--member", AN_ID, "--member", f"{AN_ID}=0.5")
    assert [(m.asset_id, m.weight_exact) for m in group.members] == [(AN_ID, ""), (AN_ID, "0.5")]
    assert not group.members[0].HasField("weight_exact")
    listing = request_of(
        *("listing add", "okx", "A-B", AN_ID, "--tick-band", "0=0.01", "--tick-band", "10=0.1"),
        *("--listed-at", "2026-01-01T01:00+01:00"),
    )
    assert [(b.from_price, b.tick_size) for b in listing.tick_bands] == [
        ("0", "0.01"),
        ("10", "0.1"),
    ]
    assert listing.listed_at.ToDatetime(dt.UTC) == dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    chain = request_of("chain add", "base", "--rpc-url", "https://a", "--rpc-url", "https://b")
    assert (chain.id, list(chain.rpc_urls)) == ("base", ["https://a", "https://b"])
    venue = request_of("venue add", "v", "--metadata", '{"ccxt_id": "v"}')
    assert venue.metadata["ccxt_id"] == "v"


def test_a_network_has_a_number_and_a_chain_an_id() -> None:
    request = request_of("chain add", "base", "--network-id", "8453", "--explorer-url", "https://x")
    assert (request.id, request.chain_id) == ("base", 8453)
    assert request.block_explorer_url == "https://x"


@pytest.mark.parametrize(
    "typed",
    [
        ("asset add", "X", "--type", "unspecified"),
        ("asset add", "X", "--name", "\udcff"),
        ("group add", "g", "--member", "=1"),
        ("group add", "g", "--member", "BTC="),
        ("listing set", "v", "s", "--tick-band", "0.1"),
        ("listing set", "v", "s", "--if-revision", "-1"),
        ("listing set", "v", "s", "--price-significant-digits", str(2**31)),
        ("listing rm", "v", "s", "--delisted-at", "soon"),
        ("listing rm", "v", "s", "--delisted-at", "0001-01-01T00:00+14:00"),
        ("venue set", "v", "--metadata", "[1]"),
        ("venue set", "v", "--metadata", "[" * 100_000),
        ("venue set", "v", "--metadata", '{"a":' * 100_000),
        ("venue set", "v", "--metadata", "{"),
        ("identifier show asset", AN_ID, "nobody"),
    ],
)
def test_what_cannot_be_sent_is_wrong_usage(typed: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError) as raised:
        request_of(*typed)
    assert raised.value.exit_code == 2


def run(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(cli, arguments)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, ran.output


def test_setting_nothing_is_wrong_usage_and_names_what_could_be_set() -> None:
    for options in ((), ("--if-revision", "3")):
        code, said = run("asset", "set", AN_ID, *options)
        assert (code, "--category" in said, "--if-revision" in said) == (2, True, False)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        *((("asset", "rm", "A"), "--yes"), (("listing", "rm", "v", "s"), "--yes")),
        *(
            (("venue-asset", "rm", "v", "A"), "--yes"),
            (("group", "member", "rm", "g", "A"), "--yes"),
        ),
        *(
            (("asset", "add", "X", "--idempotency-key", key), "printable ASCII")
            for key in ("", "schlüssel", "a\nb")
        ),
    ],
)
def test_no_terminal_or_an_unsendable_key_is_wrong_usage(line: tuple[str, ...], said: str) -> None:
    code, output = run(*line)
    assert (code, said in output) == (2, True), output


def test_another_word_for_a_verb_is_that_verb() -> None:
    assert run("flag", "add", "--help")[1] == run("flag", "raise", "--help")[1].replace(
        "flag raise [", "flag add ["
    )


def leaves_and_groups(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    command = command.load() if isinstance(command, LazyCommand) else command
    yield words, command
    for name, inner in command.commands.items() if isinstance(command, click.Group) else ():
        yield from leaves_and_groups(inner, f"{words} {name}")


def test_every_help_has_an_example_that_its_command_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert all(cli.commands[name].short_help == summary for name, _, summary in COMMANDS)
    commands = dict(leaves_and_groups(cli, "cqar"))
    assert len(commands) > 80
    for words, command in commands.items():
        assert command.help is not None, words
        examples = re.findall(r"(?:Example: | {2}|\n)(cqar .*)", command.help)
        assert examples or "cqar completion" in command.help, words
        for example in examples:
            # `cqar import apply plan.json` and its like take a file that is there.
            for name in re.findall(r" (\w+\.(?:json|csv))", example):
                (tmp_path / name).touch()
            if "$(" not in example:
                command_for(re.split(r" \| | >>? ", example)[0])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(shell: str) -> None:
    code, script = run("completion", shell)
    assert code == 0
    assert f"_CQAR_COMPLETE={shell}_complete" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("cqar as", {"asset"}),
        ("cqar venue", {"venue", "venue-asset", "venues"}),
        ("cqar asset s", {"show", "set", "search"}),
        ("cqar group member ", {"add", "rm"}),
        ("cqar asset add X --type erc", {"erc20", "erc721", "erc1155"}),
        ("cqar flag raise X rug", {"rugpull"}),
    ],
)
def test_a_shell_is_offered_nouns_verbs_options_and_values(typed: str, offered: set[str]) -> None:
    words = typed.split(" ")
    environment = {
        "_CQAR_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    ran = CliRunner().invoke(cli, [], env=environment, prog_name="cqar")
    assert {line.partition(",")[2] for line in ran.output.splitlines()} == offered


def test_help_and_completion_import_neither_sqlalchemy_nor_the_importer() -> None:
    text = (
        "import sys; sys.argv = ['cqar', '--help'];"
        "import cqar.cli\n"
        "try: cqar.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'asyncpg', 'ccxt', 'eth_hash', 'nats', 'cqar.catalogue'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", text], check=True, stdout=subprocess.DEVNULL)
