"""`cqar keys`: made, used, listed, revoked."""

from __future__ import annotations

import asyncio
import json

from cqar_shared.trust.key_text import fresh_key, hash_of
from tests.acceptance.conftest import Stack
from tests.support.cli_runner import Ran
from tests.support.commits import eventually

UNKNOWN = "3f1c9a52-7d0e-4a55-9c0a-2f4b7b9e6d11"


async def calls(stack: Stack, key: str, *arguments: str) -> Ran:
    return await stack.cqar(*arguments, "--key", key)


async def states(stack: Stack) -> dict[str, str]:
    """Actor -> what the table says of its key."""
    listed = await stack.ok("keys", "list")
    cells = [line.split("\t") for line in listed.out.splitlines()]
    return {row[1]: row[3] for row in cells}


async def test_a_key_may_what_its_role_says_until_it_is_revoked(stack: Stack) -> None:
    made = await stack.ok("keys", "make", "desk", "--role", "read", "--reason", "new desk")
    key = made.out.strip()
    assert key.startswith("cqar_")
    key_id = made.err.split(":")[0]
    assert (await calls(stack, key, "asset", "list")).code == 0
    changing = await calls(stack, key, "venue", "add", "OKX", "--type", "cex")
    assert (changing.code, "may read, not write" in changing.err) == (5, True)
    assert "may read, not admin" in (await calls(stack, key, "keys", "list")).err
    assert (await states(stack))["desk"] == "valid"

    await stack.ok("keys", "revoke", key_id, "--reason", "desk closed")

    async def refused() -> bool:
        ran = await calls(stack, key, "asset", "list")
        return ran.code == 5 and "not valid" in ran.err

    await eventually(refused, 30)
    assert (await states(stack))["desk"] == "revoked"
    again = await stack.ok("keys", "revoke", key_id)
    assert "already revoked" in again.out


async def test_the_audit_names_who_made_and_who_revoked_each_key(stack: Stack) -> None:
    made = await stack.ok("keys", "make", "intern", "--role", "read", "--reason", "summer")
    key_id = made.err.split(":")[0]
    listed = {one["key_id"]: one for one in (await stack.ok("audit", "keys", "--json")).document}
    assert listed[key_id]["revoked"] is None
    await stack.ok("keys", "revoke", key_id, "--reason", "autumn")
    told = (await stack.ok("audit", "keys", "--json")).document
    (intern,) = [one for one in told if one["key_id"] == key_id]
    assert (intern["actor"], intern["role"]) == ("intern", "read")
    causes = [(intern[end]["by"], intern[end]["why"]) for end in ("made", "revoked")]
    assert causes == [("stack-admin", "summer"), ("stack-admin", "autumn")]
    first = next(one for one in told if one["actor"] == "stack-admin")
    assert first["made"]["by"] == "cqar-writer"
    assert "cqar-writer" in (await stack.ok("audit", "keys")).out


async def test_a_name_that_looks_like_anothers_or_the_services_own_is_refused(stack: Stack) -> None:
    for name, words in (("Stack-Adm1n", "looks like 'stack-admin'"), ("CQAR-ops", "services' own")):
        ran = await stack.cqar("keys", "make", name, "--role", "read")
        assert (ran.code, words in ran.err) == (1, True)


async def test_a_key_ends_when_it_was_said_to(stack: Stack) -> None:
    made = (
        await stack.ok(
            *("keys", "make", "guest", "--role", "write", "--json"),
            *("--expires", "2099-12-31T12:00Z"),
        )
    ).document
    assert (await states(stack))["guest"] == "valid until 2099-12-31 12:00 UTC"
    listed = (await stack.ok("keys", "list", "--json")).document
    (guest,) = [key for key in listed if key["key_id"] == made["key_id"]]
    assert guest["role"] == "ROLE_WRITE"
    assert made["key"] not in str(listed)
    past = await stack.cqar("keys", "make", "late", "--role", "read", "--expires", "2020-01-01")
    assert (past.code, past.out) == (1, "")
    assert "expires_at: has passed already" in past.err
    assert "late" not in await states(stack)


async def test_a_key_that_has_expired_is_refused_and_listed_as_that(stack: Stack) -> None:
    secret = fresh_key()
    key = {
        "key_hash": hash_of(secret),
        "actor": "bygone",
        "role": "ROLE_READ",
        "expires_at": "2020-01-01T00:00:00Z",
    }
    told = json.dumps({"items": [{"api_key": key}], "historical": True})
    await stack.ok("call", "Apply", told)
    assert "not valid" in (await calls(stack, secret, "asset", "list")).err
    assert (await states(stack))["bygone"] == "expired"


async def test_what_cannot_be_is_said(stack: Stack) -> None:
    unknown, nameless, roleless = await asyncio.gather(
        stack.cqar("keys", "revoke", UNKNOWN),
        stack.cqar("keys", "make", " ", "--role", "read"),
        stack.cqar("keys", "make", "x", "--role", "king"),
    )
    assert (unknown.code, "see cqar keys list" in unknown.err) == (3, True)
    assert (nameless.code, "actor: has white space" in nameless.err) == (1, True)
    assert roleless.code == 2
