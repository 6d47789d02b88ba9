"""Scores equal the model's own log-probabilities, alone and in any batch."""

import math
from typing import Any

import pytest
import torch

from panlect.model import score
from panlect.model.load import Model
from panlect.model.score import CPU_PADDING, CPU_TOKENS, DEVICE_PADDING, batches
from tiny_model import SENTENCES


def by_hand(model: Model, ids: list[int], first: int) -> float:
    with torch.no_grad():
        logits = model.network(torch.tensor([ids])).logits[0].double()
    logprobs = logits.log_softmax(-1)
    return sum(float(logprobs[i - 1, ids[i]]) for i in range(first, len(ids)))


@pytest.mark.parametrize("text", SENTENCES)
def test_equal_to_the_logits(model: Model, text: str) -> None:
    cut = len(text) // 2
    (got,) = model.score([text[:cut]], [text[cut:]])
    (part,) = score.split(model.tokenizer, [text[:cut]], [text[cut:]])
    assert got.tokens == len(part.ids) - part.first > 0
    assert abs(got.logprob - by_hand(model, part.ids, part.first)) < 1e-5 * got.tokens
    assert got.bytes == len(text[cut:].encode())


def test_alone_and_in_a_batch(model: Model) -> None:
    contexts = [text[: 3 + 2 * i] for i, text in enumerate(SENTENCES)]
    rests = [text[3 + 2 * i :] * (1 + i % 3) for i, text in enumerate(SENTENCES)]
    together = model.score(contexts, rests)
    alone = [model.score([context], [rest])[0] for context, rest in zip(contexts, rests, strict=True)]
    small = score.score(model.network, model.tokenizer, contexts, rests, batch_tokens=64)
    for a, b, c in zip(together, alone, small, strict=True):
        assert abs(a.logprob - b.logprob) < 1e-4
        assert abs(a.logprob - c.logprob) < 1e-4
        assert (a.tokens, a.bytes, a.merged) == (b.tokens, b.bytes, b.merged)


def test_parts_add_up(model: Model) -> None:
    """log p(whole) = log p(beginning) + log p(end | beginning), where no token crosses the border."""
    text = SENTENCES[1]
    cut = text.index(" ni")
    (whole,), (start,), (rest,) = (
        model.score([""], [text]),
        model.score([""], [text[:cut]]),
        model.score([text[:cut]], [text[cut:]]),
    )
    assert not rest.merged
    assert abs(whole.logprob - start.logprob - rest.logprob) < 1e-4


def test_a_border_inside_a_token_is_told(model: Model) -> None:
    """E.g. "zi" + "wa" is one token "ziwa": it is scored whole, and the result says so."""
    tokenizer = model.tokenizer
    word = max(
        (tokenizer.decode([i]) for i in range(300, len(tokenizer))),
        key=lambda w: len(w) if w.isalpha() else 0,
    )
    (got,) = model.score([word[:2]], [word[2:]])
    assert got.merged
    assert got.tokens == 1


def test_windows_score_every_token_once(model: Model) -> None:
    text = " ".join(SENTENCES[:2])
    (part,) = score.split(model.tokenizer, [""], [text])
    (whole,) = score.score_ids(model.network, [part])
    (cut,) = score.score_ids(model.network, [part], window_tokens=16)
    assert cut.tokens == whole.tokens == len(part.ids) - 1
    windows = list(score._windows(part, 16))
    assert all(len(ids) <= 16 and 0 < first < len(ids) for ids, first in windows)
    assert [t for ids, first in windows for t in ids[first:]] == part.ids[1:]
    assert abs(cut.logprob - sum(by_hand(model, ids, first) for ids, first in windows)) < 1e-3


def test_bits_per_byte() -> None:
    assert score.Score(-math.log(2) * 8, 3, 4, False, False).bits_per_byte == pytest.approx(2)
    assert math.isnan(score.Score(0.0, 0, 0, False, False).bits_per_byte)


def test_greedy_flag(model: Model) -> None:
    from panlect.model.generate import Generation, generate_ids

    ids = model.tokenizer.encode(SENTENCES[0])
    (answer,) = generate_ids(model.network, [ids], frozenset(), Generation(new_tokens=5))
    best, other = score.score_ids(
        model.network,
        [
            score.Part(ids + answer, len(ids), 1, False),
            score.Part([*ids, *answer[:-1], (answer[-1] + 1) % 300], len(ids), 1, False),
        ],
    )
    assert best.greedy
    assert not other.greedy


def test_an_empty_continuation_scores_nothing(model: Model) -> None:
    (got,) = model.score(["Ziwa"], [""])
    assert (got.logprob, got.tokens, got.bytes) == (0.0, 0, 0)


def test_heads_that_are_no_plain_product(model: Model, monkeypatch: Any) -> None:
    """A family that caps its logits takes the slow way and gets its own logits."""
    from panlect.model.forward import plain_head

    assert plain_head(model.network) is model.network.lm_head.weight
    plain = model.score([""], [SENTENCES[0]])[0].logprob
    head = model.network.lm_head
    monkeypatch.setattr(head, "forward", lambda x: 3 * torch.tanh(torch.nn.functional.linear(x, head.weight)))
    assert plain_head(model.network) is None
    (got,) = model.score([""], [SENTENCES[0]])
    (part,) = score.split(model.tokenizer, [""], [SENTENCES[0]])
    assert abs(got.logprob - by_hand(model, part.ids, part.first)) < 1e-4
    assert got.logprob != plain


@pytest.mark.parametrize(("device", "padding"), [("cpu", CPU_PADDING), ("cuda", DEVICE_PADDING)])
@pytest.mark.parametrize("cached", [0, 300])
def test_batches_have_little_padding(device: str, padding: int, cached: int) -> None:
    lengths = [1 + (37 * n) % 211 for n in range(400)]
    found = list(batches(lengths, 1000, torch.device(device), cached))
    assert sorted(place for batch in found for place in batch) == list(range(400))
    for batch in found:
        longest = lengths[batch[0]]
        assert sum(longest - lengths[place] for place in batch) <= padding
        assert len(batch) == 1 or len(batch) * (cached + longest) <= 1000
    assert len(found) < 300  # not each alone


def test_a_long_row_goes_alone_and_a_cpu_takes_small_passes() -> None:
    assert list(batches([5, 90, 5], 60, torch.device("cpu"))) == [[1], [0, 2]]
    cpu, cuda = (list(batches([512] * 40, 8192, torch.device(each))) for each in ("cpu", "cuda"))
    assert {len(each) for each in cpu} == {CPU_TOKENS // 512}
    assert max(len(each) for each in cuda) == 16
