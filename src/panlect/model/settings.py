"""Settings that every training stage shares; free of torch, so that explaining a stage costs nothing."""

from typing import Literal

from pydantic import Field, model_validator

from panlect.config import Config


class Trained(Config):
    """What of the model is trained."""

    method: Literal["full", "lora", "dora", "qlora"] = "full"
    """All weights, or low-rank adapters that are merged at the end; under `qlora` the weights have four bits
    (extra `qlora`)."""
    rank: int = Field(default=16, ge=1)
    """Rank of the adapters."""
    alpha: float = Field(default=32.0, gt=0)
    """Scale of the adapters; their product is multiplied by alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout before the adapters."""
    targets: tuple[str, ...] = ()
    """Linear layers that get adapters, by the end of their names (q_proj, query_key_value); empty for all."""
    only: tuple[str, ...] = ()
    """Train only parameters with these names; `*` stands for anything (`full`)."""
    frozen: tuple[str, ...] = ()
    """Leave parameters with these names as they are; `*` stands for anything (`full`)."""
    new_rows_from: int = Field(default=0, ge=0)
    """Of the embeddings, train only rows from this token id on (an extended vocabulary); 0 trains all."""
    mask_file: str = ""
    """A safetensors file with a boolean tensor per parameter: only entries that are true change, and nothing
    that the file does not name."""


class HeldOut(Config):
    """Texts that are never trained on, by whose loss a run is judged while it runs."""

    every_steps: int = Field(default=0, ge=0)
    """Steps between two looks at them; 0 holds nothing out."""
    texts_per_language: int = Field(default=32, ge=1)
    """How many texts of each language, but never more than a tenth of them."""
    choose: str = ""
    """Keep the weights whose held-out loss was lowest: `mean` over languages, `worst` of them, or that of one
    language (eng_Latn, to watch what is forgotten); empty keeps the last weights."""
    patience: int = Field(default=0, ge=0)
    """Stop after so many looks without a lower loss (needs `choose`); 0 never stops early."""

    @model_validator(mode="after")
    def _patience_for_something(self) -> "HeldOut":
        if (self.patience or self.choose) and not self.every_steps:
            raise ValueError("`choose` and `patience` need `every_steps`: nothing is held out without it")
        if self.patience and not self.choose:
            raise ValueError("`patience` needs `choose`: which loss is to fall")
        return self


class Machine(Config):
    """What the ledger's estimates of utilisation, energy and money rest on."""

    peak_flops: float = Field(default=0.0, ge=0)
    """Matrix-product speed of one device, in operations per second; 0 measures it at the start."""
    watts: float = Field(default=0.0, ge=0)
    """Power of one device; 0 reads the device's own meter where there is one, and says nothing otherwise."""
    price_per_hour: float = Field(default=0.0, ge=0)
    """Price of one device for an hour, in any currency; 0 says nothing about money."""


class TrainingConfig(Config):
    """How weights are updated: the same fields in `pretrain`, `instruct` and `prefer`."""

    learning_rate: float = Field(default=3e-4, gt=0)
    """Peak learning rate."""
    schedule: Literal["cosine", "wsd", "constant"] = "cosine"
    """Shape after warm-up: cosine decay, warm-up–stable–decay (linear tail), or constant."""
    warmup_share: float = Field(default=0.02, ge=0, le=1)
    """Share of the steps that raise the learning rate linearly from zero."""
    decay_share: float = Field(default=0.2, ge=0, le=1)
    """Share of the steps in the falling tail of `wsd`; the other schedules ignore it."""
    final_rate_share: float = Field(default=0.1, ge=0, le=1)
    """Learning rate at the last step, as a share of the peak (cosine and wsd)."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Decoupled weight decay of the matrices; norms and biases are never decayed."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """AdamW: decay of the gradient mean."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """AdamW: decay of the squared-gradient mean."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Gradients are scaled down to this norm."""
    batch_tokens: int = Field(default=16384, ge=1)
    """Tokens of one optimiser step, padding not counted."""
    micro_tokens: int = Field(default=16384, ge=1)
    """Tokens that go through the model at once; a larger step accumulates gradients over several."""
    sequence_tokens: int = Field(default=512, ge=2)
    """Length of a packed row; longer texts continue in a row of their own."""
    trained: Trained = Trained()
    """What of the model is trained; everything, unless it says otherwise."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the matrix products; weights stay fp32. `auto` takes bf16 where the processor has it."""
    parallel: Literal["ddp", "fsdp"] = "ddp"
    """How processes that torchrun started share the work: a copy of the model on each device, or (FSDP2) a
    part of every parameter, gradient and moment on each. One process alone ignores it."""
    activation_checkpointing: bool = False
    """Keep only the input of each block and compute the rest again in the backward pass: less memory, about a
    third more work."""
    average_decay: float = Field(default=0.0, ge=0, lt=1)
    """Save a running average of the weights (EMA) with this decay, such as 0.999; 0 saves the last ones."""
    held_out: HeldOut = HeldOut()
    """Held-out loss per language while training, early stop, and which weights are kept."""
    track: tuple[Literal["tensorboard", "trackio", "wandb"], ...] = ()
    """Also write the curves for these tools (extra `tracking`), offline, into the folder's ``tracking/``."""
    machine: Machine = Machine()
    """Figures of the machine, for estimates."""
    threads: int = Field(default=0, ge=0)
    """Processor threads; 0 takes all. The bits of the result depend on it, its meaning does not."""
    seed: int = 0
    """Seed of every random choice."""
    log_steps: int = Field(default=50, ge=1)
    """Steps between two rows of the ledger."""
    checkpoint_seconds: float = Field(default=120.0, ge=0)
    """Seconds between checkpoints, each of which a killed run can continue from; 0 writes one every step."""
    compile: bool = False
    """Compile the blocks with torch.compile (slow start, faster steps; needs a C++ compiler on a CPU)."""
