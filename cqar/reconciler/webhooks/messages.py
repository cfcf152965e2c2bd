"""A notice as it is posted, and the signature by which who receives it knows who sent it. Pure."""

from __future__ import annotations

import hashlib
import hmac
from string import Template
from typing import Any, Final

import msgspec

from cqar.reconciler.webhooks.notices import Notice
from cqar.reconciler.webhooks.webhook_settings import WebhookSetting

#: Of the body's form; it rises if a field changes its meaning.
FORMAT: Final = 1
SIGNATURE_HEADER: Final = "CQAR-Signature"
EVENT_HEADER: Final = "CQAR-Event-Id"
_SLACK_TEXT: Final = "*$event* $text"
#: Of a text in Slack.
_SLACK_CHARS_MAX: Final = 3_000


def body_of(setting: WebhookSetting, notice: Notice) -> bytes:
    """What is posted of a notice."""
    if setting.form == "slack":
        return msgspec.json.encode(_slack(setting, notice))
    return msgspec.json.encode({"format": FORMAT, **msgspec.to_builtins(notice)})


def headers_of(
    setting: WebhookSetting, notice: Notice, body: bytes, secret: bytes, at_s: int
) -> dict[str, str]:
    """The headers: what it is, its id, and its signature if there is a secret."""
    headers = {"Content-Type": "application/json", EVENT_HEADER: notice.event_id}
    if setting.form == "json":
        headers[SIGNATURE_HEADER] = f"t={at_s},v1={signature_of(body, secret, at_s)}"
    return headers


def signature_of(body: bytes, secret: bytes, at_s: int) -> str:
    """HMAC-SHA256 by the secret over `T.BODY`, in hexadecimal, where T is the time of posting.

    Args:
        at_s: Seconds since 1970: who receives refuses what is old, so that nobody plays it back.
    """
    return hmac.new(secret, b"%d." % at_s + body, hashlib.sha256).hexdigest()


def _slack(setting: WebhookSetting, notice: Notice) -> dict[str, Any]:
    fields = {
        "event": notice.event.value,
        "subject": notice.subject,
        "text": notice.text,
        "actor": notice.actor,
        "reason": notice.reason,
        "venue_id": notice.venue_id or "",
        "revision": f"{notice.epoch}:{notice.revision}",
    }
    escaped = {name: _escaped(value) for name, value in fields.items()}
    text = Template(setting.template or _SLACK_TEXT).safe_substitute(escaped)[:_SLACK_CHARS_MAX]
    context = f"{escaped['revision']} by {escaped['actor']}"
    return {
        "text": text,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": context}]},
        ],
    }


def _escaped(text: str) -> str:
    """Text that Slack shows as it is: no mention, no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
