"""Datasets on a hub: a stub on this machine that answers as the hub does, and what is said without a network."""

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from panlect import cli
from panlect.curation import hub
from panlect.errors import FolderError
from panlect.folder import Folder, resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "README.md": b"# card",
    "data/sw/train-00000.jsonl": b'{"text": "Habari ya leo.", "language": "sw"}\n' * 2,
    "data/sw/train-00001.jsonl": b'{"text": "Soko limefunguliwa.", "language": "sw"}\n',
    "data/th/train-00000.jsonl": '{"text": "ตลาดเปิดแล้ว", "language": "th"}\n'.encode(),
}


class Stub(BaseHTTPRequestHandler):
    """One dataset, `someone/texts`, at one commit."""

    def do_GET(self) -> None:
        """Answer with the dataset's facts, or with a file."""
        self._answer(body=True)

    def do_HEAD(self) -> None:
        """Answer with a file's facts."""
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        content, headers = None, {}
        if path in ("/api/datasets/someone/texts", "/api/datasets/someone/texts/revision/main"):
            facts = {
                "id": "someone/texts",
                "sha": COMMIT,
                "siblings": [{"rfilename": name} for name in FILES],
            }
            content = json.dumps(facts).encode()
            headers = {"Content-Type": "application/json"}
        prefix = f"/datasets/someone/texts/resolve/{COMMIT}/"
        if path.startswith(prefix) and path.removeprefix(prefix) in FILES:
            content = FILES[path.removeprefix(prefix)]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"'}
        self.send_response(200 if content is not None else 404)
        if content is None:
            headers = {"X-Error-Code": "RepoNotFound"}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if body and content:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[str]:
    from huggingface_hub import constants

    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.usefixtures("endpoint")
def test_curate_reads_a_dataset_of_the_hub_from_the_command_line(tmp_path):
    out = tmp_path / "out"
    address = "hf://datasets/someone/texts@main/data/*/*.jsonl"
    assert cli.main(["curate", address, "--out", str(out), "--set", "unknown_licence=keep"]) == 0
    rows = Folder.open(out).table("document")
    assert rows["text"].to_list() == ["Habari ya leo.", "Soko limefunguliwa.", "ตลาดเปิดแล้ว"]
    assert rows["language"].to_list() == ["swh_Latn", "swh_Latn", "tha_Thai"]
    assert rows["place"][0] == "someone/texts@01234567/data/sw/train-00000.jsonl:1"
    only = hub.fetch("hf://datasets/someone/texts/data/th")
    assert [name for _, name in only] == ["someone/texts@01234567/data/th/train-00000.jsonl"]
    assert len(hub.fetch("hf://datasets/someone/texts")) == 3


@pytest.mark.usefixtures("endpoint")
def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(FolderError, match="no file of the dataset matches"):
        hub.fetch("hf://datasets/someone/texts/data/xx/*")
    with pytest.raises(FolderError, match="no such dataset"):
        hub.fetch("hf://datasets/someone/else")
    with pytest.raises(FolderError, match="no address of a dataset"):
        hub.fetch("hf://someone/texts")
    assert resolve("hf://datasets/someone/texts").location == "hf://datasets/someone/texts"


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    address = "hf://datasets/someone/texts"
    assert cli.main(["curate", address, "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "the hub cannot be reached" in said
    assert "name their directory instead" in said
    assert not (tmp_path / "out").exists()
