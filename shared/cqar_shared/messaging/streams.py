"""Creates the registry's two streams, and repairs their settings.

A writer repairs the settings that relays and readers rely on. Size, retention time, placement,
replicas and description belong to the operator and are not changed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Final

from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from cqar_shared.messaging.jetstream import CHANGES, CHANGES_SUBJECT, EVENTS, PUBLISHED_SUBJECT

log = logging.getLogger(__name__)

_DAY_S: Final = 24 * 3600
#: The largest message of either stream; the default limit of NATS.
STORED_BYTES_MAX: Final = 1024**2


class UnusableStream(Exception):
    """A stream cannot be used and cannot be repaired; the message says what to do."""


def changes_config() -> api.StreamConfig:
    """A week of change sets, at most 8 GiB, and a minute of heartbeats."""
    return api.StreamConfig(
        name=CHANGES,
        subjects=[CHANGES_SUBJECT],
        max_age=7 * _DAY_S,
        max_bytes=8 * 1024**3,
        max_msg_size=STORED_BYTES_MAX,
        discard=api.DiscardPolicy.OLD,
        storage=api.StorageType.FILE,
        allow_direct=True,
        allow_msg_ttl=True,
        republish=api.RePublish(src=CHANGES_SUBJECT, dest=PUBLISHED_SUBJECT),
    )


def events_config(subjects: list[str]) -> api.StreamConfig:
    """A month of domain events, on the registry's subjects in the platform's namespace."""
    return api.StreamConfig(
        name=EVENTS,
        subjects=subjects,
        max_age=30 * _DAY_S,
        max_bytes=8 * 1024**3,
        discard=api.DiscardPolicy.OLD,
        storage=api.StorageType.FILE,
        allow_direct=True,
        allow_atomic=True,
    )


async def ensure_stream(js: JetStreamContext, config: api.StreamConfig) -> None:
    """Create a stream, or repair the settings of an existing one.

    Raises:
        UnusableStream: the stream cannot be repaired.
    """
    try:
        found = (await js.stream_info(str(config.name))).config
    except NotFoundError:
        await js.add_stream(config)
        return
    if why := flaw(found):
        raise UnusableStream(f"{config.name} {why}: {_INSTEAD}")
    if found.storage != config.storage:
        log.warning("%s is lost when NATS ends: it is kept in memory. %s", config.name, _INSTEAD)
    if repaired := repairs(found, config):
        try:
            found = (await js.update_stream(found, **repaired)).config
        except (NatsError, TimeoutError) as error:
            names = ", ".join(repaired)
            why = f"has to be changed ({names}), which NATS refuses ({error})"
            raise UnusableStream(f"{config.name} {why}: {_INSTEAD}") from error
        log.warning("%s was repaired: %s", config.name, repaired)
    for name, value in extras(found, config).items():
        try:
            found = (await js.update_stream(found, **{name: value})).config
        except (NatsError, TimeoutError) as error:
            log.warning("%s does without %s: %s", config.name, name, error)


_INSTEAD: Final = "delete it, and writers make it anew and fill it from the outbox"


def flaw(found: api.StreamConfig) -> str:
    """Why a stream cannot be used or changed; empty if it can."""
    if found.mirror is not None:
        return "is a mirror, to which nobody can publish"
    if found.sealed:
        return "is sealed, and takes no message any more"
    if found.allow_msg_counter:
        return "is a counter, and takes no other message"
    if found.retention == api.RetentionPolicy.WORK_QUEUE:
        return "is a work queue, which forgets what one reader took"
    return ""


def repairs(found: api.StreamConfig, wanted: api.StreamConfig) -> dict[str, Any]:
    """The settings that must be changed, with their new values; empty if none."""
    repaired: dict[str, Any] = {}
    subjects = found.subjects or []
    if missing := [s for s in wanted.subjects or [] if not is_covered(s, subjects)]:
        # Other subjects stay: a later release or an operator may use them.
        repaired["subjects"] = [*subjects, *missing]
    if found.retention == api.RetentionPolicy.INTEREST:  # would drop messages without a consumer
        repaired["retention"] = api.RetentionPolicy.LIMITS
    if found.discard != api.DiscardPolicy.OLD:  # a full stream would refuse new messages
        repaired |= {"discard": api.DiscardPolicy.OLD, "discard_new_per_subject": False}
    if 0 < (found.max_msg_size or -1) < STORED_BYTES_MAX:
        repaired["max_msg_size"] = STORED_BYTES_MAX
    if found.no_ack:
        repaired["no_ack"] = False
    if found.sources:
        repaired["sources"] = None
    if found.subject_transform is not None:
        repaired["subject_transform"] = None
    for name in ("allow_direct", "allow_msg_ttl"):
        if getattr(wanted, name) and not getattr(found, name):
            repaired[name] = True
    return repaired


def extras(found: api.StreamConfig, wanted: api.StreamConfig) -> dict[str, Any]:
    """Optional settings that make the stream faster, if NATS accepts them."""
    missing: dict[str, Any] = {}
    if wanted.allow_atomic and not found.allow_atomic:
        missing["allow_atomic"] = True
    target = wanted.republish
    if target is not None and not _is_republished(found.republish, target):
        missing["republish"] = target
    return missing


def _is_republished(found: api.RePublish | None, wanted: api.RePublish) -> bool:
    return (
        found is not None
        and not found.headers_only
        and (found.src, found.dest) == (wanted.src, wanted.dest)
    )


def is_covered(subject: str, patterns: Iterable[str]) -> bool:
    """Whether a stream with these subjects stores messages on a subject."""
    return any(_matches(subject.split("."), pattern.split(".")) for pattern in patterns)


def _matches(subject: list[str], pattern: list[str]) -> bool:
    if pattern[-1] == ">":
        pattern = pattern[:-1]
        subject, rest = subject[: len(pattern)], subject[len(pattern) :]
        if not rest:
            return False
    return len(subject) == len(pattern) and all(
        wanted in ("*", token) for token, wanted in zip(subject, pattern, strict=True)
    )
