"""fastText files: the same labels and probabilities as its package, and files that are not to be trusted."""

import struct

import numpy as np
import pytest

from panlect.errors import DataError, PanlectError
from panlect.text.fasttext_file import HIERARCHICAL, NEGATIVE, ONE_VS_ALL, SOFTMAX, read
from panlect.text.identify import Identifier
from panlect.text.identify_packaged import load

TEXT = """soko la samaki hufunguliwa kila siku asubuhi
Àwọn ọmọ ilé ẹ̀kọ́ náà ń kà ìwé
рынок открывается каждое утро
ตลาดเปิดทุกเช้าเวลาเจ็ดโมง เด็กๆ อ่านหนังสือ
يفتح السوق كل صباح
بازار ہر صبح سات بجے کھلتا ہے
ផ្សារបើករៀងរាល់ព្រឹក កុមារអានសៀវភៅ
市場は毎朝七時に開きます 市场每天早上七点开门
시장은 매일 아침 일곱 시에
ߒ ߧߋ߫ ߞߊ߬ߙߊ߲ ߞߍ߫
ᎣᏏᏲ ᏙᎯᏧ ᎠᏴ
बाज़ार हर सुबह सात बजे खुलता है
ბაზარი ყოველ დილით იხსნება"""
ODD = [
    "", " ", "\n", "\t\v\f\r", "a", "word\nnext line\n\nlast", "nul\0inside", "😀👍🏽 👩‍👩‍👧", "e\u0301\u0327 \u200d\u200c",
    "__label__swh soko", "__label__none", "word </s> behind the end", "</s>", "ab" * 3000, "ตลาด" * 500,
    "12.5 %", "soko\u00a0la\u2003samaki", "SOKO LA SAMAKI", "…" * 7,
]  # fmt: skip
TEXTS = [*TEXT.split("\n"), *(line[::-1] for line in TEXT.split("\n")), *ODD]


def written(
    matrix, output, *, words, labels, loss=SOFTMAX, buckets=0, grams=(0, 0, 1)
):  # fmt: skip
    """A model file. `grams`: the shortest and longest n-gram of characters, and the longest of words."""
    entries = [(word, 9, 0) for word in words]
    entries += [(f"__label__{label}", 1000 - n, 1) for n, label in enumerate(labels)]
    shortest, longest, of_words = grams
    arguments = (matrix.shape[1], 5, 1, 1, 5, of_words, loss, 3, buckets, shortest, longest, 100)
    parts = [struct.pack("<ii12id", 793712314, 12, *arguments, 1e-4)]
    parts += [struct.pack("<iiiqq", len(entries), len(words), len(labels), 99, -1)]
    parts += [text.encode() + b"\0" + struct.pack("<qb", count, kind) for text, count, kind in entries]
    parts += [b"\0" + struct.pack("<qq", *each.shape) + each.tobytes() for each in (matrix, output)]
    return b"".join(parts)


def chance(*, buckets=3000, labels=9, **how):
    """A model of random numbers that knows two of three words of the text."""
    random = np.random.default_rng(5)
    words = ["</s>", *dict.fromkeys(word for n, word in enumerate(TEXT.split()) if n % 3)]
    matrix = random.normal(size=(len(words) + buckets, 10)).astype(np.float32)
    output = random.normal(size=(labels, 10)).astype(np.float32)
    names = [f"l{n}" for n in range(labels)]
    return written(matrix, output, words=words, labels=names, buckets=buckets, **how)


def by_hand(*, loss=SOFTMAX, buckets=0):
    """Two words, whose vectors say their language; the line's end says nothing."""
    rows = [[0, 0], [3, -3], [-3, 3]] + [[0, 0]] * buckets
    words = ("</s>", "soko", "дождь")
    matrix, output = np.array(rows, np.float32), np.eye(2, dtype=np.float32)
    return written(matrix, output, words=words, labels=("swh", "rus"), loss=loss, buckets=buckets)


@pytest.fixture
def model_file(tmp_path):
    def write(content):
        path = tmp_path / f"model{len(list(tmp_path.iterdir()))}.bin"
        path.write_bytes(content)
        return path

    return write


# --- Beside the package ----------------------------------------------------------------------------

WAYS = {
    "softmax": {"grams": (2, 4, 1)},
    "tree": {"loss": HIERARCHICAL, "grams": (1, 3, 1)},
    "one against all": {"loss": ONE_VS_ALL, "grams": (2, 3, 1)},
    "negative sampling": {"loss": NEGATIVE, "grams": (3, 6, 1)},
    "words only": {"buckets": 0},
    "word n-grams": {"grams": (2, 3, 3)},
    "word n-grams only": {"loss": HIERARCHICAL, "grams": (0, 0, 2)},
    "no word n-grams without buckets": {"grams": (0, 0, 1), "buckets": 0},
    "many labels": {"loss": HIERARCHICAL, "labels": 400, "grams": (1, 5, 2)},
}
QUANTISED = {
    "quantised": {},
    "pruned": {"cutoff": 700},
    "norms apart": {"cutoff": 900, "qnorm": True},
    "output too": {"qnorm": True, "qout": True},
    "narrow last piece": {"cutoff": 800, "dsub": 3},
}


@pytest.fixture
def load_in_package():
    fasttext = pytest.importorskip("fasttext", reason="its package, which is compared with, is not installed")
    return lambda path: fasttext.load_model(str(path))


def said_by_the_package(model, labels, loss):
    """Its probabilities.

    Except in trees, each is 1e-5 too large, which it adds before it takes logarithms. In trees, those below 1e-5
    are not said.
    """
    added = 0 if loss == HIERARCHICAL else 1e-5
    table = np.zeros((len(TEXTS), len(labels)))
    for row, text in enumerate(TEXTS):
        for label, value in zip(*model.predict(text.replace("\n", " "), k=-1), strict=True):
            table[row, labels.index(label.removeprefix("__label__"))] = value - added
    return table


def compare(theirs, path):
    ours = read(path)
    found, wanted = ours.probabilities(TEXTS), said_by_the_package(theirs, ours.labels, ours.loss)
    said = (wanted > 0) | (ours.loss != HIERARCHICAL)
    np.testing.assert_allclose(found[said], wanted[said], atol=5e-6)
    assert (found[~said] < 1.01e-5).all()
    assert np.ptp(wanted, axis=0).max() > 0.01  # the texts are not all alike to the model
    first, second = np.sort(wanted, axis=1)[:, :-3:-1].T
    clear = first - second > 1e-5
    assert clear.mean() > 0.5
    assert (found.argmax(axis=1) == wanted.argmax(axis=1))[clear].all()
    alone = np.concatenate([ours.probabilities([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, found, atol=1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_same_as_the_package(load_in_package, model_file, way):
    path = model_file(chance(**WAYS[way]))
    compare(load_in_package(path), path)


@pytest.mark.parametrize("way", QUANTISED)
def test_same_as_the_package_quantised(load_in_package, model_file, way):
    model = load_in_package(model_file(chance(labels=300, grams=(2, 3, 2))))
    model.quantize(**QUANTISED[way])
    path = model_file(b"").with_suffix(".ftz")
    model.save_model(str(path))
    compare(model, path)


# --- A model written by hand -----------------------------------------------------------------------


def test_the_arithmetic(model_file):
    model = read(model_file(by_hand()))
    # Two features, a word and the end: the mean is (1.5, -1.5), so the odds are e³.
    np.testing.assert_allclose(
        model.probabilities(["soko", "дождь", "", "soko дождь", "soko\nsoko\n"])[:, 0],
        1 / (1 + np.exp([-3.0, 3.0, 0.0, 0.0, -4.0])), rtol=1e-5,
    )  # fmt: skip
    assert model.probabilities([]).shape == (0, 2)
    each = read(model_file(by_hand(loss=ONE_VS_ALL))).probabilities(["soko", "дождь"])
    np.testing.assert_allclose(each, 1 / (1 + np.exp([[-1.5, 1.5], [1.5, -1.5]])), atol=0.01)
    assert each[0, 0] == read(model_file(by_hand(loss=NEGATIVE))).probabilities(["soko"])[0, 0]
    tree = read(model_file(by_hand(loss=HIERARCHICAL))).probabilities(["soko"])
    np.testing.assert_allclose(tree.sum(), 1, atol=1e-4)


def test_as_an_identifier(model_file):
    identifier = Identifier(load(str(model_file(by_hand()))))
    guesses = identifier.identify(["soko la samaki", "дождь идёт", "ตลาดเปิด", "12"])
    assert [guess.language for guess in guesses] == ["swh_Latn", "rus_Cyrl", "und_Zyyy", "zxx_Zyyy"]


def test_every_cut_is_an_error(model_file):
    whole = by_hand(buckets=3)
    assert read(model_file(whole)).labels == ("swh", "rus")
    for size in range(len(whole)):
        with pytest.raises(DataError, match=r"damaged|no fastText model"):
            read(model_file(whole[:size]))


def test_every_cut_of_a_quantised_model_is_an_error(load_in_package, model_file, tmp_path):
    model = load_in_package(model_file(chance(grams=(2, 3, 1))))
    model.quantize(cutoff=500, qnorm=True)
    model.save_model(str(tmp_path / "whole.ftz"))
    whole = (tmp_path / "whole.ftz").read_bytes()
    for size in [*range(0, len(whole), 611), len(whole) - 1]:
        with pytest.raises(DataError, match=r"damaged|no fastText model"):
            read(model_file(whole[:size]))


def test_sizes_that_lie(model_file):
    """Every number of the file, replaced by large, negative and odd ones: an error or a model, no crash."""
    whole, refused = by_hand(buckets=3), 0
    for at in range(0, len(whole) - 8, 3):
        for lie in (2**62, -1, 2**31 - 1, 7):
            path = model_file(whole[:at] + struct.pack("<q", lie) + whole[at + 8 :])
            try:
                read(path).probabilities(["soko la samaki", ""])
            except PanlectError:
                refused += 1
            path.unlink()
    assert refused > 100


def test_no_model(model_file):
    for content in (b"", b"text that is no model", by_hand()[:8] + bytes(300)):
        with pytest.raises(DataError, match=r"damaged|no fastText model"):
            read(model_file(content))
