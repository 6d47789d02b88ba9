"""Sequence-to-sequence translation models on this machine: NLLB, M2M-100, mBART-50, MADLAD.

The target language is the first token that the decoder is given. Every code is looked up in the tokenizer's
own vocabulary: a code that it does not have is an error, never an unknown token (a public script asked NLLB
for ``jpn_Hani``, which is none, and silently got the unknown token).

Shapes: B texts, T positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch

from panlect.errors import LanguageError, ModelError
from panlect.language import Language

_MBART = {"eng": "en_XX", "zho": "zh_CN", "jpn": "ja_XX", "kor": "ko_KR", "ces": "cs_CZ", "swh": "sw_KE"}


def language_token(vocabulary: Mapping[str, int], language: str, *, where: str) -> str:
    """The token of a vocabulary that stands for a language, in whichever scheme the model writes it.

    Raises:
        ModelError: there is none.
    """
    parsed = Language.parse(language)
    two = parsed.bcp47.split("-")[0]
    spelt = [parsed.code, f"__{two}__", f"<2{two}>", _MBART.get(parsed.iso639_3, "")]
    with suppress(LanguageError):  # FLORES has no code for many languages
        spelt.insert(0, parsed.to("flores"))
    spelt += [token for token in vocabulary if token.startswith(f"{two}_") and len(token) == 5]
    for token in spelt:
        if token in vocabulary:
            return token
    raise ModelError(
        f"the translation model has no token for {parsed.name}",
        where=where,
        expected=f"one of {', '.join(token for token in spelt[:4] if token)} in its vocabulary",
        fix="leave the language out, or use a model that has it",
    )


class Seq2Seq:
    """A translation model with its tokenizer.

    Args:
        location: a Hugging Face directory or hub id.
        beams: width of the beam search; 1 is greedy.
        batch_rows: texts of one batch; they are sorted by length.
        new_tokens: the longest translation.
    """

    def __init__(self, location: str, *, beams: int = 1, batch_rows: int = 16, new_tokens: int = 512) -> None:
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        self.name = location
        self.beams, self.batch_rows, self.new_tokens = beams, batch_rows, new_tokens
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(location, trust_remote_code=False)
            self.network: Any = AutoModelForSeq2SeqLM.from_pretrained(
                location, trust_remote_code=False, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the translation model cannot be loaded ({error})",
                where=location,
                expected="a sequence-to-sequence model with safetensors and a tokenizer",
            ) from error
        self.network.eval()
        self._vocabulary: dict[str, int] = self.tokenizer.get_vocab()

    def code(self, language: str) -> str:
        """The model's own token for a language.

        Raises:
            ModelError: it has none.
        """
        return language_token(self._vocabulary, language, where=self.name)

    @torch.inference_mode()
    def generate(self, texts: Sequence[str], source: str, target: str) -> list[tuple[str, str]]:
        """Translate texts; the result does not depend on how they are batched, up to rounding.

        Returns:
            For each text its translation, and why it is not to be used: ``too_long`` for the model,
            ``cut_off`` at `new_tokens`, or "".
        """
        sources, forced = self._encoded(texts, source, target)
        fits = [place for place in range(len(texts)) if len(sources[place]) <= self._longest()]
        fits.sort(key=lambda place: (len(sources[place]), place))
        found = [("", "too_long")] * len(texts)
        for start in range(0, len(fits), self.batch_rows):
            places = fits[start : start + self.batch_rows]
            for place, made in zip(places, self._batch([sources[p] for p in places], forced), strict=True):
                found[place] = made
        return found

    def _encoded(self, texts: Sequence[str], source: str, target: str) -> tuple[list[list[int]], int | None]:
        """Source tokens, and the token that the decoder begins with.

        NLLB, M2M-100 and mBART-50 read ``<source language> text </s>``; MADLAD ``<2target> text </s>``.
        """
        first, wanted = self.code(source), self.code(target)
        end = self.tokenizer.eos_token_id
        begin = self._vocabulary[wanted if wanted.startswith("<2") else first]
        plain = [self.tokenizer.encode(text, add_special_tokens=False) for text in texts]
        forced = None if wanted.startswith("<2") else self._vocabulary[wanted]
        return [[begin, *ids, end] for ids in plain], forced

    def _longest(self) -> int:
        return int(getattr(self.network.config, "max_position_embeddings", 0) or 512)

    def _batch(self, sources: Sequence[list[int]], forced: int | None) -> list[tuple[str, str]]:
        tokens_BT, mask_BT = self._padded(sources)
        made_BT = self.network.generate(
            input_ids=tokens_BT,
            attention_mask=mask_BT,
            num_beams=self.beams,
            do_sample=False,
            max_new_tokens=self.new_tokens,
            forced_bos_token_id=forced,
        )
        end = self.tokenizer.eos_token_id
        texts = self.tokenizer.batch_decode(made_BT, skip_special_tokens=True)
        # The decoder starts from a special token, which many of these models share with the end mark.
        ended = [end in row[1:] for row in made_BT.tolist()]
        return [(text.strip(), "" if done else "cut_off") for text, done in zip(texts, ended, strict=True)]

    @torch.inference_mode()
    def cross_entropy(
        self, texts: Sequence[str], translations: Sequence[str], source: str, target: str
    ) -> list[float]:
        """Nats per token of each translation given its text; padding takes no part: batches change nothing.

        The target language's token, which is forced, is not counted; the end mark is.
        """
        sources, forced = self._encoded(texts, source, target)
        end = self.tokenizer.eos_token_id
        targets = [[*self.tokenizer.encode(text, add_special_tokens=False), end] for text in translations]
        prefix = [int(self.network.config.decoder_start_token_id), *([] if forced is None else [forced])]
        found = [0.0] * len(texts)
        sizes = [len(ids) + len(wanted) for ids, wanted in zip(sources, targets, strict=True)]
        order = sorted(range(len(texts)), key=lambda place: (sizes[place], place))
        for start in range(0, len(order), self.batch_rows):
            places = order[start : start + self.batch_rows]
            tokens_BT, mask_BT = self._padded([sources[place][: self._longest()] for place in places])
            read_BT, _ = self._padded([prefix + targets[place][:-1] for place in places])
            logits_BTV = self.network(
                input_ids=tokens_BT, attention_mask=mask_BT, decoder_input_ids=read_BT
            ).logits
            logp_BTV = torch.log_softmax(logits_BTV[:, len(prefix) - 1 :].float(), dim=-1)
            for row, place in enumerate(places):
                wanted_T = torch.tensor(targets[place])
                logp_T = logp_BTV[row, : len(wanted_T)].gather(1, wanted_T[:, None])[:, 0]
                found[place] = float(-logp_T.double().mean())
        return found

    def _padded(self, rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Rows padded on the right, and their mask."""
        width, pad = max(len(ids) for ids in rows), self.tokenizer.pad_token_id
        tokens_BT = torch.tensor([ids + [pad] * (width - len(ids)) for ids in rows])
        mask_BT = torch.tensor([[1] * len(ids) + [0] * (width - len(ids)) for ids in rows])
        return tokens_BT, mask_BT
