"""What we use of resources that Kubernetes itself does not know, and no more than that.

No package has these schemas in a form that refuses what they do not name, so they are stated here,
after the operators' own documentation of monitoring.coreos.com/v1 and external-secrets.io/v1.
"""

from __future__ import annotations

from typing import Any, Final

Schema = dict[str, Any]
TEXT: Final[Schema] = {"type": "string"}
DURATION: Final[Schema] = {"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"}


def _all_of(**properties: Schema) -> Schema:
    """An object of exactly these."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _resource(version: str, kind: str, spec: Schema) -> Schema:
    return _all_of(
        apiVersion={"const": version}, kind={"const": kind}, metadata={"type": "object"}, spec=spec
    )


RULES: Final[list[Schema]] = [
    _all_of(record=TEXT, expr=TEXT),
    {
        **_all_of(
            alert=TEXT,
            expr=TEXT,
            labels=_all_of(severity={"enum": ["critical", "warning"]}),
            annotations=_all_of(summary=TEXT, description=TEXT, runbook_url=TEXT),
        ),
        "additionalProperties": {"type": "string", "pattern": "^[0-9]+(s|m|h)$"},
    },
]
ENDPOINTS: Final[Schema] = {
    "type": "array",
    "minItems": 1,
    "items": _all_of(
        port=TEXT,
        path=TEXT,
        interval=DURATION,
        scrapeTimeout=DURATION,
        relabelings={"type": "array", "items": _all_of(targetLabel=TEXT, replacement=TEXT)},
    ),
}
SCHEMAS: Final[dict[str, Schema]] = {
    "ServiceMonitor": _resource(
        "monitoring.coreos.com/v1",
        "ServiceMonitor",
        _all_of(
            jobLabel=TEXT,
            selector=_all_of(matchLabels={"type": "object", "additionalProperties": TEXT}),
            endpoints=ENDPOINTS,
        ),
    ),
    "PodMonitor": _resource(
        "monitoring.coreos.com/v1",
        "PodMonitor",
        _all_of(
            selector=_all_of(matchLabels={"type": "object", "additionalProperties": TEXT}),
            podMetricsEndpoints=ENDPOINTS,
        ),
    ),
    "PrometheusRule": _resource(
        "monitoring.coreos.com/v1",
        "PrometheusRule",
        _all_of(
            groups={
                "type": "array",
                "minItems": 1,
                "items": _all_of(name=TEXT, rules={"type": "array", "items": {"oneOf": RULES}}),
            },
        ),
    ),
    "ExternalSecret": _resource(
        "external-secrets.io/v1",
        "ExternalSecret",
        _all_of(
            refreshInterval=DURATION,
            secretStoreRef=_all_of(kind={"enum": ["SecretStore", "ClusterSecretStore"]}, name=TEXT),
            target=_all_of(name=TEXT, creationPolicy={"enum": ["Owner"]}),
            data={
                "type": "array",
                "minItems": 1,
                "items": _all_of(secretKey=TEXT, remoteRef=_all_of(key=TEXT, property=TEXT)),
            },
        ),
    ),
}
