"""`cqar call`: what it refuses before anything is sent, and the RPCs that it knows."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from cqc.resolver.v1 import resolver_pb2
from cqc.services.v1 import asset_registry_pb2
from cqc.writer.v1 import registry_admin_pb2

from cqar.admin.connection import CallFailed
from cqar.admin.rpc_catalog import RESOLVER, WRITER, rpcs
from cqar.cli import cli

NOBODY = ("--writer", "127.0.0.1:1", "--resolver", "127.0.0.1:1")
SERVICES = (
    asset_registry_pb2.DESCRIPTOR.services_by_name["AssetRegistry"],
    resolver_pb2.DESCRIPTOR.services_by_name["Resolver"],
    registry_admin_pb2.DESCRIPTOR.services_by_name["RegistryAdmin"],
)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name an RPC"),
        (["GetVenuSymbol"], "did you mean GetVenueSymbol"),
        (["getasset"], "did you mean GetAsset"),
        (["Xyzzy"], "cqar call --list"),
        (["GetAsset", "{"], "Expecting property name"),
        (["GetAsset", ""], "Expecting value"),
        (["GetAsset", '{"asset": "1"}'], 'has no field named "asset"'),
        (["GetAsset", '{"asset_id": 1}'], "the request is not a GetAssetRequest"),
        (["GetAsset", "[1]"], "the request is not a GetAssetRequest"),
        (["GetAsset", "null"], "the request is not a GetAssetRequest"),
        (["GetAsset", "[" * 100_000], "the request is not a GetAssetRequest"),
        (["GetAsset", "--metadata", "idempotency-key"], "give KEY=VALUE"),
        (["GetAsset", "--metadata", "a b=c"], "give KEY=VALUE"),
        (["GetAsset", "--metadata", "key=\n"], "printable ASCII"),
        (["GetAsset", "--metadata", "trace-bin=x"], "binary"),
        (["GetAsset", "--to", "nobody"], "'nobody' is not one of"),
    ],
)
def test_a_wrong_call_is_refused_with_what_is_wrong_and_exit_code_2(
    arguments: list[str], said: str
) -> None:
    ran = CliRunner().invoke(cli, ["call", *arguments, *NOBODY])
    assert ran.exit_code == 2
    assert said in ran.stderr


@pytest.mark.parametrize(
    ("name", "where"), [("GetAsset", WRITER), ("GetHead", WRITER), ("Resolve", RESOLVER)]
)
def test_a_call_goes_to_the_server_that_answers_its_service(name: str, where: str) -> None:
    assert rpcs()[name].home == where
    ran = CliRunner().invoke(cli, ["call", name, f"--{where}", "127.0.0.1:2"])
    assert isinstance(ran.exception, CallFailed)
    assert "127.0.0.1:2 does not answer" in str(ran.exception)


def test_a_call_can_be_sent_to_the_other_server() -> None:
    ran = CliRunner().invoke(cli, ["call", "GetAsset", "--to", RESOLVER, *NOBODY])
    assert "127.0.0.1:1 does not answer" in str(ran.exception)


def test_a_request_is_read_from_stdin() -> None:
    ran = CliRunner().invoke(cli, ["call", "GetAsset", "-", *NOBODY], input='{"asset": 1}')
    assert ran.exit_code == 2
    assert 'has no field named "asset"' in ran.stderr


def test_every_rpc_of_the_three_services_is_known_by_its_name() -> None:
    methods = [method for service in SERVICES for method in service.methods]
    assert len(rpcs()) == len(methods)
    for method in methods:
        rpc = rpcs()[method.name]
        assert rpc.path == f"/{method.containing_service.full_name}/{method.name}"
        assert rpc.request.DESCRIPTOR is method.input_type
        assert rpc.response.DESCRIPTOR is method.output_type
        assert rpc.streams == method.server_streaming


def test_every_rpc_says_what_it_does() -> None:
    assert [name for name, rpc in rpcs().items() if not rpc.summary] == []


def test_the_list_shows_every_rpc_with_its_summary() -> None:
    ran = CliRunner().invoke(cli, ["call", "--list"])
    assert ran.exit_code == 0
    for name, rpc in rpcs().items():
        assert name in ran.stdout
        assert rpc.summary.split()[0] in ran.stdout


def test_the_example_in_the_help_is_a_request() -> None:
    text = CliRunner().invoke(cli, ["call", "--help"]).stdout
    shown = text.partition("cqar call GetVenueSymbol '")[2].partition("'")[0]
    assert json.loads(shown).keys() == {"venue_id", "venue_symbol"}
