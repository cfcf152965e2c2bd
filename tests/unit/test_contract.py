"""Every message, number, type, enum value and RPC of CQC v0.3.1 is in the generated code."""

from __future__ import annotations

import importlib
import pkgutil

import cqc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor

from tests.support.contract_files import rows

for module in pkgutil.walk_packages(cqc.__path__, "cqc."):
    if module.name.endswith("_pb2"):
        importlib.import_module(module.name)

POOL = descriptor_pool.Default()
SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_INT64: "int64",
    FieldDescriptor.TYPE_DOUBLE: "double",
}


def type_of(field: FieldDescriptor) -> str:
    if field.message_type is not None:
        return str(field.message_type.full_name)
    if field.enum_type is not None:
        return str(field.enum_type.full_name)
    return SCALARS[field.type]


@pytest.mark.parametrize("row", rows("messages"), ids=lambda r: f"{r['message']}.{r['field']}")
def test_field_is_as_cqc_has_it(row: dict[str, str]) -> None:
    field = POOL.FindMessageTypeByName(row["message"]).fields_by_name[row["field"]]
    assert field.number == int(row["number"])
    assert type_of(field) == row["type"]
    assert field.is_repeated == (row["label"] == "repeated")
    assert field.has_presence == (row["label"] == "optional")


def test_cqars_own_fields_in_cqcs_messages_start_at_100() -> None:
    theirs = {(r["message"], r["field"]) for r in rows("messages")}
    for message in {m for m, _ in theirs}:
        for field in POOL.FindMessageTypeByName(message).fields:
            assert (message, field.name) in theirs or field.number >= 100, field.full_name


def test_every_list_pages_and_what_cqc_lacks_has_the_same_numbers_everywhere() -> None:
    theirs = {(r["message"], r["field"]) for r in rows("messages")}
    registry = POOL.FindServiceByName("cqc.services.v1.AssetRegistry")
    wholly_ours = {"ListAssetGroups"}
    lists = [m for m in registry.methods if m.name.startswith("List")]
    assert len(lists) == 12
    for method in lists:
        for message, numbers in (
            (method.input_type, {"page_size": 103, "page_token": 104}),
            (method.output_type, {"next_page_token": 101, "total_count": 103}),
        ):
            for name, number in numbers.items():
                field = message.fields_by_name[name]
                given = (message.full_name, name) in theirs or method.name in wholly_ours
                assert given or field.number == number, field.full_name


@pytest.mark.parametrize("row", rows("enums"), ids=lambda r: r["enum"] + "." + r["value"])
def test_enum_value_is_as_cqc_has_it(row: dict[str, str]) -> None:
    value = POOL.FindEnumTypeByName(row["enum"]).values_by_name[row["value"]]
    assert value.number == int(row["number"])


def test_every_rpc_of_cqc_is_there_and_ours_beside_it() -> None:
    registry = POOL.FindServiceByName("cqc.services.v1.AssetRegistry")
    rpcs = {m.name: (m.input_type.full_name, m.output_type.full_name) for m in registry.methods}
    theirs = {r["rpc"]: (r["request"], r["response"]) for r in rows("rpcs")}
    assert len(theirs) == 42
    assert theirs.items() <= rpcs.items()
    assert rpcs.keys() - theirs.keys() == {
        "CheckAssetTradeable",
        "DeleteAssetRelationship",
        "DelistVenueAsset",
        "DelistVenueSymbol",
        "ListAssetGroups",
        "UpdateChain",
        "UpdateVenue",
        "UpdateVenueAsset",
        "UpdateVenueSymbol",
    }
