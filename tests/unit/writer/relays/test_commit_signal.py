"""What wakes the relays."""

from __future__ import annotations

from cqar_writer.relays.publisher import CommitSignal


def _woken(wake: CommitSignal) -> bool:
    woken = wake.changes.is_set()
    assert (wake.events.is_set(), wake.cache.is_set()) == (woken, woken)
    for event in (wake.changes, wake.events, wake.cache):
        event.clear()
    return woken


def test_what_this_process_committed_wakes_its_relays_once() -> None:
    wake = CommitSignal()
    wake.committed(1, 7)
    assert _woken(wake)
    wake.heard("1:7")
    assert not _woken(wake)
    wake.heard("1:8")
    assert _woken(wake)
    wake.committed(1, 8)
    assert not _woken(wake)


def test_what_another_writer_committed_wakes_these_relays_too() -> None:
    wake = CommitSignal()
    wake.committed(1, 7)
    assert _woken(wake)
    for position in ("1:8", "2:3"):
        wake.heard(position)
        assert _woken(wake), position


def test_a_writer_of_an_earlier_release_says_no_position_and_is_heard() -> None:
    wake = CommitSignal()
    wake.committed(1, 7)
    assert _woken(wake)
    wake.heard("")
    assert _woken(wake)
