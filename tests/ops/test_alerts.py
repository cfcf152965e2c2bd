"""The rules as Prometheus reads them: each alert fires when it is to, and else stays quiet."""

from __future__ import annotations

import shutil
import subprocess

import pytest
import yaml

from tests.deploy.manifests import ROOT, Object
from tools.monitoring.rules import alerts

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml"))
CASES = sorted((ROOT / "deploy/prometheus/tests").glob("*.yaml"))


def promtool(*arguments: object) -> subprocess.CompletedProcess[str]:
    found = shutil.which("promtool")
    assert found is not None, "promtool is absent: apt-get install prometheus"
    command = [found, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_prometheus_takes_the_rules_and_refuses_a_misspelt_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stderr
    wrong = tmp_path_factory.mktemp("rules") / "wrong.yaml"
    wrong.write_text(RULES[0].read_text().replace("namespace", "namespace,,"))
    assert promtool("check", "rules", wrong).returncode != 0


@pytest.mark.parametrize("file", CASES, ids=[path.stem for path in CASES])
def test_every_case_goes_as_it_says(file: object) -> None:
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_quiet() -> None:
    fires, quiet = set(), set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            quiet |= {
                e["alertname"] for e in case.get("alert_rule_test", []) if not e["exp_alerts"]
            }
            fires |= {fired(e) for e in case.get("promql_expr_test", [])}
    names = {alert["alert"] for alert in alerts()}
    assert fires == names
    assert quiet == names


def fired(expected: Object) -> str:
    """The alert that a case says fires: exactly one, with all its labels."""
    (sample,) = expected["exp_samples"]
    assert sample["value"] == 1
    labels = sample["labels"].removeprefix("ALERTS{").removesuffix("}").split(", ")
    named = dict(label.split("=") for label in labels)
    assert named["alertstate"] == '"firing"'
    return str(named["alertname"]).strip('"')
