"""Whose signatures count: those of trusted keys, of keys they vouch for, and until they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from cqc.replication.v1 import replication_pb2

from cqar_shared.domain.kinds.signing_key import SigningKey, check_signing_key, id_of
from cqar_shared.domain.working_set import WorkingSet
from cqar_shared.errors import FieldViolation
from cqar_shared.trust import signatures, trusted_keys
from cqar_shared.trust.signatures import KeyFileError, PrivateKey
from cqar_shared.trust.trusted_keys import KEYS_MAX, TrustedKeys, Unsigned
from tests.support.entity_builders import NOW

REGISTRY: Final = b"r" * 16
FIRST, SECOND, THIRD, STRANGER = (PrivateKey.fresh() for _ in range(4))
OTHERS: Final[dict[str, Any]] = {
    "registry_id": b"q" * 16,
    "epoch": 2,
    "revision": 8,
    "chain": b"d" * 32,
    "live_count": 6,
    "set_hash": b"t" * 16,
}


def a_head(key: PrivateKey | None, revision: int = 7) -> replication_pb2.Head:
    head = replication_pb2.Head(
        registry_id=REGISTRY,
        epoch=1,
        revision=revision,
        chain=b"c" * 32,
        live_count=5,
        set_hash=b"s" * 16,
    )
    if key is not None:
        head.signature = key.sign(signatures.head_statement(REGISTRY, head))
        head.signing_key_id = id_of(key.public_key)
    return head


def an_entity(
    key: PrivateKey, voucher: PrivateKey | None = None, last: int | None = None, **other: Any
) -> SigningKey:
    said = {}
    if voucher is not None:
        statement = signatures.key_statement(REGISTRY, key.public_key)
        said = {"endorsed_by": id_of(voucher.public_key)}
        said["endorsement"] = voucher.sign(statement).hex()
    return SigningKey(
        **{
            "key_id": id_of(key.public_key),
            "public_key": key.public_key.hex(),
            "made_at": NOW,
            "retired_at": None if last is None else NOW,
            "last_revision": last,
            **said,
            **other,
        }
    )


def refused(trusting: TrustedKeys, head: replication_pb2.Head) -> str:
    with pytest.raises(Unsigned) as refusal:
        trusting.require(head)
    return str(refusal.value)


def test_what_is_signed_of_a_head_are_these_bytes() -> None:
    """Fixed for ever: other programs check it."""
    whole = b"cqar head 1\n" + bytes(3) + b"\x10" + REGISTRY + bytes(7) + b"\1" + bytes(7) + b"\7"
    whole += b"c" * 32 + bytes(7) + b"\5" + b"s" * 16
    assert signatures.head_statement(REGISTRY, a_head(None)) == whole


@pytest.mark.parametrize("field", OTHERS)
def test_a_signature_covers_every_field(field: str) -> None:
    trusting = TrustedKeys([FIRST.public_key])
    head = a_head(FIRST)
    trusting.require(head)
    setattr(head, field, OTHERS[field])
    assert "signature of the head" in refused(trusting, head)


def test_a_head_is_refused_that_nobody_or_a_stranger_signed() -> None:
    trusting = TrustedKeys([FIRST.public_key])
    assert refused(trusting, a_head(None)) == "the head at 1:7 is not signed"
    assert "which nobody trusts" in refused(trusting, a_head(STRANGER))
    posing = a_head(STRANGER)
    posing.signing_key_id = id_of(FIRST.public_key)
    assert "is not key" in refused(trusting, posing)
    odd = a_head(FIRST)
    odd.set_hash += b"s"
    assert "cannot be signed" in refused(trusting, odd)


def test_trust_leads_from_key_to_key_in_any_order() -> None:
    told = [an_entity(THIRD, SECOND), an_entity(SECOND, FIRST), an_entity(FIRST)]
    trusting = TrustedKeys([FIRST.public_key])
    assert "which nobody trusts" in refused(trusting, a_head(THIRD))
    trusting.having(REGISTRY, told).require(a_head(THIRD))
    # What was there before is as it was.
    assert "which nobody trusts" in refused(trusting, a_head(THIRD))


@pytest.mark.parametrize(
    "forged",
    [
        an_entity(STRANGER),
        an_entity(STRANGER, FIRST, endorsement="00" * 64),
        an_entity(STRANGER, FIRST, endorsement="no hexadecimal"),
        an_entity(STRANGER, STRANGER),
        # Vouched for is another key than that of this name.
        an_entity(STRANGER, FIRST, public_key=SECOND.public_key.hex()),
    ],
)
def test_a_key_that_nobody_vouches_for_does_not_count(forged: SigningKey) -> None:
    trusting = TrustedKeys([FIRST.public_key]).having(REGISTRY, [an_entity(FIRST), forged])
    assert "which nobody trusts" in refused(trusting, a_head(STRANGER))


def test_another_registrys_endorsement_does_not_count() -> None:
    told = [an_entity(SECOND, FIRST)]
    trusting = TrustedKeys([FIRST.public_key]).having(b"q" * 16, told)
    assert "which nobody trusts" in refused(trusting, a_head(SECOND))


def test_a_retired_key_counts_for_what_was_before_and_for_nothing_after() -> None:
    told = [an_entity(FIRST, last=9), an_entity(SECOND, FIRST)]
    trusting = TrustedKeys([FIRST.public_key]).having(REGISTRY, told)
    trusting.require(a_head(FIRST, 9))
    trusting.require(a_head(SECOND, 10))
    assert "retired after 9" in refused(trusting, a_head(FIRST, 10))
    # A registry cannot take it back.
    again = trusting.having(REGISTRY, [an_entity(FIRST), an_entity(SECOND, FIRST)])
    assert "retired after 9" in refused(again, a_head(FIRST, 10))


def test_a_key_known_to_be_retired_vouches_for_nothing_new() -> None:
    """Who stole it afterwards would go on with it for ever."""
    trusting = TrustedKeys([FIRST.public_key]).having(
        REGISTRY, [an_entity(FIRST, last=9), an_entity(SECOND, FIRST)]
    )
    stolen = trusting.having(REGISTRY, [an_entity(STRANGER, FIRST)])
    assert "which nobody trusts" in refused(stolen, a_head(STRANGER))
    stolen.having(REGISTRY, [an_entity(THIRD, SECOND)]).require(a_head(THIRD))


def test_more_keys_than_any_registry_has_are_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[bytes] = []
    monkeypatch.setattr(
        trusted_keys.signatures, "is_valid", lambda key, *_: bool(checked.append(key))
    )
    told = [an_entity(FIRST, key_id=str(number)) for number in range(KEYS_MAX + 1)]
    with pytest.raises(Unsigned, match="more than 256 signing keys"):
        TrustedKeys([FIRST.public_key]).having(REGISTRY, told)
    assert checked == []


# ---------------------------------------------------------------- files


def test_a_private_key_is_read_back_and_nothing_else_is_one(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(FIRST.pem())
    assert PrivateKey.read(path).public_key == FIRST.public_key
    path.write_bytes(b"-----BEGIN secret-----")
    for wrong, why in ((path, "holds no private key"), (tmp_path / "none", "No such file")):
        with pytest.raises(KeyFileError, match=why) as refusal:
            PrivateKey.read(wrong)
        assert "secret" not in str(refusal.value)


def test_trusted_keys_are_one_a_line_with_remarks(tmp_path: Path) -> None:
    path = tmp_path / "trusted"
    path.write_text(f"# ours\n{FIRST.public_key.hex()}  # 2026\n\n{SECOND.public_key.hex()}\n")
    assert signatures.read_trusted(path) == [FIRST.public_key, SECOND.public_key]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "0 public keys; 1 to 64"),
        ("# none\n", "0 public keys"),
        ("abc", "key 1 is not 64 hexadecimal digits"),
        (f"{'a' * 64}\n{'a' * 63}g", "key 2 is not"),
        ("a" * 64 + "\n" + f"{'b' * 64}\n" * 64, "65 public keys"),
    ],
)
def test_a_file_that_names_no_keys_is_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "trusted").write_text(text)
    with pytest.raises(KeyFileError, match=why):
        signatures.read_trusted(tmp_path / "trusted")
    with pytest.raises(KeyFileError, match="No such file"):
        signatures.read_trusted(tmp_path / "missing")


# ---------------------------------------------------------------- the entity's rules


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"public_key": "xyz"}, "NOT_A_KEY"),
        ({"key_id": "0" * 32}, "NOT_ITS_KEY"),
        ({"made_at": None}, "REQUIRED"),
        ({"endorsement": "00"}, "NOT_A_SIGNATURE"),
        ({"endorsed_by": None}, "REQUIRED"),
        ({"last_revision": 4}, "REQUIRED"),
    ],
)
def test_a_signing_key_that_could_not_be_checked_is_refused(
    wrong: dict[str, Any], reason: str
) -> None:
    key = an_entity(SECOND, FIRST, **wrong)
    assert reason in {v.reason for v in violations(None, key)}


def test_a_signing_key_may_only_be_retired_and_once() -> None:
    key, retired = an_entity(SECOND, FIRST), an_entity(SECOND, FIRST, last=4)
    assert violations(None, key) == []
    assert violations(key, retired) == []
    for after in (key, an_entity(SECOND, FIRST, last=5)):
        assert "FINAL" in {v.reason for v in violations(retired, after)}
    assert "IMMUTABLE" in {v.reason for v in violations(key, an_entity(SECOND, THIRD))}


def violations(before: SigningKey | None, after: SigningKey) -> list[FieldViolation]:
    return list(check_signing_key(before, after, WorkingSet(NOW)))
