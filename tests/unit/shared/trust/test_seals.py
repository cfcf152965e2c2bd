"""Tags under the integrity key: what may be in its file, and what a tag is of."""

from __future__ import annotations

import base64
import re
import secrets
from pathlib import Path

import pytest
from click.testing import CliRunner

from cqar_resolver.config import ResolverConfig
from cqar_shared.errors import InvalidConfiguration
from cqar_shared.trust import seal_keys
from cqar_shared.trust.seal_keys import keyring_of
from cqar_shared.trust.seals import KEYS_MAX, TAG_BYTES, BadKey, Keyring
from cqar_writer.__main__ import main
from cqar_writer.config import WriterConfig
from tests.support.integrity_keys import KEY, KEYRING, OTHER_KEY

WHERE = {"database_url": "postgresql://h/d", "nats_url": "nats://h"}


def test_a_tag_is_of_its_key_its_purpose_and_every_part_where_it_stands() -> None:
    seals = KEYRING.seals("image")
    tag = seals.tag(b"one", b"two")
    assert len(tag) == TAG_BYTES
    assert seals.verifies(tag, b"one", b"two")
    others = [(b"two", b"one"), (b"onet", b"wo"), (b"one", b"two", b""), (b"onetwo",), ()]
    assert not any(seals.verifies(tag, *parts) for parts in others)
    assert not any(seals.verifies(wrong, b"one", b"two") for wrong in (b"", tag[:-1], tag + b"\0"))
    assert not KEYRING.seals("cache value").verifies(tag, b"one", b"two")
    assert not Keyring.parse(OTHER_KEY).seals("image").verifies(tag, b"one", b"two")


def test_in_a_rotation_the_first_key_makes_and_each_checks() -> None:
    both = Keyring.parse(f"# new\n{KEY}\n\n# old\n{OTHER_KEY}\n").seals("image")
    old, new = Keyring.parse(OTHER_KEY).seals("image"), KEYRING.seals("image")
    assert both.verifies(old.tag(b"x"), b"x")
    assert both.verifies(new.tag(b"x"), b"x")
    assert new.verifies(both.tag(b"x"), b"x")
    assert not old.verifies(both.tag(b"x"), b"x")


def test_a_key_is_hex_or_base64() -> None:
    key = secrets.token_bytes(48)
    tags = {Keyring.parse(text).seals("x").tag(b"y") for text in (key.hex(), key.hex().upper())}
    tags.add(Keyring.parse(base64.b64encode(key).decode()).seals("x").tag(b"y"))
    assert len(tags) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no key"),
        ("# none yet\n\n", "no key"),
        ("not a key!", "line 1 is neither"),
        (f"{KEY}\nnot a key!", "line 2 is neither"),
        (KEY[:-2], "line 1 has 31 bytes"),
        ("00" * 32, "not random"),
        ("\n".join([KEY] * (KEYS_MAX + 1)), f"{KEYS_MAX} at most"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(text: str, said: str) -> None:
    with pytest.raises(BadKey, match=said) as raised:
        Keyring.parse(text)
    assert KEY[:-2] not in str(raised.value)
    assert "not a key!" not in str(raised.value)


# ---------------------------------------------------------------- the file and the setting


@pytest.mark.parametrize("setting", ["redis_url", "last_good_file"])
def test_a_service_that_stores_something_does_not_start_without_a_key(setting: str) -> None:
    value = {"redis_url": "redis://h", "last_good_file": "/f"}[setting]
    config = ResolverConfig(**WHERE, **{setting: value})  # type: ignore[arg-type]
    said = f"CQAR_RESOLVER_{setting.upper()} is set and CQAR_RESOLVER_INTEGRITY_KEY_FILE is not"
    with pytest.raises(InvalidConfiguration, match=said) as raised:
        keyring_of(config, "CQAR_RESOLVER_")
    assert "cqar-writer make-integrity-key FILE" in str(raised.value)
    assert "openssl rand -hex 32" in str(raised.value)


def test_one_that_stores_nothing_needs_none_and_has_its_own() -> None:
    one, other = (keyring_of(WriterConfig(**WHERE)).seals("x") for _ in range(2))  # type: ignore[arg-type]
    assert not one.verifies(other.tag(b"y"), b"y")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"\xff" * 64, "no text"), (b"short", "neither hex nor base64")],
)
def test_a_file_that_holds_no_key_is_named_and_not_shown(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "integrity.key"
    if content is not None:
        path.write_bytes(content)
    config = WriterConfig(**WHERE, integrity_key_file=str(path))  # type: ignore[arg-type]
    with pytest.raises(InvalidConfiguration, match=re.escape(str(path))) as raised:
        keyring_of(config, "CQAR_WRITER_")
    assert said in str(raised.value)


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "integrity.key"
    runner = CliRunner()
    made = runner.invoke(main, ["make-integrity-key", str(path)])
    assert made.exit_code == 0
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.parse(text)
    assert text.strip() not in made.output
    again = runner.invoke(main, ["make-integrity-key", str(path)])
    assert again.exit_code != 0
    assert path.read_text() == text
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="exists"):
        seal_keys.make(link)
