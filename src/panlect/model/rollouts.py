"""Answers drawn from the model that learns from them: `Work` for the loop, made while it runs.

A round draws answers with the model as it is, has them rated, and turns the ratings into advantages; the next
optimiser steps learn from them. A round is written down before its first step, so a killed run continues with
the answers that it had drawn.

Shapes: R prompts of a round, K answers to each, S = R · K answers, N their tokens.
"""

# ruff: noqa: N815  (fields carry their shape as suffix letters, like variables)

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from panlect.draft import replacing
from panlect.model import losses
from panlect.model.corpus_tokens import shuffled_epochs
from panlect.model.dialogue import prompts as render_prompts
from panlect.model.forward import isolates, plain_head
from panlect.model.generate import Generation, encode, generate_ids, stop_ids
from panlect.model.load import Model
from panlect.model.loop import to_device, use_bf16
from panlect.model.packing import Batch, Ints, Piece, Tokens, arrange, lay_out
from panlect.model.policy import PolicyBatch, advantages, outputs, values

Row = Mapping[str, Any]


class Rated(NamedTuple):
    """Rewards of answers, the parts that they are made of, and a label for each answer."""

    rewards_S: NDArray[np.float64]
    parts: Mapping[str, Sequence[float]]
    labels: Sequence[str]


Rate = Callable[[Sequence[Row], Sequence[str], Sequence[bool]], Rated]
"""From prompts, answers, and whether each ended by itself."""


class Drawn(NamedTuple):
    """A round: S answers with their prompts, and per answer token what was known when they were drawn."""

    tokens: Tokens
    first_S: Ints
    """Where in `tokens.ids` each answer begins."""
    known: Mapping[str, Tensor]
    """old, reference, values, advantages, returns; each (N,)."""


@dataclass
class OnPolicy:
    """The rounds of a run.

    `reference` is the model that KL is taken against (None: the same network without its adapter), `settings`
    are those of `reinforce`.
    """

    model: Model
    reference: Any
    prompts: Sequence[Row]
    rate: Rate
    settings: Any
    scratch: Path

    def __post_init__(self) -> None:
        self.languages = tuple(sorted({row["answer_language"] for row in self.prompts}))
        self.components = ("",)
        asked = render_prompts(self.model.tokenizer, [row["messages"][:-1] for row in self.prompts])
        self.prompt_ids = encode(self.model.tokenizer, asked)
        wanted = self.settings.rounds * self.settings.prompts
        self.order = shuffled_epochs(len(self.prompts), wanted / len(self.prompts), self.settings.seed)
        self.packed = isolates(self.model.network)
        self._now: tuple[int, Drawn] | None = None

    @property
    def steps_per_round(self) -> int:
        """Optimiser steps that learn from one round."""
        return int(self.settings.passes * self.settings.minibatches)

    def __len__(self) -> int:
        return int(self.settings.rounds) * self.steps_per_round

    def planned(self) -> NDArray[np.float64]:
        """The most tokens that the run can see, per language: every answer as long as it may be."""
        found = np.zeros((len(self.languages), 3))
        times = self.settings.samples * self.settings.passes
        for i in self.order.tolist():
            language = self.languages.index(self.prompts[i]["answer_language"])
            found[language, 0] += times * (len(self.prompt_ids[i]) + self.settings.answer_tokens)
        return found

    def batches(self, step: int) -> Iterator[PolicyBatch]:
        """Draw a new round where one is due, and yield the micro-batches of the step."""
        number, within = divmod(step, self.steps_per_round)
        if self._now is None or self._now[0] != number:
            self._now = (number, self._round(number))
        drawn = self._now[1]
        turn, part = divmod(within, self.settings.minibatches)
        order = np.random.default_rng([self.settings.seed, number, turn]).permutation(len(drawn.tokens))
        for rows, places in self._rows(drawn, np.array_split(order, self.settings.minibatches)[part]):
            known = drawn.known
            yield PolicyBatch(
                rows=rows,
                old_N=known["old"][places],
                reference_N=known["reference"][places],
                advantages_N=known["advantages"][places],
                values_N=known["values"][places],
                returns_N=known["returns"][places],
                seen=rows.seen,
            )

    # ----------------------------------------------------------------------------- a round
    def _round(self, number: int) -> Drawn:
        directory = self.scratch / "rounds"
        file = directory / f"{number:06d}.safetensors"
        if not file.is_file():
            directory.mkdir(exist_ok=True)
            made, record = self._draw(number)
            with replacing(directory / f"{number:06d}.json") as place:
                place.write_text(json.dumps(record))
            with replacing(file) as place:
                save_file(made, place)
            for old in sorted(directory.glob("*.safetensors"))[:-2]:
                old.unlink()
        return self._drawn(load_file(file))

    def _draw(self, number: int) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
        """Draw, rate, and take log-probabilities and values: the round as tensors, and a record of it."""
        settings, network, tokenizer = self.settings, self.model.network, self.model.tokenizer
        training = network.training
        network.eval()
        chosen = self.order[number * settings.prompts : (number + 1) * settings.prompts].repeat(
            settings.samples
        )
        how = Generation(
            new_tokens=settings.answer_tokens,
            temperature=settings.temperature,
            samples=settings.samples,
            seed=settings.seed * 100_003 + number,
        )
        asked = [self.prompt_ids[i] for i in chosen[:: settings.samples]]
        with self._autocast():
            answers = generate_ids(network, asked, stop_ids(network, tokenizer), how)
        finished = [len(answer) < settings.answer_tokens for answer in answers]
        texts = [tokenizer.decode(answer, skip_special_tokens=True) for answer in answers]
        rated = self.rate([self.prompts[int(i)] for i in chosen], texts, finished)
        end = tokenizer.eos_token_id
        whole = [
            self.prompt_ids[i] + answer + [end] * ended
            for i, answer, ended in zip(chosen, answers, finished, strict=True)
        ]
        made = {
            "ids": torch.tensor([token for ids in whole for token in ids], dtype=torch.int32),
            "offsets": torch.tensor(np.cumsum([0, *map(len, whole)])),
            "prompt": torch.tensor(chosen),
            "bytes": torch.tensor([len(text.encode()) for text in texts]),
            "characters": torch.tensor([len(text) for text in texts]),
        }
        drawn = self._drawn(made)
        old, critic = self._take(network, drawn)
        reference = self._take_reference(drawn) if settings.kl_weight else old
        sizes = (drawn.tokens.offsets[1:] - drawn.first_S).tolist()
        made |= {"old": old, "reference": reference, "values": critic}
        made |= advantages(rated.rewards_S, old, reference, critic, sizes, settings)
        network.train(training)
        divergence = [
            float(part.mean()) for part in torch.split(losses.kl_estimates(old, reference)[1], sizes)
        ]
        return made, self._record(chosen, rated, finished, sizes, divergence)

    def _record(
        self,
        chosen: Ints,
        rated: Rated,
        finished: Sequence[bool],
        sizes: Sequence[int],
        divergence: Sequence[float],
    ) -> list[dict[str, Any]]:
        """What is told about a round: one entry per answer."""
        return [
            {
                "language": self.prompts[i]["answer_language"],
                "label": label,
                "reward": float(reward),
                "finished": float(ended),
                "answer_tokens": size,
                "kl": kl,
                **{f"reward_{name}": float(part[s]) for name, part in rated.parts.items()},
            }
            for s, (i, label, reward, ended, size, kl) in enumerate(
                zip(chosen, rated.labels, rated.rewards_S, finished, sizes, divergence, strict=True)
            )
        ]

    def _drawn(self, made: Mapping[str, Tensor]) -> Drawn:
        """Tensors as rows that can be packed; the answers carry the loss."""
        offsets, prompt = made["offsets"].numpy(), made["prompt"].numpy()
        first_S = offsets[:-1] + np.array([len(self.prompt_ids[i]) for i in prompt])
        trained = np.zeros(int(offsets[-1]), np.bool_)
        for start, stop in zip(first_S, offsets[1:], strict=True):
            trained[start:stop] = True
        codes = {language: code for code, language in enumerate(self.languages)}
        count = len(prompt)
        tokens = Tokens(
            ids=made["ids"].numpy(),
            trained=trained,
            offsets=offsets,
            language=np.array([codes[self.prompts[i]["answer_language"]] for i in prompt], np.int32),
            component=np.zeros(count, np.int32),
            weight=np.ones(count, np.float32),
            characters=made["characters"].numpy(),
            bytes=made["bytes"].numpy(),
            languages=self.languages,
            components=self.components,
        )
        known = {
            name: made[name]
            for name in ("old", "reference", "values", "advantages", "returns")
            if name in made
        }
        return Drawn(tokens, first_S, known)

    # ------------------------------------------------------------------------------ passes
    def _rows(self, drawn: Drawn, chosen: Ints) -> Iterator[tuple[Batch, Tensor]]:
        """Chosen answers as packed rows, and where in the round's flat arrays their tokens are."""
        tokens, settings = drawn.tokens, self.settings
        offsets = tokens.offsets
        pieces = [Piece(int(t), int(offsets[t]), int(offsets[t + 1]), 0) for t in chosen]
        lengths = [piece.stop - piece.start for piece in pieces]
        before = np.concatenate([[0], np.cumsum(offsets[1:] - drawn.first_S)])
        pad = self.model.tokenizer.pad_token_id or 0
        width = max(settings.sequence_tokens, *lengths)
        for rows in arrange(lengths, width, max(settings.micro_tokens, width), packed=self.packed):
            placed = [[pieces[i] for i in row] for row in rows]
            places = [np.arange(before[p.text], before[p.text + 1]) for row in placed for p in row]
            yield lay_out(tokens, placed, pad, packed=self.packed), torch.from_numpy(np.concatenate(places))

    @torch.no_grad()
    def _take(self, network: Any, drawn: Drawn) -> tuple[Tensor, Tensor]:
        """Log-probability of every answer token, and the critic's value of it, if there is one: (N,) each."""
        size = int(drawn.tokens.trained.sum())
        logprobs_N, values_N = torch.zeros(size), torch.zeros(size)
        head_VC = plain_head(network)
        for rows, places in self._rows(drawn, np.arange(len(drawn.tokens))):
            with self._autocast():
                out = outputs(network, to_device(rows, network.device), head_VC, self.settings.temperature)
            logprobs_N[places] = out.logprobs_N.float().cpu()
            if hasattr(network, "value_head"):
                values_N[places] = values(network, out.hidden_NC).cpu()
        return logprobs_N, values_N

    def _take_reference(self, drawn: Drawn) -> Tensor:
        network = self.model.network
        if self.reference is None:
            with network.disable_adapter():
                return self._take(network, drawn)[0]
        self.reference.to(network.device)
        return self._take(self.reference, drawn)[0]

    def _autocast(self) -> Any:
        device = self.model.device
        half = use_bf16(self.settings.precision, device)
        return torch.autocast(device.type, torch.bfloat16) if half else nullcontext()


def measures(work: OnPolicy, log_steps: int) -> Iterator[dict[str, Any]]:
    """Rows of numbers: means per language over the rounds of each of the ledger's windows.

    The last has an empty `group` too. Languages count alike in the mean over all.
    """
    entries: list[dict[str, Any]] = []
    for number in range(work.settings.rounds):
        entries += json.loads((work.scratch / "rounds" / f"{number:06d}.json").read_text())
        step = (number + 1) * work.steps_per_round
        last = number + 1 == work.settings.rounds
        if last or step // log_steps > (step - work.steps_per_round) // log_steps:
            rows = list(_means(entries))
            for group in (f"step {step}", *([""] if last else [])):
                yield from ({**row, "group": group} for row in rows)
            entries = []


def _means(entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    by_language: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for entry in entries:
        by_language[entry["language"]].append(entry)
    names = [name for name in entries[0] if name not in ("language", "label")]
    labels = {"accuracy": "correct", "off_target": "off_target", "malformed": "malformed"}
    sums: dict[str, list[float]] = defaultdict(list)
    for language, found in sorted(by_language.items()):
        measured = {name: float(np.mean([entry[name] for entry in found])) for name in names}
        measured |= {
            name: float(np.mean([e["label"] == label for e in found])) for name, label in labels.items()
        }
        for name, value in measured.items():
            sums[name].append(value)
            yield {"measure": f"training_{name}", "language": language, "value": value, "count": len(found)}
    for name, each in sums.items():
        mean = float(np.mean(each))
        yield {"measure": f"training_{name}", "language": "", "value": mean, "count": len(entries)}
