"""Recall and precision of near-duplicates on planted copies of real documents, script by script.

    python bench/curate_recall.py --presets thorough light

A copy has 2-4, 4-7 or 7-10 % of its words replaced by others of the same document. Where words are not
separated, a word is two characters (Han, kana) or four (Thai, Khmer, Lao, Burmese, Tibetan). A copy is found
if it is in the cluster of its original. An original that goes counts against precision, unless its true
similarity with an earlier document is at least one half. Real text is needed (PANLECT_DATA).
"""

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import curate
from panlect.text import duplicates
from panlect.text.scripts import UNSPACED, main_scripts

BANDS = ((0.02, 0.04), (0.04, 0.07), (0.07, 0.10))
LEAST_WORDS = 50
SHORT_WORDS = frozenset({"Hani", "Jpan", "Bopo"})


class Copy(NamedTuple):
    """A planted copy."""

    original: int
    script: str
    text: str


def pieces(text: str, script: str) -> list[str]:
    """Cut a text into words; joined, they are the text again."""
    if script not in UNSPACED and script != "Jpan":
        return [piece for word in text.split(" ") for piece in (word, " ")][:-1]
    length = 2 if script in SHORT_WORDS else 4
    return [text[at : at + length] for at in range(0, len(text), length)]


def edited(words: list[str], share: float, choose: random.Random) -> str:
    """Replace a share of the words."""
    words = list(words)
    places = [at for at, word in enumerate(words) if word.strip()]
    for at in choose.sample(places, max(1, round(share * len(places)))):
        words[at] = words[choose.choice(places)]
    return "".join(words)


def planted(texts: list[str], scripts: list[str], per_script: int) -> Iterator[tuple[int, list[Copy]]]:
    """Yield bands with copies: one of each document at most, so that no copy is found through another.

    There are as many rounds as it takes to have so many copies in scripts with few documents.
    """
    choose, waiting = random.Random(11), defaultdict(list)
    for number, script in enumerate(scripts):
        words = pieces(texts[number], script)
        if sum(bool(word.strip()) for word in words) >= LEAST_WORDS:
            waiting[script].append((number, words))
    have = dict.fromkeys(waiting, 0)
    while any(count < per_script for count in have.values()):
        chosen = []
        for script, those in sorted(waiting.items()):
            mine = choose.sample(those, min(per_script - have[script], len(those)))
            have[script] += len(mine)
            chosen += [(number, script, words) for number, words in mine]
        for band, limits in enumerate(BANDS):
            yield band, [Copy(n, s, edited(words, choose.uniform(*limits), choose)) for n, s, words in chosen]


def shingles(text: str, words: int) -> frozenset[str]:
    joined = " ".join(text.lower().split())
    units = joined.split() if joined.count(" ") > len(joined) / 20 else list(joined)
    return frozenset(" ".join(units[at : at + words]) for at in range(len(units) - words + 1))


def wrongly_removed(first: np.ndarray, texts: list[str], words: int) -> list[int]:
    """Return the originals that go although they are less than half alike to every other of their cluster."""
    members = defaultdict(list)
    for number in range(len(texts)):
        members[int(first[number])].append(number)
    gone = []
    for mine in members.values():
        sets = {number: shingles(texts[number], words) for number in mine if len(mine) > 1}
        for place, number in enumerate(mine[1:], start=1):
            best = max(curate.jaccard(sets[number], sets[other]) for other in mine[:place])
            gone += [number] if best < 0.5 else []
    return gone


def clustered(originals: duplicates.Signatures, copies: list[Copy], how: duplicates.MinHash) -> np.ndarray:
    """Return the first text of every text's cluster, copies behind the originals."""
    more = duplicates.signatures([copy.text for copy in copies], how)
    both = duplicates.Signatures(*(np.concatenate(pair) for pair in zip(originals, more, strict=True)))
    return duplicates.clusters(both, how)


def report(name: str, texts: list[str], rounds: list[tuple[int, list[Copy]]], scripts: list[str]) -> None:
    """Print recall by script and band, and precision."""
    how = duplicates.PRESETS[name]
    originals, found = duplicates.signatures(texts, how), defaultdict(list)
    wrong = wrongly_removed(duplicates.clusters(originals, how), texts, how.words)
    removed = 0
    for band, copies in rounds:
        first = clustered(originals, copies, how)
        removed += int((first[len(texts) :] != np.arange(len(texts), len(first))).sum())
        for place, copy in enumerate(copies, start=len(texts)):
            spaces = "without spaces" if copy.script in {*UNSPACED, "Jpan"} else "with spaces"
            for group in (copy.script, spaces, "all"):
                found[group, band].append(first[place] == first[copy.original])
    places = sorted({scripts[each] for each in wrong})
    share = removed / max(1, removed + len(wrong))
    print(f"\n{name}: precision {share:.4f}; {len(wrong)} of {len(texts)} originals wrongly removed {places}")
    print(f"{'script':16}{'copies a band':>15}  2-4 %  4-7 %  7-10 %")
    for group in sorted({group for group, _ in found}, key=lambda each: (-len(found[each, 0]), each)):
        figures = "  ".join(f"{np.mean(found[group, band]):.3f}" for band in range(len(BANDS)))
        print(f"{group:16}{len(found[group, 0]):15}  {figures}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presets", nargs="+", default=["thorough", "light", "fineweb"])
    parser.add_argument("--per-script", type=int, default=100)
    options = parser.parse_args()
    texts = list(dict.fromkeys(curate.real_documents(curate.DATA)))
    scripts = [script for script, _, _ in main_scripts(texts)]
    rounds = list(planted(texts, scripts, options.per_script))
    count = sum(len(copies) for _, copies in rounds)
    print(f"{len(texts)} documents, {count} copies in {len(set(scripts))} scripts")
    for name in options.presets:
        report(name, texts, rounds, scripts)


if __name__ == "__main__":
    main()
