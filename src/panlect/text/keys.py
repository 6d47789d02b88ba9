"""Keys of texts: what makes two texts the same one.

A key is 64 bits. Among a million distinct texts two share a key by chance with a probability of
3e-8, among a billion with 3 % (the birthday bound n² / 2⁶⁵).
"""

import hashlib
import unicodedata
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]


def exact_form(text: str) -> str:
    """Return what is compared for exact duplicates: NFC, in lower case, every run of whitespace one space.

    Two texts that differ in these only are the same text typed or wrapped differently.
    """
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def text_key(text: str) -> int:
    """Return the 64-bit key of a text as it is."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def exact_keys(texts: Iterable[str]) -> Keys:
    """Return the keys of the texts' `exact_form`."""
    return np.array([text_key(exact_form(text)) for text in texts], dtype=np.uint64)


def content_id(*parts: str) -> str:
    """Return a row's identifier: 24 hex digits of a hash over its parts."""
    joined = "\0".join(parts).encode()
    return hashlib.blake2b(joined, digest_size=12).hexdigest()


def share_of(key: int | str) -> float:
    """Map a key to a number in [0, 1) that looks random and never changes.

    Comparing it with a share splits rows without seeing the others, in any order, on any machine.
    """
    text = key if isinstance(key, str) else f"{key:016x}"
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"share").digest()
    return int.from_bytes(digest, "little") / 2.0**64
