"""The commands of `cqar-reconciler` that need no writer."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cqar.reconciler.__main__ import main
from cqar.reconciler.answer_store import AnswerStore
from cqar.reconciler.app import connect
from cqar.reconciler.config import ReconcilerConfig, VenueSetting
from cqar.reconciler.round_index import APPLIED
from cqar.reconciler.state_folder import held_folder
from cqar_shared.errors import StartupError

PAIRS = b'{"error": [], "result": {}}'
TICKERS = b'{"error": [], "result": {"XBTUSD": {}}}'


def ran(folder: Path, *words: str) -> Any:
    environ = {
        "CQAR_CONFIG": "",
        "CQAR_RECONCILER_KEY_FILE": str(folder / "key"),
        "CQAR_RECONCILER_STATE_FOLDER": str(folder),
        "CQAR_RECONCILER_VENUES": '[{"venue_id": "kraken"}]',
    }
    return CliRunner().invoke(main, [*words], env=environ)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = AnswerStore(tmp_path, 1_000_000, 100)
    kept = [
        store.put("public/AssetPairs", PAIRS, 1.0),
        store.put("public/Ticker", TICKERS, 1.0),
    ]
    store.add("kraken", 1_764_547_200.25, APPLIED, kept)
    store.close()
    return tmp_path


def test_rounds_are_listed_and_an_answer_is_printed_as_it_came(folder: Path) -> None:
    listed = ran(folder, "answers", "list", "kraken").stdout.splitlines()
    assert listed[0].split("\t")[1:] == ["2025-12-01T00:00:00+00:00", "kraken", "APPLIED"]
    sha256 = listed[1].split("\t")[1]
    assert ran(folder, "answers", "show", sha256).stdout_bytes == PAIRS


def test_a_round_is_replayed_by_the_command_that_is_printed(folder: Path) -> None:
    there = folder / "files"
    words = shlex.split(ran(folder, "answers", "replay", "kraken", str(there)).stdout)
    assert words[:4] == ["cqar", "import", "kraken", "--plan"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    name, _, path = options["--file"].partition("=")
    assert (name, Path(path).read_bytes()) == ("public/AssetPairs", PAIRS)
    assert options["--prices"].startswith("public/Ticker=")
    assert options["--at"].startswith("2025-12-01T00:00:00")


def test_what_is_not_kept_is_an_error_that_says_so(folder: Path, tmp_path: Path) -> None:
    assert "no answers of okx are kept" in ran(folder, "answers", "replay", "okx", "x").stderr
    assert "is not kept" in ran(folder, "answers", "show", "0" * 64).stderr
    (folder / "answers.sqlite").unlink()
    gone = ran(folder, "answers", "list")
    assert (gone.exit_code, "holds no answers of a reconciler" in gone.stderr) == (1, True)


def test_settings_are_checked_and_shown(folder: Path) -> None:
    assert "the configuration is good" in ran(folder, "--check-config").stdout
    assert "venue_id: kraken" in ran(folder, "config").stdout


def test_it_does_not_start_without_a_key_or_on_a_folder_that_is_held(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    settings = ReconcilerConfig(
        key_file=str(key_file),
        state_folder=str(tmp_path),
        venues=(VenueSetting(venue_id="kraken"),),
    )
    with pytest.raises(StartupError, match="key_file .*: No such file"):
        connect(settings)
    key_file.write_text("S3CRET\nkey")
    with pytest.raises(StartupError, match="holds no API key") as caught:
        connect(settings)
    assert "S3CRET" not in str(caught.value)
    with (
        held_folder(tmp_path),
        pytest.raises(StartupError, match="another reconciler uses it"),
        held_folder(tmp_path),
    ):
        pass
