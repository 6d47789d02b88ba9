"""Score several continuations after one context with a single pass over the context.

Benchmarks with choices ask for log P(choice | context) for two to five choices, often after the same
examples. Here the examples that neighbouring questions share go through the model once, each context once,
and each choice only with its own tokens; the keys and values computed before are reused. Where little is
shared, `score_ids` is cheaper and is used instead. The results are those of `score_ids` up to rounding.

Shapes: Q questions of a batch, R rows of choices, T positions, C model width, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import DynamicCache

from panlect.model.forward import plain_head, trunk
from panlect.model.score import Part, Score, score_ids, split

PAYS_BELOW = 0.8
"""Sharing is used where it saves a fifth of the positions: copying the cache costs about that much."""

EXAMPLE_TOKENS = 32
"""Shorter common beginnings of questions are not worth a pass of their own."""


@dataclass(frozen=True)
class Question:
    """One question's choices as tokens; the first `shared` tokens are the same in all of them."""

    place: int
    parts: Sequence[Part]
    shared: int

    @property
    def width(self) -> int:
        """Tokens of the longest choice with its context."""
        return max(len(part.ids) for part in self.parts)

    @property
    def own_tokens(self) -> int:
        """Positions that go through the model if the context is shared."""
        return self.shared + sum(len(part.ids) - self.shared for part in self.parts)


class Token(NamedTuple):
    """One token of a choice, at index `at` of its sequence, predicted by a row of logits."""

    row: int
    question: int
    choice: int
    at: int


def score_choices(
    network: Any,
    tokenizer: Any,
    questions: Sequence[Sequence[tuple[str, str]]],
    *,
    batch_tokens: int = 8192,
    begin: bool = True,
) -> list[list[Score]]:
    """Score the (context, continuation) pairs of each question.

    Args:
        network: a causal language model.
        tokenizer: its fast tokenizer.
        questions: the pairs of each question.
        batch_tokens: positions that go through the model at once.
        begin: put the begin token before every text. Without, only an empty context gets it, because a model
        needs
            something to look at; that is what lm-evaluation-harness does for tokenizers that do not add it.
    """
    contexts = [context for pairs in questions for context, _ in pairs]
    continuations = [continuation for pairs in questions for _, continuation in pairs]
    parts = split(tokenizer, contexts, continuations)
    if not begin:
        parts = [_without_begin(tokenizer, each, text) for each, text in zip(parts, contexts, strict=True)]
    each = iter(parts)
    return score_parts(
        network, [[next(each) for _ in pairs] for pairs in questions], batch_tokens=batch_tokens
    )


def adds_begin(tokenizer: Any) -> bool:
    """Whether the tokenizer puts its begin token before a text by itself."""
    return tokenizer.bos_token_id is not None and tokenizer("a").input_ids[:1] == [tokenizer.bos_token_id]


def _without_begin(tokenizer: Any, part: Part, context: str) -> Part:
    written = not context or context.startswith(tokenizer.bos_token or "\0")
    if written or part.ids[0] != tokenizer.bos_token_id:
        return part
    return part._replace(ids=part.ids[1:], first=max(1, part.first - 1))


def score_parts(
    network: Any, questions: Sequence[Sequence[Part]], *, batch_tokens: int = 8192
) -> list[list[Score]]:
    """Score the token sequences of each question, sharing whatever beginnings they have in common."""
    whole = [_question(place, parts) for place, parts in enumerate(questions)]
    limit = _position_limit(network)
    shareable = [question for question in whole if question.shared > 0 and question.width <= limit]
    groups = _merged_singles(list(_groups(shareable)))
    plain_tokens = sum(len(part.ids) for question in shareable for part in question.parts)
    shared_tokens = sum(
        prefix + sum(question.own_tokens - prefix for question in members) for prefix, members in groups
    )
    if not _can_share(network) or shared_tokens > PAYS_BELOW * plain_tokens:
        groups = []
    results: list[list[Score]] = [[] for _ in questions]
    head = plain_head(network) if groups else None
    for prefix, members in groups:
        _score_group(network, head, (prefix, members), results, batch_tokens)
    rest = [question for question in whole if not results[question.place]]
    apart = [part for question in rest for part in question.parts]
    scores = iter(score_ids(network, apart, batch_tokens=batch_tokens) if apart else [])
    for question in rest:
        results[question.place] = [next(scores) for _ in question.parts]
    return results


def _question(place: int, parts: Sequence[Part]) -> Question:
    """The common beginning is cut so that every scored token lies behind it."""
    common = _common([part.ids for part in parts])
    first = min((part.first for part in parts), default=0)
    shortest = min((len(part.ids) for part in parts), default=1)
    return Question(place, parts, max(0, min(common, first, shortest - 1)))


def _common(sequences: Sequence[Sequence[int]]) -> int:
    """Length of the beginning that all sequences have in common."""
    if not sequences:
        return 0
    ordered = sorted(list(sequence) for sequence in sequences)
    low, high = ordered[0], ordered[-1]
    count = 0
    while count < min(len(low), len(high)) and low[count] == high[count]:
        count += 1
    return count


def _position_limit(network: Any) -> int:
    """Longest sequence whose every position sees all before it."""
    config = network.config.get_text_config()
    limit = int(getattr(config, "max_position_embeddings", 0) or 2**31)
    kinds = getattr(config, "layer_types", None) or ()
    window = getattr(config, "sliding_window", None)
    return min(limit, int(window)) if window and "sliding_attention" in kinds else limit


def _can_share(network: Any) -> bool:
    """Whether the model keeps keys and values, and nothing else, between calls."""
    config = network.config.get_text_config()
    recurrent = any("attention" not in kind for kind in getattr(config, "layer_types", None) or ())
    return not (recurrent or network.config.is_encoder_decoder or getattr(network, "_is_stateful", False))


def _groups(questions: Sequence[Question]) -> Iterator[tuple[int, list[Question]]]:
    """Questions that begin alike, with the length of that beginning (0: nothing worth sharing)."""
    order = sorted(questions, key=lambda question: question.parts[0].ids)
    at = 0
    while at < len(order):
        prefix, count = order[at].shared - 1, 1
        while at + count < len(order):
            other = order[at + count]
            alike = min(prefix, other.shared - 1, _common([order[at].parts[0].ids, other.parts[0].ids]))
            if alike < max(EXAMPLE_TOKENS, prefix // 2 if count > 1 else 0):
                break
            prefix, count = alike, count + 1
        if count == 1:
            prefix = 0
        yield prefix, order[at : at + count]
        at += count


def _merged_singles(groups: list[tuple[int, list[Question]]]) -> list[tuple[int, list[Question]]]:
    """Put all questions without a common beginning into one group, so that they share batches."""
    alone = [question for prefix, members in groups if not prefix for question in members]
    return [group for group in groups if group[0]] + ([(0, alone)] if alone else [])


@torch.inference_mode()
def _score_group(
    network: Any,
    head_VC: Tensor | None,
    group: tuple[int, list[Question]],
    results: list[list[Score]],
    batch_tokens: int,
) -> None:
    prefix, members = group
    before = None
    if prefix:
        ids = torch.tensor([members[0].parts[0].ids[:prefix]], device=network.device)
        before = trunk(network)(input_ids=ids, use_cache=True).past_key_values
    members.sort(key=lambda question: (-question.width, question.place))
    for batch in _batches(members, batch_tokens):
        _score_batch(network, head_VC, (prefix, before), batch, results)


def _batches(questions: Sequence[Question], batch_tokens: int) -> Iterator[list[Question]]:
    """Questions whose rows of choices, padded and with their cache, fit together."""
    batch: list[Question] = []
    rows = 0
    for question in questions:
        width = max(each.width for each in (*batch, question))
        if batch and (rows + len(question.parts)) * width > batch_tokens:
            yield batch
            batch, rows = [], 0
        batch.append(question)
        rows += len(question.parts)
    if batch:
        yield batch


def _padded(rows: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Token ids and mask, padded on the right."""
    width = max(len(row) for row in rows)
    ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows], device=device)
    lengths = torch.tensor([len(row) for row in rows], device=device)
    return ids, (torch.arange(width, device=device)[None] < lengths[:, None]).long()


class _Sums:
    """Adds up log-probabilities of the tokens of every choice of a batch."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.logprob = [[0.0] * len(question.parts) for question in questions]
        self.greedy = [[True] * len(question.parts) for question in questions]

    def add(self, logits_NV: Tensor, tokens: Sequence[Token]) -> None:
        """Count the tokens that are scored, each predicted by a row of the logits."""
        scored = [token for token in tokens if token.at >= self._part(token).first]
        if not scored:
            return
        rows = torch.tensor([token.row for token in scored], device=logits_NV.device)
        ids = torch.tensor([self._part(token).ids[token.at] for token in scored], device=logits_NV.device)
        logits_NV = logits_NV.float()
        values = (logits_NV[rows, ids] - logits_NV.logsumexp(1)[rows]).cpu().double().tolist()
        best = (logits_NV.argmax(1)[rows] == ids).cpu().tolist()
        for token, value, hit in zip(scored, values, best, strict=True):
            self.logprob[token.question][token.choice] += value
            self.greedy[token.question][token.choice] &= hit

    def _part(self, token: Token) -> Part:
        return self.questions[token.question].parts[token.choice]

    def scores(self, question: int) -> list[Score]:
        """The finished scores of one question."""
        parts = self.questions[question].parts
        return [
            Score(
                self.logprob[question][n], len(p.ids) - p.first, p.bytes, p.merged, self.greedy[question][n]
            )
            for n, p in enumerate(parts)
        ]


def _score_batch(
    network: Any,
    head_VC: Tensor | None,
    before: tuple[int, Any],
    questions: Sequence[Question],
    results: list[list[Score]],
) -> None:
    prefix, kept = before
    cache = DynamicCache(config=network.config)
    for layer, states in enumerate(kept.layers if kept is not None else ()):
        keys, values = (each.expand(len(questions), -1, -1, -1) for each in (states.keys, states.values))
        cache.update(keys, values, layer)
    ids_QT, mask_QT = _padded([q.parts[0].ids[prefix : q.shared] for q in questions], network.device)
    mask_QT = torch.cat([mask_QT.new_ones(len(questions), prefix), mask_QT], 1)
    positions_QT = prefix + torch.arange(ids_QT.shape[1], device=network.device).expand_as(ids_QT)
    inputs = {"input_ids": ids_QT, "attention_mask": mask_QT, "position_ids": positions_QT}
    wanted = [(row, question.shared - prefix - 1) for row, question in enumerate(questions)]
    sums = _Sums(questions)
    firsts = [Token(q, q, n, each.shared) for q, each in enumerate(questions) for n in range(len(each.parts))]
    sums.add(_logits(network, head_VC, inputs, cache, wanted), firsts)
    _score_rest(network, head_VC, (cache, mask_QT), sums)
    for number, question in enumerate(questions):
        results[question.place] = sums.scores(number)


def _score_rest(network: Any, head_VC: Tensor | None, state: tuple[Any, Tensor], sums: _Sums) -> None:
    """Everything after the first token of each choice: a row per choice, on its context's keys and values."""
    rows = [
        (q, n, question.shared, part.ids)
        for q, question in enumerate(sums.questions)
        for n, part in enumerate(question.parts)
        if len(part.ids) > question.shared + 1
    ]
    if not rows:
        return
    cache, mask_QT = state
    select = torch.tensor([q for q, _, _, _ in rows], device=network.device)
    cache.batch_select_indices(select)
    ids_RT, tail_RT = _padded([ids[shared:-1] for _, _, shared, ids in rows], network.device)
    starts = torch.tensor([shared for _, _, shared, _ in rows], device=network.device)
    inputs = {
        "input_ids": ids_RT,
        "attention_mask": torch.cat([mask_QT[select], tail_RT], 1),
        "position_ids": starts[:, None] + torch.arange(ids_RT.shape[1], device=network.device),
    }
    wanted: list[tuple[int, int]] = []
    tokens: list[Token] = []
    for row, (q, n, shared, ids) in enumerate(rows):
        for at in range(shared + 1, len(ids)):
            tokens.append(Token(len(wanted), q, n, at))
            wanted.append((row, at - shared - 1))
    sums.add(_logits(network, head_VC, inputs, cache, wanted), tokens)


def _logits(
    network: Any,
    head_VC: Tensor | None,
    inputs: dict[str, Tensor],
    cache: Any,
    wanted: Sequence[tuple[int, int]],
) -> Tensor:
    """Logits (N, V) at the wanted (row, position) pairs; the cache takes in the new positions."""
    rows = torch.tensor([row for row, _ in wanted], device=network.device)
    if head_VC is not None:
        hidden: Tensor = trunk(network)(**inputs, past_key_values=cache, use_cache=True).last_hidden_state
        places = torch.tensor([position for _, position in wanted], device=network.device)
        return hidden[rows, places] @ head_VC.T
    positions = sorted({position for _, position in wanted})
    keep = torch.tensor(positions, device=network.device)
    logits = network(**inputs, past_key_values=cache, use_cache=True, logits_to_keep=keep).logits
    columns = torch.tensor([positions.index(position) for _, position in wanted], device=network.device)
    return logits[rows, columns]  # type: ignore[no-any-return]
