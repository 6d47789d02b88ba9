"""`pretrain`: the model reads text and learns to predict the next token.

Starts from a tokenizer (a new Llama-architecture model is built around it) or from a model (continued
pre-training), and reads a mixture made by `mix`, or any folders with documents.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from panlect.config import Config
from panlect.draft import Draft, draft
from panlect.folder import Folder, Input
from panlect.model.settings import TrainingConfig

if TYPE_CHECKING:
    from panlect.model.runs import Run

VERSION = 1
PARALLEL = True


class ModelShape(Config):
    """Family and size of a new model; ignored when the input is a model already."""

    architecture: Literal["llama", "xlm-roberta", "mbart", "t5"] = "llama"
    """The family: a decoder, an encoder that fills masks, or an encoder–decoder."""

    hidden_size: int = Field(default=256, ge=8)
    """Width of the model."""
    intermediate_size: int = Field(default=704, ge=8)
    """Width of the feed-forward layers."""
    layers: int = Field(default=6, ge=1)
    """Number of blocks."""
    heads: int = Field(default=4, ge=1)
    """Attention heads; divides `hidden_size`."""
    key_value_heads: int = Field(default=4, ge=1)
    """Heads of keys and values; fewer than `heads` is grouped-query attention."""
    position_limit: int = Field(default=2048, ge=8)
    """Longest text, in tokens, that the model is declared for."""


class LearnedShares(Config):
    """Shares of the languages that are learned while the model trains (MultiDDS, Wang et al. 2020)."""

    every_steps: int = Field(default=0, ge=0)
    """Steps between two updates of the shares (1000 in the paper); 0 reads what `mix` planned."""
    method: Literal["multidds-s", "multidds"] = "multidds-s"
    """`multidds-s` compares gradients at the same weights; `multidds` looks a step ahead, at many times
    the cost."""
    serves: str | tuple[str, ...] = ()
    """Languages or groups whose held-out text (`held_out.texts_per_language`) is to profit; empty for all."""
    average: Literal["all", "worst-half", "best-half"] = "all"
    """Which of them count in `multidds-s`: all, or the half with the highest or the lowest loss."""
    learning_rate: float = Field(default=1e-4, gt=0)
    """Of the scorer."""
    inner_steps: int = Field(default=200, ge=1)
    """Updates of the scorer with the same rewards."""
    least: float = Field(default=0.1, ge=0, lt=1)
    """No language falls below this part of an equal share: without a floor one may take all."""
    reward_tokens: int = Field(default=2048, ge=2)
    """Tokens of each language that a reward is taken on."""


class PretrainConfig(TrainingConfig):
    """How a model reads text."""

    model: ModelShape = ModelShape()
    """Size of the new model."""
    objective: Literal["causal", "masked", "tlm", "infill", "spans", "mixed", "translate"] = "causal"
    """What is learned. Decoders: `causal`. Encoders: `masked`, or `tlm` on pairs. Encoder–decoders: `infill`
    (mBART), `spans` (T5), `mixed` (UL2), or `translate` on pairs."""
    budget_tokens: int = Field(default=0, ge=0)
    """Stop after so many tokens; 0 reads the whole mixture once, as planned by `mix`."""
    epochs: float = Field(default=1.0, gt=0)
    """How often documents are read when the input is no mixture (a mixture says so itself)."""
    learned_shares: LearnedShares = LearnedShares()
    """Let the model's gradients decide how much of each language is read (`causal`)."""

    @model_validator(mode="after")
    def _shares_of_a_decoder(self) -> "PretrainConfig":
        if self.learned_shares.every_steps and (self.objective != "causal" or self.parallel == "fsdp"):
            raise ValueError("`learned_shares` needs objective: causal and parallel: ddp")
        return self


def pretrain(inputs: Sequence[Input], out: Path, config: PretrainConfig) -> Folder:
    """Train a model on text and save it as a plain Hugging Face directory.

    Raises:
        ModelError: the inputs hold neither a tokenizer nor a model, or training diverged.
    """
    from panlect.model import runs

    with draft(out, "pretrain", VERSION, config, inputs) as work:
        runs.carry_out(prepare(inputs, config, work), config, inputs, work)
    return work.folder


def prepare(inputs: Sequence[Input], config: PretrainConfig, work: Draft) -> "Run":
    """Model, plan of batches, objective."""
    from panlect.model import runs

    make = runs.causal if config.objective == "causal" else runs.denoising_run
    return make(inputs, config, work)


def estimate(inputs: Sequence[Input], config: Config) -> dict[str, float]:
    """What the run will take on this machine, from a short one (`panlect plan`)."""
    from panlect.model import probe

    assert isinstance(config, PretrainConfig)
    return probe.estimate(
        prepare, inputs, config, kind="pair" if config.objective in ("tlm", "translate") else "document"
    )
