"""Dashboards and rules: what is committed is what is made, and each alert leads to its runbook."""

from __future__ import annotations

import json
import re

from tests.deploy.manifests import ROOT, Object, called, kustomized, rendered, values_of
from tools.monitoring import rules
from tools.monitoring.generated_files import ALL, differing, made
from tools.monitoring.paths import DASHBOARDS, PICTURES

SEVERITIES = {"critical", "warning"}


def anchors(text: str) -> list[str]:
    """Of a document's headings, as its readers' links name them."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_what_is_committed_is_what_is_made() -> None:
    assert differing() == [], "run `make monitoring` and commit what it makes"
    assert {path for path in made() if path.parent == DASHBOARDS} == set(DASHBOARDS.iterdir())


def test_grafana_shows_every_panel_of_the_description_beside_the_others() -> None:
    for dashboard in ALL:
        text = (DASHBOARDS / f"{dashboard.name}.json").read_text()
        panels: list[Object] = json.loads(text)["panels"]
        assert [panel["title"] for panel in panels] == [one.title for one in dashboard.panels]
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
        assert len(places) == len({panel["id"] for panel in panels}) == len(panels)
        for panel in panels:
            references = [target["refId"] for target in panel["targets"]]
            assert len(set(references)) == len(references) > 0


def test_every_alert_says_what_is_the_matter_and_leads_to_its_own_runbook() -> None:
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    found = anchors(text)
    assert len(set(found)) == len(found)
    alerts = rules.alerts()
    assert len({alert["alert"] for alert in alerts}) == len(alerts)
    for alert in alerts:
        told = alert["annotations"]
        assert told.keys() == {"summary", "description", "runbook_url"}
        assert alert["labels"].keys() == {"severity"}
        assert alert["labels"]["severity"] in SEVERITIES
        file, _, anchor = told["runbook_url"].partition("#")
        assert file == "docs/OPERATIONS.md"
        assert anchor == alert["alert"].lower()
        assert anchor in found
    runbooks = {anchor for anchor in found if anchor.startswith("cqar") and "-" not in anchor}
    assert runbooks == {alert["alert"].lower() for alert in alerts}, "a runbook without its alert"


def test_groups_have_names_of_their_own_and_record_before_they_are_used() -> None:
    names = [group["name"] for group in rules.groups()]
    assert len(set(names)) == len(names)
    seen: set[str] = set()
    for rule in rules.rules():
        used = set(re.findall(r"cqar:\w+:\w+", rule["expr"]))
        assert used <= seen
        seen |= {rule["record"]} if "record" in rule else set()
    assert seen == rules.recorded()


def test_kubernetes_has_the_rules_of_prometheus() -> None:
    for objects in (kustomized("overlays/prod"), rendered(values_of("prod"))):
        made = called(objects, "PrometheusRule", "cqar")
        assert made["spec"]["groups"] == rules.groups()


def test_every_dashboard_has_its_picture_in_the_docs() -> None:
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    for dashboard in ALL:
        picture = PICTURES / f"{dashboard.name}.svg"
        assert picture.stat().st_size > 10_000
        assert f"](dashboards/{picture.name})" in text
