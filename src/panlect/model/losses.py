"""Training objectives as pure functions: log-probabilities in, one loss per token or per pair out.

Shapes: N tokens that carry a loss, V vocabulary, C model width, P preference pairs.
A summed log-probability adds the tokens of an answer; a mean one divides by their number. Nothing
here knows about padding: callers pass only real tokens, so that no score can depend on how a batch
was padded.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (the field's name for it)


# ------------------------------------------------------------------------------ tokens
def cross_entropy(logits_NV: Tensor, targets_N: Tensor) -> Tensor:
    """Loss of each token, ``-log softmax(logits)[target]`` in nats, computed in fp32: shape (N,)."""
    return F.cross_entropy(logits_NV.float(), targets_N, reduction="none")


def linear_cross_entropy(
    hidden_NC: Tensor, head_VC: Tensor, targets_N: Tensor, weights_N: Tensor
) -> tuple[Tensor, Tensor]:
    """Weighted sum of token losses straight from the hidden states, without ever holding all logits.

    Equal to ``(weights * cross_entropy(hidden @ head.T, targets)).sum()``, but the logits of a few hundred
    tokens exist at a time, and their gradient is formed while they are in cache.

    Returns:
        the weighted sum (differentiable), and the unweighted loss of each token, (N,), as plain numbers.
    """
    return _LinearCrossEntropy.apply(hidden_NC, head_VC, targets_N, weights_N)  # type: ignore[no-any-return, no-untyped-call]


class _LinearCrossEntropy(torch.autograd.Function):
    CHUNK_LOGITS = 2**21  # 8 MB of fp32 logits: larger chunks leave the cache, smaller ones starve the cores

    @staticmethod
    def forward(
        ctx: Any, hidden_NC: Tensor, head_VC: Tensor, targets_N: Tensor, weights_N: Tensor
    ) -> tuple[Tensor, Tensor]:
        device = hidden_NC.device.type
        autocast = torch.is_autocast_enabled(device)
        dtype = torch.get_autocast_dtype(device) if autocast else hidden_NC.dtype
        head = head_VC.to(dtype)
        rows = max(1, _LinearCrossEntropy.CHUNK_LOGITS // head.shape[0])
        loss_N = torch.empty(len(targets_N), dtype=torch.float32, device=head.device)
        grad_hidden_NC = torch.empty_like(hidden_NC)
        grad_head_VC = torch.zeros_like(head_VC, dtype=torch.float32)
        with torch.autocast(device, enabled=False):
            for start in range(0, len(targets_N), rows):
                part = slice(start, start + rows)
                hidden, targets = hidden_NC[part].to(dtype), targets_N[part, None]
                weights = weights_N[part, None]
                logits = (hidden @ head.T).float()
                logits -= logits.amax(1, keepdim=True)
                own = logits.gather(1, targets)
                total = logits.exp_().sum(1, keepdim=True)
                loss_N[part] = (total.log() - own)[:, 0]
                # d loss / d logits = weight * (softmax - one_hot), formed in place of the logits
                error = logits.mul_(weights / total).scatter_add_(1, targets, -weights).to(dtype)
                grad_hidden_NC[part] = error @ head
                grad_head_VC += error.T @ hidden
        ctx.save_for_backward(grad_hidden_NC, grad_head_VC)
        ctx.mark_non_differentiable(loss_N)
        ctx.head_dtype = head_VC.dtype
        return (loss_N * weights_N).sum(), loss_N

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden_NC, grad_head_VC = ctx.saved_tensors
        return grad_hidden_NC * grads[0], (grad_head_VC * grads[0]).to(ctx.head_dtype), None, None


# ------------------------------------------------------------------------- preferences
class Pairs(NamedTuple):
    """Log-probabilities of chosen and rejected answers, each of shape (P,).

    `reference_*` come from the frozen model that training started from (zeros for losses that need
    none); `*_tokens` count the answer's tokens.
    """

    chosen: Tensor
    rejected: Tensor
    reference_chosen: Tensor
    reference_rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor

    @property
    def margin(self) -> Tensor:
        """``[log π/π_ref](chosen) - [log π/π_ref](rejected)`` of the summed log-probabilities."""
        return (self.chosen - self.reference_chosen) - (self.rejected - self.reference_rejected)

    @property
    def mean_margin(self) -> Tensor:
        """The margin with each log-ratio divided by the tokens of its answer."""
        chosen = (self.chosen - self.reference_chosen) / self.chosen_tokens
        rejected = (self.rejected - self.reference_rejected) / self.rejected_tokens
        return chosen - rejected

    @property
    def mean_chosen(self) -> Tensor:
        """Mean log-probability per token of the chosen answer."""
        return self.chosen / self.chosen_tokens

    @property
    def mean_rejected(self) -> Tensor:
        """Mean log-probability per token of the rejected answer."""
        return self.rejected / self.rejected_tokens


def dpo(pairs: Pairs, beta: float = 0.1, label_smoothing: float = 0.0, *, per_token: bool = False) -> Tensor:
    """Direct preference optimisation: ``-log σ(βΔ)`` (Rafailov et al. 2023, eq. 7).

    With label smoothing ε, ``-(1-ε) log σ(βΔ) - ε log σ(-βΔ)`` (conservative DPO, Mitchell 2023).
    `per_token` takes the length-normalised margin, which does not grow with a language's fertility.
    """
    logits = beta * (pairs.mean_margin if per_token else pairs.margin)
    return -(1 - label_smoothing) * F.logsigmoid(logits) - label_smoothing * F.logsigmoid(-logits)


def robust_dpo(pairs: Pairs, beta: float = 0.1, label_smoothing: float = 0.1) -> Tensor:
    """DPO unbiased under a share ε < 0.5 of flipped labels (Chowdhury et al. 2024, eq. 12)."""
    logits = beta * pairs.margin
    clean = -(1 - label_smoothing) * F.logsigmoid(logits) + label_smoothing * F.logsigmoid(-logits)
    return clean / (1 - 2 * label_smoothing)


def ipo(pairs: Pairs, beta: float = 0.1, *, per_token: bool = True) -> Tensor:
    """Identity preference optimisation: ``(Δ - 1/(2β))²`` (Azar et al. 2023, eq. 17; β is its τ).

    The margin is length-normalised unless `per_token` is off: summed margins scale with the number of
    tokens, hence with how finely the tokenizer cuts a language.
    """
    margin = pairs.mean_margin if per_token else pairs.margin
    return (margin - 1 / (2 * beta)) ** 2


def orpo(pairs: Pairs, beta: float = 0.1, *, nll: Tensor) -> Tensor:
    """Odds-ratio preference optimisation, without a reference model (Hong et al. 2024, eq. 6–7).

    ``nll - β log σ(log odds(chosen) - log odds(rejected))`` with ``odds(p) = p/(1-p)`` and p the
    geometric mean of the token probabilities. `nll` is the mean token loss of the chosen dialogue, (P,).
    """
    # Probability one has no odds: stay a hair below it.
    chosen, rejected = pairs.mean_chosen.clamp(max=-1e-7), pairs.mean_rejected.clamp(max=-1e-7)
    log_odds = (chosen - rejected) - (_log1mexp(chosen) - _log1mexp(rejected))
    return nll - beta * F.logsigmoid(log_odds)


def _log1mexp(x: Tensor) -> Tensor:
    """``log(1 - exp(x))`` for x < 0 without cancellation (Mächler 2012)."""
    near_zero = x > -0.6931471805599453
    # Each branch gets a harmless argument where the other is taken, else its gradient would be NaN.
    left = torch.log(-torch.expm1(torch.where(near_zero, x, -1.0)))
    right = torch.log1p(-torch.exp(torch.where(near_zero, -1.0, x)))
    return torch.where(near_zero, left, right)


def cpo(pairs: Pairs, beta: float = 0.1, *, nll: Tensor, nll_weight: float = 1.0) -> Tensor:
    """Contrastive preferences (Xu et al. 2024, eq. 5): ``-log σ(β(log π_w - log π_l)) + α nll``."""
    return -F.logsigmoid(beta * (pairs.chosen - pairs.rejected)) + nll_weight * nll


def simpo(pairs: Pairs, beta: float = 2.0, gamma: float = 1.0) -> Tensor:
    """SimPO (Meng et al. 2024, eq. 6): ``-log σ(β(mean log π_w - mean log π_l) - γ)``."""
    return -F.logsigmoid(beta * (pairs.mean_chosen - pairs.mean_rejected) - gamma)


def rpo(pairs: Pairs, beta: float = 0.1, *, nll: Tensor, nll_weight: float = 1.0) -> Tensor:
    """DPO plus the chosen answer's mean token loss (Pang et al. 2024, eq. 1): keeps the chosen likely."""
    return dpo(pairs, beta) + nll_weight * nll


def kto(pairs: Pairs, beta: float = 0.1, *, kl: Tensor) -> Tensor:
    """Kahneman–Tversky optimisation of the two answers of each pair (Ethayarajh et al. 2024, eq. 8).

    ``[1 - σ(β(r_w - z))] + [1 - σ(β(z - r_l))]``, r the log-ratios to the reference and z = max(0, kl)
    a detached estimate of KL(π‖π_ref), scalar or (P,).
    """
    baseline = kl.detach().clamp(min=0)
    chosen = pairs.chosen - pairs.reference_chosen
    rejected = pairs.rejected - pairs.reference_rejected
    return (1 - torch.sigmoid(beta * (chosen - baseline))) + (1 - torch.sigmoid(beta * (baseline - rejected)))


def bradley_terry(
    chosen_P: Tensor, rejected_P: Tensor, margin: Tensor | float = 0.0, centre_weight: float = 0.0
) -> Tensor:
    """Reward-model loss ``-log σ(r_w - r_l - margin) + c (r_w + r_l)²`` (Bradley & Terry 1952).

    The margin is Touvron et al. 2023 (Llama 2, eq. 2), the centring Eisenstein et al. 2023.
    """
    return -F.logsigmoid(chosen_P - rejected_P - margin) + centre_weight * (chosen_P + rejected_P) ** 2


NEEDS_REFERENCE = frozenset({"dpo", "robust", "ipo", "kto", "rpo"})
"""Losses whose margin is taken against the model that training started from."""


class PreferenceSettings(Protocol):
    """What a formula is made from; `prefer` documents each."""

    @property
    def loss(self) -> str: ...  # noqa: D102
    @property
    def beta(self) -> float: ...  # noqa: D102
    @property
    def gamma(self) -> float: ...  # noqa: D102
    @property
    def label_smoothing(self) -> float: ...  # noqa: D102
    @property
    def length_normalised(self) -> str: ...  # noqa: D102
    @property
    def nll_weight(self) -> float: ...  # noqa: D102


def preference_formula(settings: PreferenceSettings) -> Callable[[Pairs, Tensor], Tensor]:
    """The named loss as a function of pairs and the chosen answers' mean token losses, (P,)."""
    beta, normalised = settings.beta, settings.length_normalised
    formulas: dict[str, Callable[[Pairs, Tensor], Tensor]] = {
        "dpo": lambda pairs, _: dpo(pairs, beta, settings.label_smoothing, per_token=normalised == "yes"),
        "robust": lambda pairs, _: robust_dpo(pairs, beta, settings.label_smoothing),
        "ipo": lambda pairs, _: ipo(pairs, beta, per_token=normalised != "no"),
        "orpo": lambda pairs, nll: orpo(pairs, beta, nll=nll),
        "cpo": lambda pairs, nll: cpo(pairs, beta, nll=nll, nll_weight=settings.nll_weight),
        "simpo": lambda pairs, _: simpo(pairs, beta, settings.gamma),
        "kto": lambda pairs, _: kto(pairs, beta, kl=batch_kl(pairs)),
        "rpo": lambda pairs, nll: rpo(pairs, beta, nll=nll, nll_weight=settings.nll_weight),
    }
    return formulas[settings.loss]


def batch_kl(pairs: Pairs) -> Tensor:
    """Mean log-ratio of all answers in a batch: a cheap stand-in for KTO's mismatched prompt–answer pairs."""
    chosen, rejected = pairs.chosen - pairs.reference_chosen, pairs.rejected - pairs.reference_rejected
    return (torch.cat([chosen, rejected])).mean().detach()


# ------------------------------------------------------------------------------ policy
def generalised_advantages(
    rewards_T: Tensor, values_T: Tensor, gamma: float = 1.0, lam: float = 0.95
) -> Tensor:
    """Generalised advantage estimates of one episode (Schulman et al. 2016, eq. 16).

    The value after its end is 0.
    """
    advantage = torch.zeros((), dtype=values_T.dtype)
    following = torch.zeros((), dtype=values_T.dtype)
    advantages = torch.empty_like(values_T)
    for step in range(len(rewards_T) - 1, -1, -1):
        delta = rewards_T[step] + gamma * following - values_T[step]
        advantage = delta + gamma * lam * advantage
        advantages[step], following = advantage, values_T[step]
    return advantages


def clipped_policy(
    logprobs_N: Tensor, old_N: Tensor, advantages_N: Tensor, clip: float = 0.2
) -> tuple[Tensor, Tensor]:
    """PPO's loss of each token, ``max(-A r, -A clip(r, 1 ± ε))``, ``r = π/π_old``, and where it is clipped.

    Schulman et al. 2017, eq. 7. The gradient is 0 where a ratio has left the range in its advantage's
    direction.
    """
    ratio_N = torch.exp(logprobs_N - old_N)
    free_N = -advantages_N * ratio_N
    bounded_N = -advantages_N * ratio_N.clamp(1 - clip, 1 + clip)
    return torch.maximum(free_N, bounded_N), bounded_N.detach() > free_N.detach()


def clipped_value(values_N: Tensor, old_N: Tensor, returns_N: Tensor, clip: float = 0.2) -> Tensor:
    """Half the squared error of each value, or of it held within `clip` of the old one if that is worse.

    As in the published code of Schulman et al. 2017.
    """
    near_N = old_N + (values_N - old_N).clamp(-clip, clip)
    return 0.5 * torch.maximum((values_N - returns_N) ** 2, (near_N - returns_N) ** 2)


def group_advantages(rewards_GK: Tensor, *, scaled: bool = True) -> Tensor:
    """GRPO: each of K answers against the mean of its group, in standard deviations.

    Shao et al. 2024 ("DeepSeekMath", section 4.1.2). Unscaled it is the form of
    Liu et al. 2025 ("Dr. GRPO"), which does not favour prompts whose answers are nearly all right or wrong.
    """
    centred_GK = rewards_GK - rewards_GK.mean(1, keepdim=True)
    return centred_GK / (rewards_GK.std(1, keepdim=True) + 1e-4) if scaled else centred_GK


def leave_one_out(rewards_GK: Tensor) -> Tensor:
    """RLOO: each of K answers against the mean of the K - 1 others (Ahmadian et al. 2024, eq. 8)."""
    count = rewards_GK.shape[1]
    return (rewards_GK - rewards_GK.mean(1, keepdim=True)) * count / (count - 1)


def whitened(values_N: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1."""
    return (values_N - values_N.mean()) / (values_N.std(correction=0) + 1e-8)


def kl_estimates(policy_N: Tensor, reference_N: Tensor) -> tuple[Tensor, Tensor]:
    """Per-token estimators of KL(π‖π_ref) from sampled log-probabilities: k1 and k3 (Schulman 2020).

    With ``d = log π_ref - log π``: ``k1 = -d`` and ``k3 = e^d - 1 - d``, which is never negative.
    """
    difference = reference_N - policy_N
    return -difference, torch.expm1(difference) - difference


# --------------------------------------------------------------- distillation, contrast
def distillation(
    student_NV: Tensor, teacher_NV: Tensor, targets_N: Tensor, temperature: float = 2.0, alpha: float = 0.5
) -> Tensor:
    """Soft and hard targets, (N,): ``(1-α) CE + α T² KL(softmax(z_t/T) ‖ softmax(z_s/T))`` (Hinton 2015)."""
    student = F.log_softmax(student_NV.float() / temperature, dim=-1)
    teacher = F.log_softmax(teacher_NV.float() / temperature, dim=-1)
    divergence = F.kl_div(student, teacher, log_target=True, reduction="none").sum(-1)
    return (1 - alpha) * cross_entropy(student_NV, targets_N) + alpha * temperature**2 * divergence


def info_nce(cosines_PP: Tensor, temperature: float = 0.1, same_PP: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE over cosines whose diagonal holds the true pairs (van den Oord et al. 2018).

    The mean of the row-wise and the column-wise cross-entropy, one value per pair: (P,). Off the diagonal,
    `same_PP` marks texts that are no negatives of each other because they are the same.
    """
    logits = cosines_PP.float() / temperature
    if same_PP is not None:
        others = ~torch.eye(len(logits), dtype=torch.bool, device=logits.device)
        logits = logits.masked_fill(same_PP & others, float("-inf"))
    truth = torch.arange(len(logits), device=logits.device)
    rows = F.cross_entropy(logits, truth, reduction="none")
    columns = F.cross_entropy(logits.T, truth, reduction="none")
    return (rows + columns) / 2
