"""The cache publishes whole entries or none, and files are replaced whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asnet.cache import Cache, default_cache, digest, write_atomically
from asnet.errors import OutputError


def test_digest_counts_the_boundaries_between_parts() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["ab"]) == digest([b"ab"])


def test_an_entry_is_built_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    built: list[Path] = []

    def build(folder: Path) -> None:
        built.append(folder)
        (folder / "result").write_text("42")

    first = cache.get("kind", "0123", build)
    assert cache.get("kind", "0123", build) == first
    assert (first / "result").read_text() == "42"
    assert len(built) == 1
    assert cache.has("kind", "0123")


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def build(folder: Path) -> None:
        (folder / "half").write_text("…")
        raise RuntimeError("compiler failed")

    with pytest.raises(RuntimeError, match="compiler failed"):
        cache.get("kind", "0123", build)
    assert not cache.has("kind", "0123")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_loser_of_a_race_gets_the_winner_s_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def build(folder: Path) -> None:
        (folder / "result").write_text("late")
        winner = cache.entry("kind", "0123")
        winner.mkdir(parents=True)
        (winner / "result").write_text("early")

    assert (cache.get("kind", "0123", build) / "result").read_text() == "early"


def test_killed_while_building_leaves_no_entry(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from asnet.cache import Cache\n"
        "def build(folder):\n"
        "    (folder / 'half').write_text('x'); print('building', flush=True); time.sleep(60)\n"
        "Cache(Path(sys.argv[1])).get('kind', '0123', build)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "building\n"
        child.send_signal(signal.SIGKILL)
    assert not Cache(tmp_path).has("kind", "0123")


def test_what_a_killed_build_left_is_swept_after_a_day(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    folder = cache.entry("kind", "0123").parent
    old, recent = folder / ".building-old", folder / ".building-recent"
    for work in (old, recent):
        work.mkdir(parents=True)
    yesterday = time.time() - 90_000
    os.utime(old, (yesterday, yesterday))
    cache.get("kind", "0123", lambda target: None)
    assert not old.exists()
    assert recent.exists()


def test_atomic_write_keeps_the_old_content_when_it_fails(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").write_text("kept")
    with pytest.raises(OutputError, match=r"cannot write '.*folder'"):
        write_atomically(target, "new")
    assert (target / "inside").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_atomic_write_gives_the_usual_permissions(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a" / "b.json", "{}")
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (tmp_path / "a" / "b.json").stat().st_mode == plain.stat().st_mode


def test_cache_that_cannot_be_written_says_what_to_set(tmp_path: Path) -> None:
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(OutputError, match="set ASNET_CACHE to a folder that can be written"):
        Cache(blocker).get("kind", "0123", lambda folder: None)


def test_default_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ASNET_CACHE", str(tmp_path / "mine"))
    assert default_cache().root == tmp_path / "mine"
    monkeypatch.delenv("ASNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache().root == tmp_path / "asnet"


def test_a_user_without_a_home_is_told_to_name_a_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASNET_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)  # in no table of users
    with pytest.raises(OutputError) as caught:
        default_cache()
    assert str(caught.value) == "no folder for the cache: the user has no home; set ASNET_CACHE to one"


def test_two_processes_build_the_same_entry(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from asnet.cache import Cache\n"
        "def build(folder):\n"
        "    time.sleep(0.3); (folder / 'result').write_text('42')\n"
        "print((Cache(Path(sys.argv[1])).get('kind', '0123', build) / 'result').read_text())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [child.communicate(timeout=60)[0] for child in children]
    assert outputs == ["42\n", "42\n"]
    assert [path.name for path in tmp_path.rglob(".building-*")] == []
