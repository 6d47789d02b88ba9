"""Folders finish atomically, keep dropped rows, notice damage, and continue after a kill."""

import errno
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from panlect.draft import draft
from panlect.errors import DataError, FolderError, ModelError, PanlectError
from panlect.folder import External, Folder, models, one_model, one_tokenizer, resolve, tables
from toy_stages import DoubledConfig, LettersConfig, doubled, letters, rows


def make(out: Path, **settings: object) -> Folder:
    return letters([], out, LettersConfig(**settings))  # type: ignore[arg-type]


def test_a_finished_folder_reads_back(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", languages=("tha_Thai", "eng_Latn"))
    assert folder.name == "one"
    assert folder.kinds == {"document"}
    assert folder.table("document").height == 6
    assert folder.numbers().filter(pl.col("language") == "tha_Thai")["value"].to_list() == [3.0]
    assert folder.manifest["counts"]["document"]["tha_Thai"] == {
        "rows": 3,
        "bytes": 3,
        "dropped_rows": 0,
        "dropped_bytes": 0,
    }
    assert not (tmp_path / "one.partial").exists()
    assert not (folder.path / "scratch").exists()
    assert set(folder.manifest["files"]) == {"data/document-00000.parquet", "numbers.parquet"}


def test_an_error_leaves_nothing_that_looks_finished(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="asked to fail"):
        make(tmp_path / "one", fail=True)
    assert not (tmp_path / "one").exists()
    with pytest.raises(FolderError, match="not finished"):
        resolve(tmp_path / "one")
    with pytest.raises(FolderError, match="not finished"):
        resolve(tmp_path / "one.partial")


def test_scratch_survives_for_the_same_computation_only(tmp_path: Path) -> None:
    out = tmp_path / "one"
    for seed, expected in ((1, []), (1, ["mark"]), (2, [])):
        with pytest.raises(RuntimeError), draft(out, "letters", 1, LettersConfig(seed=seed), []) as work:
            assert [file.name for file in work.scratch.iterdir()] == expected
            assert not (work.path / "data").exists()
            (work.scratch / "mark").touch()
            work.write("document", rows("a", ["eng_Latn"], seed))
            raise RuntimeError


def test_dropped_rows_keep_their_reason(tmp_path: Path) -> None:
    frame = rows("abc", ["khm_Khmr"], 0)
    with draft(tmp_path / "one", "letters", 1, LettersConfig(), []) as work:
        work.write("document", frame.head(1))
        work.drop("document", frame.tail(2).with_columns(reason=pl.lit("short")))
        with pytest.raises(DataError, match="reason"):
            work.drop("document", frame)
    found = work.folder.dropped()
    assert found.select("text", "reason", "kind").rows() == [
        ("b", "short", "document"),
        ("c", "short", "document"),
    ]
    assert work.folder.manifest["counts"]["document"]["khm_Khmr"]["dropped_rows"] == 2


def test_damaged_rows_without_columns_can_be_set_aside(tmp_path: Path) -> None:
    with draft(tmp_path / "one", "letters", 1, LettersConfig(), []) as work:
        work.drop("document", pl.DataFrame({"line": ["{"], "reason": ["not JSON"]}))
    assert work.folder.manifest["counts"]["document"]["und_Zyyy"]["dropped_rows"] == 1


def test_a_lost_language_is_an_error(tmp_path: Path) -> None:
    folder = make(tmp_path / "one", languages=("tha_Thai", "eng_Latn"))
    with pytest.raises(DataError, match="tha_Thai"):
        doubled([folder], tmp_path / "two", DoubledConfig(keep=("eng_Latn",)))
    assert not (tmp_path / "two").exists()


def test_fingerprints_follow_settings_and_inputs_not_places(tmp_path: Path) -> None:
    one, same, other = (make(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    prints = [
        doubled([each], tmp_path / f"d{each.name}", DoubledConfig()).fingerprint
        for each in (one, same, other)
    ]
    assert prints[0] == prints[1] != prints[2]


def test_a_result_is_replaced_as_a_whole(tmp_path: Path) -> None:
    make(tmp_path / "one", letters="abc")
    folder = make(tmp_path / "one", letters="d")
    assert folder.table("document")["text"].to_list() == ["d"]
    assert [path.name for path in tmp_path.iterdir()] == ["one"]


def test_other_peoples_files_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "thesis.tex").write_text("years of work")
    with pytest.raises(FolderError, match="not a folder made by Panlect"):
        make(tmp_path / "one")
    assert (tmp_path / "one" / "thesis.tex").read_text() == "years of work"


def damage_truncate(folder: Folder) -> None:
    file = folder.files("document")[0]
    file.write_bytes(file.read_bytes()[:-7])


def damage_delete(folder: Folder) -> None:
    folder.files("document")[0].unlink()


def damage_manifest(folder: Folder) -> None:
    (folder.path / "manifest.json").write_text('{"stage": "let')


@pytest.mark.parametrize("damage", [damage_truncate, damage_delete, damage_manifest])
def test_damage_is_noticed_when_opening(tmp_path: Path, damage: Callable[[Folder], None]) -> None:
    damage(make(tmp_path / "one"))
    with pytest.raises(FolderError, match=r"damaged|cannot be read"):
        Folder.open(tmp_path / "one")


def test_users_own_tables_are_read_or_refused(tmp_path: Path) -> None:
    good, cut, empty = tmp_path / "good.jsonl", tmp_path / "cut.parquet", tmp_path / "empty.jsonl"
    row = {"id": "1", "text": "ߒߞߏ", "language": "nqo_Nkoo", "source": "mine", "licence": "CC0-1.0"}
    good.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert tables([External(str(good))], "document")["text"].to_list() == ["ߒߞߏ"]
    rows("abc", ["eng_Latn"], 0).write_parquet(cut)
    cut.write_bytes(cut.read_bytes()[:-20])
    empty.touch()
    for bad, what in ((cut, "cut off"), (empty, "empty")):
        with pytest.raises(FolderError, match=what):
            tables([External(str(bad))], "document")


def test_resolve_knows_folders_paths_globs_and_hub_ids(tmp_path: Path) -> None:
    make(tmp_path / "one")
    (tmp_path / "a.txt").write_text("a")
    assert isinstance(resolve(tmp_path / "one"), Folder)
    globbed = resolve(f"{tmp_path}/*.txt")
    assert isinstance(globbed, External)
    assert globbed.paths() == [tmp_path / "a.txt"]
    hub = resolve("some-org/some-model")
    assert isinstance(hub, External)
    assert not hub.is_local
    with pytest.raises(FolderError, match="nothing is there"):
        resolve(tmp_path / "missing.txt")


def test_one_model_says_what_it_found(tmp_path: Path) -> None:
    folder = make(tmp_path / "one")
    assert models([folder]) == []
    for ask in (one_model, one_tokenizer):
        with pytest.raises(ModelError, match="found 0"):
            ask([folder])
    directory = tmp_path / "hf"
    directory.mkdir()
    (directory / "config.json").write_text("{}")
    (directory / "tokenizer.json").write_text("{}")
    assert one_model([folder, External(str(directory))]) == str(directory)
    assert one_tokenizer([External(str(directory))]) == directory
    with pytest.raises(ModelError, match="found 2"):
        one_model([External(str(directory)), External("org/model")])


def test_a_full_disk_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", no_space)
    with pytest.raises(FolderError, match="disk is full") as caught:
        make(tmp_path / "one")
    assert "continues" in caught.value.fix
    assert not (tmp_path / "one").exists()


def test_two_writers_cannot_share_a_folder(tmp_path: Path) -> None:
    with draft(tmp_path / "one", "letters", 1, LettersConfig(), []) as work:
        with pytest.raises(FolderError, match="another process"):
            make(tmp_path / "one")
        work.write("document", rows("a", ["eng_Latn"], 0))


def test_kill_nine_leaves_it_unfinished_and_the_same_command_finishes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from toy_stages import *\n"
        f"letters([], Path({str(tmp_path / 'one')!r}), LettersConfig(pause_seconds=float(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code]
    victim = subprocess.Popen([*command, "60"], cwd=Path(__file__).parent)
    started = tmp_path / "one.partial" / "scratch" / "started"
    while not started.exists():
        time.sleep(0.02)
        assert victim.poll() is None
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (tmp_path / "one").exists()
    with pytest.raises(PanlectError):
        resolve(tmp_path / "one")
    subprocess.run([*command, "0"], check=True, cwd=Path(__file__).parent)
    assert Folder.open(tmp_path / "one").table("document").height == 3
