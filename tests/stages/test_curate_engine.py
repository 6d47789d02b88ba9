"""The engines of `curate`: the same bytes for one worker, several, a Ray cluster, and after deaths in the middle."""

import gzip
import hashlib
import json
import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest

from panlect.config import check
from panlect.curation import engine, pool
from panlect.curation.settings import NearSettings
from panlect.errors import DataError
from panlect.folder import External, Folder
from panlect.stages.curate import CurateConfig, curate

SETTINGS = {
    "block_bytes": 1 << 14,
    "unknown_licence": "keep",
    "files": [{"files": "*.tsv*", "columns": ["language", "source", "text"]}],
    "aligned": [{"source": "news", "rows": 200}],
    "held_out_share": 0.05,
    "near_duplicates": {"method": "light"},
    "quality": {"learn": {"measures": ["words"], "minimum_sample": 50}},
}
ALPHABETS = {"en": "abcdefgh", "sw": "klmnopqu", "th": "กขคงจฉชซ"}


def write_corpus(directory: Path, rows: int = 500) -> list[External]:
    """Random texts in three scripts, a fifth of them exact or edited copies, and an aligned source."""
    choose = random.Random(5)
    words = {code: ["".join(choose.choices(a, k=4)) for _ in range(300)] for code, a in ALPHABETS.items()}
    texts: list[tuple[str, list[str]]] = []
    for _ in range(rows):
        if texts and choose.random() < 0.2:
            code, copy = choose.choice(texts)
            copy = list(copy)
            if choose.random() < 0.7:
                copy[choose.randrange(len(copy))] = choose.choice(words[code])
        else:
            code = choose.choice(list(words))
            copy = choose.choices(words[code], k=choose.randrange(25, 80))
        texts.append((code, copy))
    directory.mkdir(exist_ok=True)
    lines = [json.dumps({"text": " ".join(copy), "language": code}) + "\n" for code, copy in texts]
    (directory / "rows.jsonl").write_text("".join(lines))
    aligned = [f"{code}\tnews\t{words[code][i % 300]} {i}\n" for code in ALPHABETS for i in range(200)]
    (directory / "aligned.tsv.gz").write_bytes(gzip.compress("".join(aligned).encode(), mtime=0))
    return [External(str(directory))]


def bytes_of(folder: Folder) -> dict[str, str]:
    """A hash of every table but the numbers, in which the step's own name stands."""
    files = sorted(folder.path.rglob("*-*.parquet"))
    return {
        str(each.relative_to(folder.path)): hashlib.sha256(each.read_bytes()).hexdigest() for each in files
    }


def run(tmp_path: Path, name: str, **settings: object) -> dict[str, str]:
    inputs = write_corpus(tmp_path / "corpus")
    config = check(CurateConfig, SETTINGS | settings, where="test")
    return bytes_of(curate(inputs, tmp_path / name / "out", config))


@pytest.fixture
def straight(tmp_path, monkeypatch):
    """What one worker writes that nobody disturbs."""
    monkeypatch.setenv(engine.WORKERS_VARIABLE, "1")
    found = run(tmp_path, "straight")
    assert len(found) == 4  # documents, pairs, questions, dropped documents
    return found


def test_two_workers_write_the_same_bytes(tmp_path, straight, monkeypatch):
    monkeypatch.setenv(engine.WORKERS_VARIABLE, "2")
    assert run(tmp_path, "two") == straight


PHASES = ["items", "exact_document", "learn", "facts", "near_unite"]


@pytest.mark.parametrize(
    "phase", ["rows", "near_compare", *(pytest.param(name, marks=pytest.mark.slow) for name in PHASES)]
)
def test_a_run_killed_in_any_phase_continues_and_writes_the_same_bytes(
    tmp_path, straight, monkeypatch, phase
):
    real, done = engine.Phase.__call__, []

    def dies(self, job):
        if self.name == phase and len(done) == (
            3 if phase in ("rows", "items", "facts", "near_compare") else 0
        ):
            raise KeyboardInterrupt
        if self.name == phase:
            done.append(engine.number_of(job))
        real(self, job)

    monkeypatch.setattr(engine.Phase, "__call__", dies)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "killed")
    assert not (tmp_path / "killed" / "out").exists()
    again: list[tuple[str, int]] = []

    def notes(self, job):
        again.append((self.name, engine.number_of(job)))
        real(self, job)

    monkeypatch.setattr(engine.Phase, "__call__", notes)
    assert run(tmp_path, "killed") == straight
    assert not set(again) & {(phase, number) for number in done}
    assert phase == "rows" or not any(name == "rows" for name, _ in again)


def test_the_number_of_ranges_changes_nothing(tmp_path, straight, monkeypatch):
    monkeypatch.setattr("panlect.curation.shuffle.ROWS_PER_JOB", 300)
    assert run(tmp_path, "ranges") == straight


@pytest.mark.parametrize("method", ["thorough", "simhash"])
def test_ranges_find_the_clusters_that_all_keys_together_show(tmp_path, monkeypatch, method):
    """Against the function that has everything in memory."""
    import numpy as np

    from panlect.curation import copies, shuffle, steps
    from panlect.text import duplicates

    monkeypatch.setattr("panlect.curation.shuffle.ROWS_PER_JOB", 100)
    choose = random.Random(2)
    texts = []
    for _ in range(600):
        words = (
            list(choose.choice(texts))
            if texts and choose.random() < 0.5
            else choose.choices(range(500), k=60)
        )
        words[choose.randrange(60)] = choose.randrange(500)
        texts.append(words)
    written = [" ".join(f"w{word}" for word in words) for words in texts]
    settings = NearSettings(method=method)
    import polars as pl

    for number in range(3):
        frame = pl.DataFrame(
            {"text": written[200 * number : 200 * number + 200], "language": ["eng_Latn"] * 200}
        )
        frame.write_parquet(tmp_path / f"{number:06d}.document.parquet")
        facts = pl.DataFrame({"weight": [1] * 200, "held": [False] * 200, "reason": [""] * 200})
        facts.write_parquet(tmp_path / f"{number:06d}.facts.parquet")
        left = copies.shelved(steps.signed(frame, settings), frame["language"], settings)
        for name, values in {**left, "alive": np.ones(200, dtype=bool)}.items():
            shuffle.save(tmp_path / f"{number:06d}.{name}.npy", values)
    copies.find(engine.Here(), tmp_path, 3, settings)
    found = pl.concat(
        [
            copies.with_copies(
                pl.read_parquet(tmp_path / f"{number:06d}.facts.parquet"), tmp_path, number, 200 * number
            )
            for number in range(3)
        ]
    )
    if method == "simhash":
        first = duplicates.simhash_clusters(*duplicates.simhashes(written))
    else:
        how = duplicates.PRESETS[method]
        first = duplicates.clusters(duplicates.signatures(written, how), how, minimum_shingles=20)
    stays = first == np.arange(600)
    assert 100 < stays.sum() < 500
    assert (found["reason"] == "").to_list() == stays.tolist()
    assert found["copies"].to_list() == duplicates.cluster_sizes(first).tolist()


def test_copies_that_are_kept_count_once(tmp_path):
    rows = [{"text": " ".join(f"w{i}" for i in range(40)), "language": "en"}] * 3
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"exact_duplicates": "keep", "near_duplicates": {"method": "light"}, "unknown_licence": "keep"}
    folder = curate([External(str(path))], tmp_path / "out", check(CurateConfig, settings, where="test"))
    assert folder.table("document")["copies"].to_list() == [3]


def dies_always(job: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_job_that_kills_its_workers_is_named():
    with pool.Pool(1) as workers, pytest.raises(DataError, match="died 3 times"):
        workers.each(dies_always, iter([7]), lambda job: None)


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(tmp_path, straight, monkeypatch):
    monkeypatch.setenv(engine.WORKERS_VARIABLE, "2")
    real, killed = pool.Pool.each, []

    def kills(self, function, jobs, done):
        def then_kill(job):
            done(job)
            if not killed:
                victim = multiprocessing.active_children()[0]
                victim.kill()  # a child of this very test
                killed.append(victim.pid)

        real(self, function, jobs, then_kill)

    monkeypatch.setattr(pool.Pool, "each", kills)
    assert run(tmp_path, "survived") == straight
    assert killed


@pytest.fixture
def two_nodes():
    """A Ray cluster of two nodes on this machine, one core each."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    second = cluster.add_node(num_cpus=1, object_store_memory=100 << 20)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    mine = ray.get_runtime_context().get_node_id()  # the driver's own node: it dies with it
    nodes = [cluster.head_node, second]
    try:
        yield cluster, next(node for node in nodes if node.node_id == mine), nodes
    finally:
        ray.shutdown()
        cluster.shutdown()


def workers_of(node: object) -> list[int]:
    """The processes of a node that run tasks, among the children of its raylet, which this test started."""
    children = []
    for process in node.all_processes["raylet"]:
        pid = process.process.pid
        children += [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [
        pid
        for pid in children
        if Path(f"/proc/{pid}/cmdline").read_bytes().startswith((b"ray::_call", b"ray::IDLE"))
    ]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_writes_the_same_bytes_while_a_worker_and_a_node_die(tmp_path, straight, two_nodes):
    cluster, mine, nodes = two_nodes
    other = next(node for node in nodes if node is not mine)
    if other is cluster.head_node:
        pytest.skip("the driver is not on the head node, without which there is no cluster")
    events: list[str] = []

    def disturb():
        """Kill a worker process when the first rows are there, and a node before copies are compared."""
        scratch = tmp_path / "ray" / "out.partial" / "scratch"
        while not events:
            if any(scratch.glob("*.rows.done")) and (processes := workers_of(mine) + workers_of(other)):
                os.kill(processes[0], signal.SIGKILL)
                events.append("worker")
            time.sleep(0.01)
        while len(events) < 2:
            if len(list(scratch.glob("*.facts.done"))) >= 3:
                cluster.remove_node(other, allow_graceful=False)
                events.append("node")
            time.sleep(0.01)

    disturber = threading.Thread(target=disturb, daemon=True)
    disturber.start()
    assert run(tmp_path, "ray", engine="ray") == straight
    disturber.join(timeout=5)
    assert events == ["worker", "node"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_ray_says_what_went_wrong_in_a_job(tmp_path, two_nodes):
    from panlect.curation.ray_cluster import RayCluster

    with RayCluster(1, tmp_path) as cluster:
        cluster.each(fails_at_two, iter(range(2)), lambda job: None)
        with pytest.raises(DataError, match="this row is bad"):
            cluster.each(fails_at_two, iter(range(5)), lambda job: None)
        with pytest.raises(DataError, match="died 3 times"):
            cluster.each(dies_always, iter([7]), lambda job: None)


def fails_at_two(job: int) -> None:
    if job == 2:
        raise DataError("this row is bad", where="rows:2", expected="a good one", fix="mend it")
