"""Perplexity: the ARPA formula by hand, and clean text less surprising than shuffled text."""

import math
import random

import numpy as np
import pytest

from panlect.errors import DataError
from panlect.text import perplexity
from panlect.text.perplexity import Arpa, Characters, normalised

TOY = r"""\data\
ngram 1=5
ngram 2=3

\1-grams:
-1.0	<unk>
-99	<s>	-0.5
-0.7	</s>
-0.6	a	-0.3
-0.8	b	-0.2

\2-grams:
-0.2	<s> a
-0.4	a b
-0.1	b </s>

\end\
"""


def test_the_arpa_formula_by_hand(tmp_path):
    path = tmp_path / "toy.arpa"
    path.write_text(TOY)
    model = perplexity.load(path)
    assert isinstance(model, Arpa)
    assert model.score("a b") == pytest.approx(-0.2 - 0.4 - 0.1)
    assert model.score("b a") == pytest.approx((-0.5 - 0.8) + (-0.2 - 0.6) + (-0.3 - 0.7))
    assert model.score("c") == pytest.approx((-0.5 - 1.0) + (0.0 - 0.7))
    assert model.perplexities(["a b\nb a"])[0] == round(10 ** ((0.7 + 1.3 + 0.8 + 1.0) / 6), 1)
    assert math.isnan(model.perplexities(["\n"])[0])
    path.write_text("nothing")
    with pytest.raises(DataError, match="no ARPA"):
        perplexity.load(path)


SEEDS = {
    "latin": "the market of the town opens at seven in the morning and then the farmers come to sell what they have ",
    "thai": "ตลาดในเมืองเปิดเวลาเจ็ดโมงเช้าและชาวนาก็มาขายของกันในเวลานั้นทุกวันไม่มีวันหยุดเลย",
    "arabic": "يفتح السوق كل صباح في الساعة السابعة تماما ويأتي الصيادون لبيع أسماكهم كل يوم هناك ",
    "nko": "ߒߞߏ ߦߋ߫ ߞߊ߲ ߠߎ߬ ߟߊ߫ ߛߓߍߟߌ ߘߏ߫ ߘߌ߫ ",
}


@pytest.mark.parametrize("seed", SEEDS.values(), ids=SEEDS)
def test_shuffled_text_is_more_surprising(seed):
    model = Characters.train([seed * 3])
    letters = list(seed)
    random.Random(1).shuffle(letters)
    clean, shuffled, foreign = model.perplexities([seed, "".join(letters), "ꙮ" * 40])
    assert 1 < clean < 3
    assert shuffled > 3 * clean
    assert foreign > shuffled


def test_probabilities_sum_to_one():
    model = Characters.train(["abracadabra " * 20])
    alphabet = "abrcd "
    for context in ("", "a", "abra", "zz"):
        total = 0.0
        for character in (*alphabet, "ꙮ"):
            both, before = model.perplexities([context + character, context])
            text, start = normalised(context + character), normalised(context)
            if character == " ":
                continue  # a space at the end is not scored
            nats = len(text) * math.log(both) - (len(start) * math.log(before) if start else 0.0)
            total += math.exp(-nats)
        assert 0.5 < total < 1.0001, context


def test_saved_models_score_the_same(tmp_path):
    model = Characters.train([SEEDS["latin"]])
    model.save(tmp_path / "eng.npz")
    again = perplexity.load(tmp_path / "eng.npz")
    texts = ["the farmers come", "", "xyz"]
    np.testing.assert_array_equal(again.perplexities(texts), model.perplexities(texts))
    assert math.isnan(model.perplexities([""])[0])
    with pytest.raises(DataError, match="some text"):
        Characters.train([""])
