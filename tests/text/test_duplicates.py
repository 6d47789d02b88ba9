"""Near-duplicates: planted copies are found, different texts are not, and the mathematics is right."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panlect.text import duplicates
from panlect.text.duplicates import (
    PRESETS,
    MinHash,
    clusters,
    probability,
    signatures,
    simhash_clusters,
    simhashes,
)

SYLLABLES = ["ba", "ke", "mi", "to", "ru", "sha", "ndi", "pwa", "zo", "le", "ga", "hu"]


def make_texts(count: int, seed: int, words: int = 120) -> list[str]:
    random_ = random.Random(seed)
    vocabulary = ["".join(random_.choices(SYLLABLES, k=random_.randint(1, 4))) for _ in range(3_000)]
    return [" ".join(random_.choices(vocabulary, k=words)) for _ in range(count)]


def edited(text: str, share: float, seed: int) -> str:
    random_, words = random.Random(seed), text.split()
    for at in random_.sample(range(len(words)), max(1, round(share * len(words)))):
        words[at] = "".join(random_.choices(SYLLABLES, k=3))
    return " ".join(words)


@pytest.mark.parametrize(
    ("bands", "rows", "values"),
    [
        (
            14,
            8,
            {0.5: 0.0533, 0.6: 0.2111, 0.7: 0.5645, 0.75: 0.7716, 0.8: 0.9235, 0.85: 0.9884, 0.9: 0.9996},
        ),
        (9, 13, {0.8: 0.3988, 0.9: 0.9286}),
        (25, 10, {0.7: 0.5115, 0.8: 0.9416}),
    ],
)
def test_gold_6_probability_of_a_candidate(bands, rows, values):
    for similarity, expected in values.items():
        assert probability(similarity, MinHash(bands, rows)) == pytest.approx(expected, abs=1e-4)


def jaccard(left: str, right: str, n: int) -> float:
    a, b = ({tuple(t.split()[i : i + n]) for i in range(len(t.split()) - n + 1)} for t in (left, right))
    return len(a & b) / len(a | b)


def test_the_estimate_is_close_to_the_exact_similarity():
    how = MinHash(bands=32, rows=8, words=3)  # 256 permutations
    pairs = [
        (text, edited(text, share, 7)) for text in make_texts(60, 1) for share in (0.01, 0.05, 0.15, 0.4)
    ]
    found = signatures([text for pair in pairs for text in pair], how)
    estimates = duplicates.similarity(
        found.minima, np.arange(0, 2 * len(pairs), 2), np.arange(1, 2 * len(pairs), 2)
    )
    errors = [abs(estimate - jaccard(*pair, 3)) for estimate, pair in zip(estimates, pairs, strict=True)]
    assert np.mean(errors) < 0.03
    assert max(errors) < 0.15


@pytest.mark.parametrize(("share", "least"), [(0.03, 0.99), (0.055, 0.98), (0.085, 0.90)])
def test_planted_copies_are_found_and_nothing_else(share, least):
    originals = make_texts(400, 2)
    copies = [edited(text, share, seed) for seed, text in enumerate(originals[:200])]
    how = PRESETS["thorough"]
    first = clusters(signatures(originals + copies, how), how)
    assert np.mean(first[400:] == np.arange(200)) >= least
    assert (first[:400] == np.arange(400)).all()


def test_groups_keep_languages_apart():
    text = make_texts(1, 3)[0]
    how = PRESETS["light"]
    found = signatures([text, text, text], how)
    assert clusters(found, how).tolist() == [0, 0, 0]
    assert clusters(found, how, group=np.array([0, 1, 0])).tolist() == [0, 1, 0]


def test_short_texts_are_not_all_the_same():
    how = PRESETS["thorough"]
    texts = ["abc", "def", "", "", "ก", "ข", "abc"]
    assert clusters(signatures(texts, how), how).tolist() == [0, 1, 2, 3, 4, 5, 0]
    assert clusters(signatures(texts, how), how, minimum_shingles=5).tolist() == list(range(7))


@pytest.mark.parametrize(
    "text",
    [
        "วันนี้อากาศดีมากและฉันอยากไปเดินเล่นในสวนสาธารณะกับเพื่อนของฉัน" * 2,
        "机器学习是人工智能的一个分支，它使用数据来改进模型的表现。" * 2,
        "ភាសាខ្មែរគឺជាភាសាផ្លូវការរបស់ប្រទេសកម្ពុជា" * 2,
    ],
)
def test_scripts_without_spaces(text):
    how = PRESETS["thorough"]
    changed = text[:20] + text[22:]
    other = text[::-1]
    assert clusters(signatures([text, changed, other], how), how).tolist()[:2] == [0, 0]
    assert clusters(signatures([text, changed, other], how), how)[2] == 2


def test_the_order_of_other_texts_changes_nothing():
    texts = make_texts(50, 4)
    texts += [edited(text, 0.03, 5) for text in texts[:20]]
    how = PRESETS["thorough"]
    together = signatures(texts, how)
    for at in (0, 33, 69):
        alone = signatures([texts[at]], how)
        assert (alone.minima[0] == together.minima[at]).all()
        assert (alone.bands[0] == together.bands[at]).all()


def test_rehydration_follows_fineweb_2():
    sizes = [1, 2, 3, 4, 5, 99, 100, 999, 1000, 5000]
    assert [duplicates.repeats(size) for size in sizes] == [1, 2, 3, 3, 5, 5, 8, 8, 1, 1]


def test_e1_short_texts_have_no_fingerprint_and_survive():
    prints, usable = simhashes(["abcde", "vwxyz", "abcdef", "", "ghijkl mnop"])
    assert usable.tolist() == [False, False, True, False, True]
    assert simhash_clusters(prints, usable).tolist() == [0, 1, 2, 3, 4]


def brute_force(prints: np.ndarray, distance: int) -> set[tuple[int, int]]:
    ones = np.array([[bin(int(a) ^ int(b)).count("1") for b in prints] for a in prints])
    return {(i, j) for i in range(len(prints)) for j in range(i) if ones[i, j] <= distance}


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(3, 5), (4, 6)]))
def test_block_search_finds_what_brute_force_finds(seed, shape):
    distance, blocks = shape
    random_ = np.random.default_rng(seed)
    prints = random_.integers(0, 2**63, 60, dtype=np.uint64)
    for at in range(30, 60):  # near copies of the first thirty
        for bit in random_.choice(64, random_.integers(0, 7), replace=False):
            prints[at] = prints[at - 30] ^ np.uint64(1 << int(bit)) if bit == 0 else prints[at] ^ np.uint64(0)
        flips = random_.choice(64, random_.integers(0, 7), replace=False)
        prints[at] = prints[at - 30]
        for bit in flips:
            prints[at] ^= np.uint64(1) << np.uint64(bit)
    first = simhash_clusters(prints, np.ones(60, dtype=bool), distance=distance, blocks=blocks)
    parents = list(range(60))

    def root(at: int) -> int:
        return at if parents[at] == at else root(parents[at])

    for i, j in brute_force(prints, distance):
        a, b = sorted((root(i), root(j)))
        parents[b] = a
    assert first.tolist() == [root(at) for at in range(60)]


def test_simhash_finds_light_edits():
    originals = make_texts(100, 6, words=300)
    copies = [edited(text, 0.01, seed) for seed, text in enumerate(originals)]
    prints, usable = simhashes(originals + copies)
    first = simhash_clusters(prints, usable)
    assert np.mean(first[100:] == np.arange(100)) > 0.5
    assert (first[:100] == np.arange(100)).all()


LETTERS = {
    "Latn": "aeioubkmtrsndpwzlghy",
    "Ethi": "ሀለሐመሠረሰሸቀበተቸኀነኘአከኸወዐዘዠየደጀገጠጨጰጸፀፈፐ",
    "Thai": ["ก", "ขา", "คี", "งู", "จะ", "ชิ", "ซื", "ดี", "ต่", "ทำ", "น้ำ", "บุ", "ป็", "ผี", "ม้า", "ยา", "รู้", "ล", "ว", "ส"],
    "Khmr": ["ក", "ខា", "គិ", "ងី", "ច្រ", "ឆ", "ជូ", "ញ៉", "ដើ", "ត្រ", "ថា", "ទី", "ន", "ប៉ុ", "ផ្ស", "ពី", "ភា", "មិ", "យ", "រៀ"],
    "Hani": [chr(point) for point in range(0x4E00, 0x4F00)],
    "Jpan": "あいうえおかきくけこさしすせそたちつてと市場毎朝時開学校本読今日雨",
    "Deva": ["क", "खा", "गि", "घी", "चु", "छ", "जे", "ट", "ठो", "ड", "ता", "थ", "दि", "नी", "पु", "फ", "बे", "भ", "मो", "या"],
}  # fmt: skip
UNSPACED_SCRIPTS = ("Thai", "Khmr", "Hani", "Jpan")


@pytest.mark.parametrize("script", LETTERS)
def test_recall_of_planted_copies_in_every_script(script):
    """The goal: .99, .98 and .90 of copies with 2-4, 4-7 and 7-10 % of their words replaced, precision .99."""
    choose, letters = random.Random(3), LETTERS[script]
    vocabulary = ["".join(choose.choices(letters, k=choose.randint(2, 4))) for _ in range(2_000)]
    texts = [choose.choices(vocabulary, k=150) for _ in range(100)]
    join = "" if script in UNSPACED_SCRIPTS else " "
    for (low, high), wanted in {(0.02, 0.04): 0.99, (0.04, 0.07): 0.98, (0.07, 0.1): 0.9}.items():
        copies = [list(words) for words in texts]
        for words in copies:
            for at in choose.sample(range(150), round(150 * choose.uniform(low, high))):
                words[at] = choose.choice(vocabulary)
        found = signatures([join.join(words) for words in (*texts, *copies)], PRESETS["thorough"])
        first = clusters(found, PRESETS["thorough"])
        assert (first[:100] == np.arange(100)).all()  # no two originals are alike
        assert (first[100:] == np.arange(100)).mean() >= wanted, (low, high)
