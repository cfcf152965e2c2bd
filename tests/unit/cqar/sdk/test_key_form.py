"""An API key's form is checked before gRPC gets it, and no error repeats the key."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest

import cqar
from cqar.admin.connection import Connection
from cqar.embedded.failures import ServiceFailed
from cqar.embedded.process import Command, run_to_end
from cqar.sdk.key_form import CHARS_MAX, require_key
from cqar_shared.runtime.key_masking import MASKED, masked
from cqar_shared.runtime.telemetry import JsonLines, TextLines
from cqar_shared.trust.key_text import fresh_key

KEY = fresh_key()
NOWHERE = "127.0.0.1:1"
CLIENTS: dict[str, Callable[[Any], Any]] = {
    "Client": lambda key: cqar.Client(NOWHERE, key),
    "AsyncClient": lambda key: cqar.AsyncClient(NOWHERE, key),
    "Connection": lambda key: Connection(NOWHERE, key),
}


@pytest.mark.parametrize("around", ["{}", "{}\n", "{}\r\n", " {} ", "\t{}"])
def test_white_space_around_a_key_is_removed(around: str) -> None:
    assert require_key(around.format(KEY)) == KEY
    assert require_key("\n") == ""


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "key",
    [f"{KEY}ä", f"{KEY}\0", f"{KEY}\n{KEY}", f"{KEY} x", f"{KEY}\udce4", KEY * 6, KEY.encode()],
    ids=["non-ASCII", "NUL", "two lines", "a space", "no text", "too long", "bytes"],
)
async def test_no_client_accepts_a_key_of_another_form(client: str, key: str | bytes) -> None:
    with pytest.raises(ValueError, match="API key") as raised:
        CLIENTS[client](key)
    assert KEY[5:] not in str(raised.value)
    assert len(KEY * 6) > CHARS_MAX


def test_a_key_is_masked_anywhere_in_a_line() -> None:
    assert masked(f"a {KEY}, b {KEY}\xe4") == f"a {MASKED}, b {MASKED}\xe4"
    assert (
        masked("cqar_api_key_expiry_timestamp_seconds") == "cqar_api_key_expiry_timestamp_seconds"
    )


@pytest.mark.parametrize("formatter", [JsonLines(), TextLines()])
def test_no_log_line_shows_a_key(formatter: logging.Formatter) -> None:
    error = ValueError(KEY)
    caught = (ValueError, error, error.__traceback__)
    line = logging.LogRecord("x", logging.ERROR, "", 1, "b'%s'", (KEY,), caught)
    text = formatter.format(line)
    assert KEY[5:] not in text
    assert text.count(MASKED) == 2


async def test_a_command_that_fails_after_it_made_a_key_does_not_show_it() -> None:
    argv = (sys.executable, "-c", f"print({KEY!r}); raise SystemExit('it failed')")
    with pytest.raises(ServiceFailed, match="it failed") as raised:
        await run_to_end(Command(name="create-key", argv=argv, env={}), timeout_seconds=30)
    assert KEY[5:] not in str(raised.value)
