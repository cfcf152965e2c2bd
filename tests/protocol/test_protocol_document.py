"""docs/PROTOCOL.md names what decides and what proves it: all of that is there, and is named."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

from cqar_resolver.replication import protocol
from cqar_writer.protocol import cache_schedule, epoch_rules, image_schedule, relay, terms
from tests.protocol.schedule import PROFILES
from tests.protocol.switches import SWITCHES

TEXT = Path(__file__).parents[2].joinpath("docs/PROTOCOL.md").read_text()
DECIDES = re.compile(r"`(cqar_(?:shared|writer|resolver)(?:\.\w+)+)`")
SWITCH = re.compile(r"\[(\w+)\]")
CORES = (cache_schedule, epoch_rules, protocol, image_schedule, relay, terms)


@pytest.mark.parametrize("name", sorted(set(DECIDES.findall(TEXT))))
def test_what_decides_is_there(name: str) -> None:
    module, _, member = name.rpartition(".")
    assert hasattr(importlib.import_module(module), member)


def test_every_switch_is_named_and_is_there() -> None:
    named = SWITCH.findall(TEXT)
    assert sorted(named) == sorted(switch.turn_off.__name__ for switch in SWITCHES)
    assert {switch.profile for switch in SWITCHES} <= PROFILES.keys()


@pytest.mark.parametrize("core", CORES, ids=lambda core: core.__name__)
def test_every_decision_of_a_core_is_named(core: ModuleType) -> None:
    own = inspect.getmembers(core, lambda one: inspect.isfunction(one) and _is_of(core, one))
    missing = [name for name, _ in own if f"`{core.__name__}.{name}`" not in TEXT]
    assert missing == []


def _is_of(core: ModuleType, one: object) -> bool:
    return getattr(one, "__module__", "") == core.__name__
