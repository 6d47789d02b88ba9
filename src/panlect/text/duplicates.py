"""Near-duplicates: MinHash with banding and verification, SimHash, clusters, repetition of what is kept.

MinHash (Broder 1997): the share of equal minima of k random permutations over two sets of shingles
estimates their Jaccard similarity s. Banding makes rows candidates when all r minima of one of b
bands agree, which happens with probability 1 - (1 - s^r)^b. Candidates are then verified by the
estimate itself, so that the bands can be loose (high recall) without losing precision.

| preset | bands × rows, words | verified | finds |
|---|---|---|---|
| `thorough` | 32 × 4, 3 | ≥ .5 | a copy with a tenth of its words changed |
| `light` | 20 × 5, 3 | ≥ .5 | most of those, with a third less memory |
| `fineweb` | 14 × 8, 5 | no | what datatrove and FineWeb-2 find (s about .72) |
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from panlect.text.characters import kinds, lower_case
from panlect.text.scripts import batches


class MinHash(NamedTuple):
    """Parameters of MinHash deduplication."""

    bands: int = 32
    rows: int = 4
    words: int = 3
    """Words per shingle."""
    verify: float = 0.5
    """Least estimated similarity of a pair; 0 takes every candidate."""
    seed: int = 1

    @property
    def permutations(self) -> int:
        """How many minima a signature has."""
        return self.bands * self.rows


PRESETS: Mapping[str, MinHash] = MappingProxyType(
    {
        "thorough": MinHash(),
        "light": MinHash(bands=20, rows=5),
        "fineweb": MinHash(bands=14, rows=8, words=5, verify=0.0),
    }
)


class Signatures(NamedTuple):
    """What is kept of each text for finding its duplicates."""

    bands: NDArray[np.uint64]
    """texts × bands: a hash of each band's minima."""
    minima: NDArray[np.uint8]
    """texts × permutations: the lowest byte of each minimum."""
    shingles: NDArray[np.int64]
    """How many shingles each text has; 0: too short to say anything."""


def probability(similarity: float, how: MinHash) -> float:
    """Return the probability that a pair of that similarity becomes a candidate."""
    return float(1 - (1 - similarity**how.rows) ** how.bands)


def signatures(texts: Sequence[str], how: MinHash = MinHash()) -> Signatures:  # noqa: B008 - immutable
    """Return the MinHash signatures of texts, over shingles of words in lower case without punctuation.

    A character of a script without spaces is a word. A text with fewer words than a shingle has one
    shingle, the whole text; two different short texts therefore have nothing in common.
    """
    from panlect.text.duplicates_kernel import minhash_batch

    permutations, tables = _permutations(how), (kinds(), lower_case())
    minima = np.full((len(texts), how.permutations), np.iinfo(np.uint32).max, dtype=np.uint32)
    counts = np.zeros(len(texts), dtype=np.int64)
    for mine, codes, starts in batches(texts):
        minhash_batch((codes, starts), tables, how.words, permutations, (minima[mine], counts[mine]))
    return Signatures(_band_keys(minima, how), (minima & 0xFF).astype(np.uint8), counts)


def _permutations(how: MinHash) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    random = np.random.Generator(np.random.PCG64(how.seed))
    factors = random.integers(0, 2**32, how.permutations, dtype=np.uint32) | np.uint32(1)
    return factors, random.integers(0, 2**32, how.permutations, dtype=np.uint32)


def _band_keys(minima: NDArray[np.uint32], how: MinHash) -> NDArray[np.uint64]:
    values = minima.reshape(len(minima), how.bands, how.rows).astype(np.uint64)
    keys = np.zeros(values.shape[:2], dtype=np.uint64)
    with np.errstate(over="ignore"):
        for row in range(how.rows):
            keys = (keys ^ values[:, :, row]) * np.uint64(0x9E3779B97F4A7C15)
            keys ^= keys >> np.uint64(29)
    return keys


def similarity(minima: NDArray[np.uint8], left: Any, right: Any) -> NDArray[np.float64]:
    """Estimate the Jaccard similarity of pairs of rows; chance agreement of single bytes is taken out."""
    equal = (minima[left] == minima[right]).mean(axis=-1)
    return np.asarray(np.clip((equal - 1 / 256) / (1 - 1 / 256), 0.0, 1.0))


def clusters(
    found: Signatures, how: MinHash, *, group: NDArray[np.int64] | None = None, minimum_shingles: int = 1
) -> NDArray[np.int64]:
    """Return, for every text, the number of the first text of its cluster (its own, if it stands alone).

    Args:
        found: the signatures, in the order that decides which text is the first.
        how: the parameters that they were made with.
        group: only texts of the same number can be duplicates (one number per language).
        minimum_shingles: shorter texts stand alone.
    """
    parents = np.arange(len(found.minima), dtype=np.int64)
    long_enough = np.flatnonzero(found.shingles >= max(1, minimum_shingles))
    for band in range(how.bands):  # one band at a time: 16 bytes a text, whatever the number of bands
        keys = found.bands[long_enough, band]
        if group is not None:
            with np.errstate(over="ignore"):
                keys = keys ^ (group[long_enough].astype(np.uint64) * np.uint64(0xD6E8FEB86659FD93))
        order = np.argsort(keys, kind="stable")
        link(keys[order], long_enough[order], found.minima, how, parents)
    return roots(parents)


def link(keys: Any, texts: Any, minima: Any, how: MinHash, parents: NDArray[np.int64]) -> None:
    """Link the texts that share a key of one band, where their signatures are alike enough.

    Args:
        keys: sorted.
        texts: the number of each key's text, in order where keys are the same.
        minima: the signature of every text.
        how: the parameters.
        parents: the clusters so far; changed. Bands can be linked in any order.
    """
    from panlect.text.duplicates_kernel import link_band

    wanted = how.verify * (1 - 1 / 256) + 1 / 256 if how.verify else 0.0
    link_band(keys, texts, minima, int(np.ceil(wanted * how.permutations - 1e-9)), parents)


def united(links: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the first text of every text's cluster, of so many texts with links between pairs of them."""
    from panlect.text.duplicates_kernel import link_pairs

    parents = np.arange(size, dtype=np.int64)
    link_pairs(links, parents)
    return roots(parents)


def roots(parents: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the first text of every text's cluster, from links to earlier texts."""
    while True:
        above = parents[parents]
        if np.array_equal(above, parents):
            return parents
        parents = above


def cluster_sizes(first: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the size of every text's cluster."""
    return np.asarray(np.bincount(first, minlength=len(first))[first])


REPEATS = ((1, 1), (2, 2), (4, 3), (99, 5), (999, 8))
"""Largest cluster size and how often its one kept text is repeated (FineWeb-2)."""


def repeats(size: int) -> int:
    """Return how often FineWeb-2 repeats the text kept of a cluster of that size."""
    return next((times for largest, times in REPEATS if size <= largest), 1)


# --- SimHash ---------------------------------------------------------------------------------------


def simhashes(texts: Sequence[str], window: int = 6) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return 64-bit fingerprints (Charikar 2002) and which texts have one.

    Bit b is set if more shingle hashes have it than have not. Shingles are character windows of the
    text in lower case without punctuation, all of them (len - window + 1). A text shorter than the
    window has no shingle and no fingerprint: it must not count as equal to all other short texts.
    """
    from panlect.text.duplicates_kernel import simhash_batch

    prints, counts = np.zeros(len(texts), dtype=np.uint64), np.zeros(len(texts), dtype=np.int64)
    for mine, codes, starts in batches(texts):
        simhash_batch((codes, starts), kinds(), lower_case(), window, (prints[mine], counts[mine]))
    return prints, counts > 0


def simhash_masks(distance: int = 4, blocks: int = 6) -> list[np.uint64]:
    """Return the parts of fingerprints of which one at least is equal in any two that are near.

    With more blocks than the distance, two such fingerprints agree in at least blocks - distance
    blocks entirely; every choice of that many blocks is one mask.
    """
    from itertools import combinations

    if blocks <= distance:
        raise ValueError("there must be more blocks than bits of distance")
    edges = np.linspace(0, 64, blocks + 1).astype(int)
    masks = [sum(1 << bit for bit in range(edges[i], edges[i + 1])) for i in range(blocks)]
    return [np.uint64(sum(chosen)) for chosen in combinations(masks, blocks - distance)]


def simhash_clusters(
    prints: NDArray[np.uint64], usable: NDArray[np.bool_], *, distance: int = 4, blocks: int = 6
) -> NDArray[np.int64]:
    """Return each text's cluster where fingerprints within `distance` bits are linked."""
    from panlect.text.duplicates_kernel import link_fingerprints

    parents = np.arange(len(prints), dtype=np.int64)
    places = np.flatnonzero(usable)
    for mask in simhash_masks(distance, blocks):
        keys = prints[places] & mask
        order = np.argsort(keys, kind="stable")
        link_fingerprints(keys[order], places[order], prints, distance, parents)
    return roots(parents)
