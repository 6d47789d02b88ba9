"""Datasets on a hub as inputs: ``hf://datasets/allenai/c4@main/multilingual/c4-sw.*.json.gz``.

The files are fetched into the hub's own cache before work begins, all of them of one commit.
"""

import fnmatch
import os
import re
from pathlib import Path

from panlect.errors import FolderError

SCHEME = "hf://"
_ADDRESS = re.compile(r"hf://datasets/(?P<name>[\w.-]+/[\w.-]+)(?:@(?P<revision>[^/]+))?(?:/(?P<path>.+))?")
_NO_TEXT = re.compile(r"(^|/)\.|\.(py|png|jpe?g|pdf|md|lock)$")


def fetch(location: str) -> list[tuple[Path, str]]:
    """Fetch the files that an address names.

    Args:
        location: ``hf://datasets/<owner>/<name>[@<revision>][/<path or pattern>]``; without a path all files
            of text. ``HF_ENDPOINT`` names another server than the hub's, ``HF_TOKEN`` is an account's token.

    Returns:
        where each file is now, and its name: the dataset's, the commit's first eight digits, the path in it.

    Raises:
        FolderError: the address is none, nothing there matches, or the hub cannot be reached.
    """
    parts = _ADDRESS.fullmatch(location.rstrip("/"))
    if not parts:
        raise FolderError(
            "this is no address of a dataset",
            where=location,
            expected="hf://datasets/<owner>/<name>[@<revision>][/<path or pattern>]",
        )
    try:
        return _fetched(parts["name"], parts["revision"], parts["path"] or "*", location)
    except FolderError:
        raise
    except Exception as error:  # the hub's client and the HTTP library below it each have their own
        raise _unreachable(location, error) from error


def _fetched(name: str, revision: str | None, pattern: str, location: str) -> list[tuple[Path, str]]:
    from huggingface_hub import HfApi, hf_hub_download

    endpoint = os.environ.get("HF_ENDPOINT") or None
    info = HfApi(endpoint=endpoint).dataset_info(name, revision=revision)
    there = [file.rfilename for file in info.siblings or () if not _NO_TEXT.search(file.rfilename)]
    wanted = [file for file in there if fnmatch.fnmatchcase(file, pattern) or file.startswith(f"{pattern}/")]
    if not wanted:
        named = ", ".join(sorted(there)[:5])
        raise FolderError("no file of the dataset matches", where=location, expected=f"one of: {named} ...")
    commit, found = str(info.sha), []
    for file in sorted(wanted):
        path = hf_hub_download(name, file, repo_type="dataset", revision=commit, endpoint=endpoint)
        found.append((Path(path), f"{name}@{commit[:8]}/{file}"))
    return found


def _unreachable(location: str, error: Exception) -> FolderError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403, 404):
        return FolderError(
            "the hub has no such dataset, or does not show it to you",
            where=location,
            expected="a public dataset, or one whose terms this account has accepted",
            fix="check the name; for a private or gated one, log in: hf auth login, or HF_TOKEN",
        )
    server = os.environ.get("HF_ENDPOINT") or "the hub"
    return FolderError(
        f"the hub cannot be reached ({type(error).__name__})",
        where=location,
        expected=f"a network that reaches {server}, and HF_HUB_OFFLINE not set",
        fix="fetch the files elsewhere and name their directory instead, or set HF_ENDPOINT to a mirror",
    )
