"""Which noise a name means for a given model and tokenizer, and new models that undo it.

`masked` and `tlm` (Conneau & Lample 2019) are for encoders; `infill`, `spans`, `mixed` and `translate` for
encoder–decoders. Begin and end of both sides follow the family: mBART-50, NLLB and M2M-100 put the language
first, T5 puts nothing.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import polars as pl

from panlect.draft import Draft
from panlect.errors import DataError, ModelError
from panlect.folder import Folder, Input, models, one_model, one_tokenizer
from panlect.model import corpus_tokens, noise
from panlect.model.corpus import is_mixture, open_mixture
from panlect.model.denoising import Corrupt, NoisyPlan
from panlect.model.load import Model, load, load_tokenizer
from panlect.model.new_models import Shape, build
from panlect.model.noise import Example, Ids
from panlect.model.packing import Ints, Text, Tokens, tokenise
from panlect.model.settings import TrainingConfig
from panlect.model.translate import language_token


class Settings(Protocol):
    """The settings of `pretrain`, which documents each."""

    @property
    def objective(self) -> str: ...  # noqa: D102
    @property
    def epochs(self) -> float: ...  # noqa: D102
    @property
    def budget_tokens(self) -> int: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


ENCODER, PAIRS = frozenset({"masked", "tlm"}), frozenset({"tlm", "translate"})
SENTENCE_ENDS = ".!?…。！？｡؟۔।॥።៖។"  # in the scripts that mark them


def corrupt_for(name: str, model: Model, texts: Tokens) -> Corrupt:
    """The noise of that name as a function of text numbers, ids, and a random stream.

    Raises:
        ModelError: the model's family cannot learn it, or the tokenizer lacks a mask, sentinels or languages.
    """
    encodes_only = not model.network.config.is_encoder_decoder
    if encodes_only != (name in ENCODER) or not _can_fill(model):
        raise ModelError(
            f"this model cannot learn '{name}'",
            where=type(model.network).__name__,
            expected="an encoder with a masked-LM head" if name in ENCODER else "an encoder–decoder",
        )
    makers: dict[str, Callable[[Model, Tokens], Corrupt]] = {
        "masked": _masked, "tlm": _masked, "infill": _infilled, "spans": _spans, "mixed": _spans,
        "translate": _translated,
    }  # fmt: skip
    if name == "mixed":
        return _spans(model, texts, mixed=True)
    return makers[name](model, texts)


def _can_fill(model: Model) -> bool:
    network = model.network
    inner = network.get_base_model() if hasattr(network, "get_base_model") else network
    return bool(network.config.is_encoder_decoder or type(inner).__name__.endswith("ForMaskedLM"))


def _mask_id(model: Model) -> int:
    if model.tokenizer.mask_token_id is None:
        raise ModelError("the tokenizer has no mask token", where=model.name, expected="a mask_token")
    return int(model.tokenizer.mask_token_id)


def _masked(model: Model, texts: Tokens) -> Corrupt:
    mask_id, size = _mask_id(model), model.network.get_input_embeddings().weight.shape[0]
    special = frozenset(model.tokenizer.all_special_ids)
    vocabulary = min(size, len(model.tokenizer))

    def corrupt(_: Sequence[int], parts: Sequence[Ids], random: np.random.Generator) -> Example:
        ids = np.concatenate(parts)
        example = noise.mask_tokens(ids, random, mask_id=mask_id, vocabulary=vocabulary, special=special)
        return example._replace(positions=np.concatenate([np.arange(len(part)) for part in parts]))

    return corrupt


def _infilled(model: Model, texts: Tokens) -> Corrupt:
    mask_id = _mask_id(model)
    ends = frozenset(i for i in range(len(model.tokenizer)) if _ends_sentence(model.tokenizer.decode([i])))
    frame = _Frame(model, texts)

    def corrupt(numbers: Sequence[int], parts: Sequence[Ids], random: np.random.Generator) -> Example:
        shuffled = noise.permute_sentences(parts[0], random, ends)
        source = noise.infill(shuffled, random, mask_id=mask_id)
        return frame.example(numbers[0], source, numbers[0], parts[0])

    return corrupt


def _ends_sentence(piece: str) -> bool:
    return bool(piece.strip()) and piece.strip()[-1] in SENTENCE_ENDS


def _spans(model: Model, texts: Tokens, *, mixed: bool = False) -> Corrupt:
    vocabulary = model.tokenizer.get_vocab()
    sentinels = [vocabulary[f"<extra_id_{i}>"] for i in range(100) if f"<extra_id_{i}>" in vocabulary]
    if len(sentinels) < 2:
        raise ModelError(
            "the tokenizer has no sentinels", where=model.name, expected="<extra_id_0>, <extra_id_1>, ..."
        )
    frame = _Frame(model, texts)

    def corrupt(numbers: Sequence[int], parts: Sequence[Ids], random: np.random.Generator) -> Example:
        make = noise.mixed_denoiser if mixed else noise.corrupt_spans
        read, said = make(parts[0], random, sentinels=sentinels)
        return frame.example(numbers[0], read, numbers[0], said)

    return corrupt


def _translated(model: Model, texts: Tokens) -> Corrupt:
    frame = _Frame(model, texts)

    def corrupt(numbers: Sequence[int], parts: Sequence[Ids], _: np.random.Generator) -> Example:
        return frame.example(numbers[0], parts[0], numbers[1], parts[1])

    return corrupt


class _Frame:
    """Begin and end of both sides, as the family writes them."""

    def __init__(self, model: Model, texts: Tokens) -> None:
        config, tokenizer = model.network.config, model.tokenizer
        self.start, self.end = int(config.decoder_start_token_id), int(tokenizer.eos_token_id)
        self.texts = texts
        # T5's family has no languages; all others here say them first.
        self.first: list[int] = []
        if config.model_type not in {"t5", "mt5", "umt5"}:
            vocabulary = tokenizer.get_vocab()
            tokens = [language_token(vocabulary, code, where=model.name) for code in texts.languages]
            self.first = [vocabulary[token] for token in tokens]

    def example(self, read_text: int, read: Ids, said_text: int, said: Ids) -> Example:
        source, target = self._side(read_text, read), self._side(said_text, said)
        return noise.answer(source, target, self.start)

    def _side(self, text: int, ids: Ids) -> Ids:
        first = [self.first[int(self.texts.language[text])]] if self.first else []
        return np.concatenate([first, ids, [self.end]]).astype(np.int64)


def read_pairs(frame: pl.DataFrame, tokenizer: Any, *, specials: bool) -> Tokens:
    """Both sides of each pair as texts 2i and 2i + 1, each under its own language.

    Raises:
        DataError: there are no pairs.
    """
    if frame.is_empty():
        raise DataError("there are no pairs", where="pair")
    texts: list[Text] = []
    columns = ("source_text", "target_text", "source_language", "target_language", "source")
    for source, target, source_language, target_language, origin in frame.select(columns).iter_rows():
        texts += [Text(source, source_language, origin or ""), Text(target, target_language, origin or "")]
    return tokenise(tokenizer, texts, specials=specials, data=True)


def read(inputs: Sequence[Input], model: Model, settings: Settings, draft: Draft) -> tuple[Tokens, Ints]:
    """The texts or pairs that the objective reads, and rows of text numbers in the order of reading."""
    specials = settings.objective in ENCODER
    if settings.objective not in PAIRS:
        amount = corpus_tokens.Amount(settings.budget_tokens, settings.epochs, settings.seed)
        texts, order = corpus_tokens.read(
            inputs, model.tokenizer, amount, set_aside=draft.set_aside, specials=specials
        )
        return texts, order[:, None]
    texts = read_pairs(draft.read(inputs, "pair"), model.tokenizer, specials=specials)
    order = corpus_tokens.shuffled_epochs(len(texts) // 2, settings.epochs, settings.seed)
    items = np.stack([2 * order, 2 * order + 1], 1)
    if settings.budget_tokens:
        total = np.cumsum(texts.lengths[items].sum(1))
        items = items[: int(np.searchsorted(total, settings.budget_tokens)) + 1]
    return texts, items


def open_or_build(inputs: Sequence[Input], shape: Shape, *, seed: int) -> Model:
    """The model among the inputs, or a new one of the wanted family around their tokenizer."""
    if models(inputs):
        return load(one_model(inputs))
    if shape.architecture == "llama":
        raise ModelError(
            "a decoder cannot be built for this objective",
            where="model.architecture",
            expected="xlm-roberta, mbart or t5",
        )
    return build(load_tokenizer(one_tokenizer(inputs)), shape, languages=_languages(inputs), seed=seed)


def _languages(inputs: Sequence[Input]) -> list[str]:
    found: set[str] = set()
    for each in inputs:
        if isinstance(each, Folder):
            if is_mixture(each):
                found |= set(open_mixture(each).languages)
            for kind, columns in (
                ("document", ["language"]),
                ("pair", ["source_language", "target_language"]),
            ):
                if kind in each.kinds:
                    frame = each.table(kind)
                    found |= {str(code) for column in columns for code in frame[column].unique()}
    return sorted(found)


def plan(texts: Tokens, items: Ints, corrupt: Corrupt, settings: TrainingConfig, model: Model) -> NoisyPlan:
    """Lay the whole run out; `items` are rows of one text number or of two."""
    pad = model.tokenizer.pad_token_id
    return NoisyPlan(
        texts,
        items,
        corrupt,
        settings.sequence_tokens,
        settings.batch_tokens,
        settings.micro_tokens,
        pad_id=0 if pad is None else pad,
        seed=settings.seed,
    )
