"""The policy about findings in the writer's configuration: rules before the default ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from cqar_shared.domain.finding_policy import DEFAULT_RULES, FindingRule, rule_for, with_policy
from cqar_shared.domain.kinds.finding import (
    Finding,
    FindingAction,
    FindingDifference,
    FindingState,
)
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.runtime.config import load, shown
from cqar_writer.config import WriterConfig, policy_of

URLS = {
    "CQAR_WRITER_DATABASE_URL": "postgresql://cqar:secret@db/cqar",
    "CQAR_WRITER_NATS_URL": "nats://nats:4222",
}
RULE = {"name": "ours", "action": "APPLY"}


def settings_with(folder: Path, *rules: dict[str, Any]) -> WriterConfig:
    file = folder / "config.yaml"
    file.write_bytes(msgspec.yaml.encode({"writer": {"finding_policy": list(rules)}}))
    return load(WriterConfig, "writer", {**URLS, "CQAR_CONFIG": str(file)})


def test_configured_rules_decide_before_the_default_ones(tmp_path: Path) -> None:
    fees = {"name": "fees of okx", "action": "REVIEW", "kinds": ["FEES"], "venue_ids": ["okx"]}
    sizes = {"name": "sizes", "action": "APPLY", "fields": ["contract_size"]}
    settings = settings_with(tmp_path, fees, sizes)
    policy = policy_of(settings)
    assert policy[2:] == DEFAULT_RULES
    size = FindingDifference(field="contract_size", before="1", after="2")
    cases = {
        "fees of okx": Finding(kind="FEES", venue_id="okx"),
        "apply": Finding(kind="FEES", venue_id="gate"),
        "sizes": Finding(kind="CONTRACT_SIZE", venue_id="okx", differences=(size,)),
        "two people": Finding(kind="CONTRACT_SIZE", venue_id="okx"),
        "otherwise": Finding(kind="MADE_BY_HAND"),
    }
    assert {name: rule_for(finding, policy).name for name, finding in cases.items()} == {
        name: name for name in cases
    }
    told = with_policy(cases["fees of okx"], "importer", policy)
    assert (told.action, told.policy, told.opened_by) == (
        FindingAction.REVIEW,
        "fees of okx",
        "importer",
    )
    assert "fees of okx" in shown(settings, "writer")


def test_without_a_setting_the_default_ones_decide(tmp_path: Path) -> None:
    assert policy_of(settings_with(tmp_path)) == DEFAULT_RULES


def test_the_environment_states_it_as_json() -> None:
    text = msgspec.json.encode([RULE]).decode()
    settings = load(WriterConfig, "writer", {**URLS, "CQAR_WRITER_FINDING_POLICY": text})
    assert policy_of(settings)[0] == FindingRule(name="ours", action=FindingAction.APPLY)
    for wrong in ("ours", '[{"name": "ours"}]', '[{"name": "ours", "action": 1}]'):
        with pytest.raises(InvalidConfiguration, match="CQAR_WRITER_FINDING_POLICY"):
            load(WriterConfig, "writer", {**URLS, "CQAR_WRITER_FINDING_POLICY": wrong})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ([{**RULE, "action": "APLY"}], r"rule 'ours': its action 'APLY' is none of APPLY, REVIEW"),
        ([RULE, RULE], "rule 'ours': another rule has this name"),
        ([{**RULE, "name": "review"}], "rule 'review': another rule has this name"),
        ([{**RULE, "name": " "}], "its name must have 1 to 256 characters"),
        (
            [{**RULE, "kinds": ["CONTRACT_SIZES"]}],
            "'CONTRACT_SIZES' is no kind .did you mean 'CONTRACT_SIZE'",
        ),
        ([{**RULE, "kinds": ["reuse"]}], "'reuse' is no kind .did you mean 'REUSE'"),
        ([{**RULE, "kinds": ["REUSE", "REUSE"]}], "rule 'ours': kinds: names something twice"),
        ([{**RULE, "venue_ids": ["OKX"]}], "rule 'ours': venue_ids: 'OKX' must be"),
        ([{**RULE, "fields": [""]}], "rule 'ours': fields: must be words"),
    ],
)
def test_a_rule_that_cannot_be_stops_the_start_by_its_name(
    tmp_path: Path, rules: list[dict[str, Any]], said: str
) -> None:
    settings = settings_with(tmp_path, *rules)
    with pytest.raises(InvalidConfiguration, match=said):
        policy_of(settings)


def test_a_rule_with_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfiguration, match="venues"):
        settings_with(tmp_path, {**RULE, "venues": ["okx"]})


def test_a_caller_states_nothing_that_is_the_registrys_own() -> None:
    stated = Finding(kind="REUSE", state=FindingState.APPROVED, policy="mine", opened_by="eve")
    told = with_policy(stated, "importer", DEFAULT_RULES)
    assert (told.state, told.policy, told.opened_by) == (None, "hold", "importer")
    gone = msgspec.structs.replace(stated, state=FindingState.SUPERSEDED)
    assert with_policy(gone, "importer", DEFAULT_RULES).state is FindingState.SUPERSEDED
