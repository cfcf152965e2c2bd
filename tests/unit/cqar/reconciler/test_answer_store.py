"""Answers are kept once, within their bounds, and survive a kill at any point."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqar.reconciler import answer_store
from cqar.reconciler.answer_store import AnswerStore, path_of
from cqar.reconciler.kept_rounds import AnswerLost, KeptRounds
from cqar.reconciler.round_index import APPLIED
from cqar.reconciler.venue_state import VenueState, VenueStates

MANY = 1_000_000


def store_in(folder: Path, bytes_max: int = MANY, rounds_max: int = MANY) -> AnswerStore:
    folder.mkdir(exist_ok=True)
    return AnswerStore(folder, bytes_max, rounds_max)


def noise(seed: int, size: int = 2_000) -> bytes:
    return random.Random(seed).randbytes(size)


def one_round(
    store: AnswerStore, content: bytes, venue_id: str = "kraken", outcome: str = APPLIED
) -> str:
    answer = store.put("AssetPairs", content, 1.0)
    store.add(venue_id, 1.0, outcome, [answer])
    return answer.sha256


def test_the_same_answer_of_many_rounds_is_one_file(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    hashes = {one_round(store, noise(1)) for _ in range(3)}
    assert (len(hashes), store.rounds) == (1, 3)
    assert len([*tmp_path.glob("answers/??/*")]) == 1
    store.close()
    with KeptRounds.opened(tmp_path) as kept:
        assert kept.content(hashes.pop()) == noise(1)
        assert len(kept.rounds("kraken", 10)) == 3


def test_beyond_its_bytes_the_oldest_answers_go_but_not_a_venues_last_good_one(
    tmp_path: Path,
) -> None:
    store = store_in(tmp_path, bytes_max=9_000)
    good = one_round(store, noise(0), "okx")
    hashes = [one_round(store, noise(n)) for n in range(1, 8)]
    assert store.stored_bytes <= 9_000
    files = {path.name.removesuffix(".zst") for path in tmp_path.glob("answers/??/*")}
    assert good in files
    assert hashes[-1] in files
    assert hashes[0] not in files
    store.close()


def test_beyond_its_rounds_the_oldest_go(tmp_path: Path) -> None:
    store = store_in(tmp_path, rounds_max=3)
    for n in range(10):
        one_round(store, noise(n, 100), outcome="UNUSABLE")
    assert (store.rounds, store.index.count()) == (3, 3)
    store.close()


def test_one_that_is_larger_than_all_that_may_be_kept_is_not_kept(tmp_path: Path) -> None:
    store = store_in(tmp_path, bytes_max=1_000)
    sha256 = one_round(store, noise(1))
    assert store.stored_bytes == 0
    store.close()
    with KeptRounds.opened(tmp_path) as kept, pytest.raises(AnswerLost):
        kept.content(sha256)


def test_a_full_disk_loses_the_answer_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, __: bytes) -> None:
        raise OSError(28, "No space left on device")

    store = store_in(tmp_path)
    kept = one_round(store, noise(1))
    with monkeypatch.context() as patched:
        patched.setattr(answer_store, "replace_file", full)
        with pytest.raises(OSError, match="No space"):
            one_round(store, noise(2))
    assert (store.rounds, store.stored_bytes) == (1, path_of(tmp_path, kept).stat().st_size)
    one_round(store, noise(2))
    assert store.rounds == 2
    store.close()


def test_what_a_killed_process_left_is_swept_and_what_it_noted_stays(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    noted = one_round(store, noise(1))
    orphan = store.put("AssetPairs", noise(2), 1.0).sha256  # its round never ended
    partial = path_of(tmp_path, noted).with_name("0.zst.partial")
    partial.write_bytes(b"half")
    del store  # no close, as with SIGKILL
    again = store_in(tmp_path)
    files = {path.name for path in tmp_path.glob("answers/??/*")}
    assert files == {f"{noted}.zst"}
    assert path_of(tmp_path, orphan).exists() is False
    assert again.stored_bytes == path_of(tmp_path, noted).stat().st_size
    again.close()


def test_an_index_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    one_round(store, noise(1))
    store.close()
    for path in tmp_path.glob("answers.sqlite*"):
        path.write_bytes(b"no database at all" * 400)
    again = store_in(tmp_path)
    assert (again.rounds, again.stored_bytes) == (0, 0)
    one_round(again, noise(2))
    again.close()


def test_an_altered_or_foreign_file_is_not_given_as_an_answer(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    sha256, other = one_round(store, noise(1)), one_round(store, noise(2))
    store.close()
    path_of(tmp_path, other).replace(path_of(tmp_path, sha256))
    with KeptRounds.opened(tmp_path) as kept:
        for name in (sha256, other, "../../etc/passwd", "0" * 64):
            with pytest.raises(AnswerLost):
                kept.content(name)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["a", "b"]), st.booleans()), max_size=25),
    st.integers(2_000, 12_000),
    st.integers(1, 6),
)
def test_whatever_is_put_the_bounds_hold_and_the_books_are_right(
    rounds: list[tuple[int, str, bool]], bytes_max: int, rounds_max: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = store_in(folder, bytes_max, rounds_max)
        for seed, venue_id, is_good in rounds:
            one_round(store, noise(seed), venue_id, APPLIED if is_good else "UNUSABLE")
            files = [*folder.glob("answers/??/*")]
            assert store.stored_bytes == sum(path.stat().st_size for path in files) <= bytes_max
            assert store.rounds == store.index.count() <= rounds_max
        store.close()


def test_what_is_noted_of_a_venue_is_read_back_or_begun_anew(tmp_path: Path) -> None:
    states = VenueStates(tmp_path)
    assert states.load("kraken") == VenueState(venue_id="kraken")
    noted = VenueState(venue_id="kraken", due_s=5.0, failures=2)
    states.save(noted)
    assert states.load("kraken") == noted
    (tmp_path / "venues" / "kraken.json").write_bytes(b'{"venue_id": "kra')
    assert states.load("kraken") == VenueState(venue_id="kraken")
