"""What `cqar up` holds in confidence: keys are in their files, and in nothing else that is kept."""

from __future__ import annotations

from pathlib import Path

from cqar_shared.trust.seals import Keyring
from tests.acceptance.conftest import Stack
from tests.support.http2_client import call


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_no_key_is_in_a_log_or_on_a_command_line(stack: Stack) -> None:
    ends = stack.endpoints
    made = (await stack.ok("keys", "make", "somebody", "--role", "read", "--json")).document["key"]
    await stack.ok("venue", "list")
    for header in (b"x-api-key", b"authorization"):
        for key in (made, ends.keys.admin):
            strange = [(header, key.encode() + b"\xe4")]
            await call(ends.writer, "/cqc.writer.v1.RegistryAdmin/ListApiKeys", strange)
    integrity = Path(ends.integrity_key_file).read_text().strip()
    secrets = [one.encode() for one in (ends.keys.admin, ends.keys.read, made, integrity)]
    logs = files_in(stack.state_dir / "logs")
    assert any(path.endswith("writer.log") for path in logs)
    command_lines = {
        name: Path(f"/proc/{pid}/cmdline").read_bytes()
        for name, pid in ends.pids.items()
        if isinstance(pid, int)
    }
    for where, said in (logs | command_lines).items():
        assert not [one for one in secrets if one in said], where


async def test_the_stack_makes_an_integrity_key_of_its_own(stack: Stack) -> None:
    path = Path(stack.endpoints.integrity_key_file)
    assert path.parent == stack.state_dir.resolve()
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.parse(path.read_text())
