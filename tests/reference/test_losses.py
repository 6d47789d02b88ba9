"""Every loss against values worked by hand, against TRL's own functions, and against finite differences."""

import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from panlect.model import losses
from panlect.model.losses import Pairs


def close(value: torch.Tensor, expected: float) -> None:
    assert float(value) == pytest.approx(expected, abs=1e-4)


def one(*values: float) -> Pairs:
    """Pairs of one row: chosen, rejected, reference of both, tokens of both."""
    return Pairs(*(torch.tensor([value], dtype=torch.float64) for value in values))


HAND = one(-10, -12, -11, -11.5, 5, 4)


# ------------------------------------------------------------------------------ worked by hand
def test_dpo_by_hand() -> None:
    close(HAND.margin, 1.5)
    close(losses.dpo(HAND, 0.1), 0.620957)
    close(losses.dpo(HAND, 0.1, 0.1), 0.635957)
    close(0.1 * (HAND.chosen - HAND.reference_chosen), 0.1)
    close(0.1 * (HAND.rejected - HAND.reference_rejected), -0.05)


def test_ipo_by_hand() -> None:
    close(losses.ipo(HAND, 0.1, per_token=False), 12.25)
    close(HAND.mean_margin, 0.325)
    close(losses.ipo(HAND, 0.1), 21.855625)


def test_orpo_by_hand() -> None:
    pairs = one(-0.5, -1.0, 0, 0, 1, 1)
    close(losses.orpo(pairs, 0.1, nll=torch.tensor([0.5])), 0.532030)
    close(losses.orpo(pairs, 1.0, nll=torch.tensor([0.0])), 0.320300)


def test_cpo_and_simpo_by_hand() -> None:
    close(losses.cpo(HAND, 0.1, nll=torch.tensor([0.7])), 1.298139)
    close(losses.cpo(HAND, 0.1, nll=torch.tensor([0.0])), 0.598139)
    close(losses.simpo(one(-0.5, -1.0, 0, 0, 1, 1), 2.0, 1.0), 0.693147)


def test_bradley_terry_by_hand() -> None:
    close(losses.bradley_terry(torch.tensor([2.0]), torch.tensor([1.0])), 0.313262)
    close(losses.bradley_terry(torch.tensor([1.0]), torch.tensor([1.0])), 0.693147)


def test_advantages_and_kl_by_hand() -> None:
    advantages = losses.generalised_advantages(torch.tensor([0.0, 0, 1]), torch.tensor([0.5, 0.5, 0.5]))
    torch.testing.assert_close(advantages, torch.tensor([0.45125, 0.475, 0.5]))
    k1, k3 = losses.kl_estimates(torch.tensor(-1.0), torch.tensor(-1.2))
    close(k1, 0.2)
    close(k3, 0.018731)


def test_info_nce_by_hand() -> None:
    cosines = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    assert float(losses.info_nce(cosines, 0.1).mean()) == pytest.approx(0.00115851, abs=1e-7)
    rows = F.cross_entropy(cosines / 0.1, torch.arange(2))
    assert float(rows) == pytest.approx(0.00140555, abs=1e-7)


def test_distillation() -> None:
    torch.manual_seed(0)
    student, targets = torch.randn(6, 9, requires_grad=True), torch.randint(9, (6,))
    plain = F.cross_entropy(student, targets, reduction="none")
    # A teacher that agrees teaches nothing; T = 1 and alpha = 0 is the plain loss.
    same = losses.distillation(student, student.detach(), targets, 3.0, 0.5)
    torch.testing.assert_close(same, 0.5 * plain)
    teacher = torch.randn(6, 9)
    torch.testing.assert_close(losses.distillation(student, teacher, targets, 1.0, 0.0), plain)
    # The factor T² is there: at T = 2 the soft part's gradient is 4 times that of the bare divergence.
    (soft,) = torch.autograd.grad(losses.distillation(student, teacher, targets, 2.0, 1.0).sum(), student)
    bare = F.kl_div(
        (student / 2).log_softmax(-1), (teacher / 2).log_softmax(-1), log_target=True, reduction="sum"
    )
    (expected,) = torch.autograd.grad(bare, student)
    torch.testing.assert_close(soft, 4 * expected)


# ----------------------------------------------------------------------------- against TRL 1.16
def random_pairs(count: int = 7) -> Pairs:
    torch.manual_seed(1)
    tokens = [torch.randint(3, 12, (count,)).float() for _ in range(2)]
    logps = [-torch.rand(count) * 30 - 0.1 for _ in range(4)]
    return Pairs(*logps, *tokens)


@pytest.fixture(scope="module")
def trl() -> Any:
    """TRL's trainers, whose loss functions are called without building a trainer."""
    pytest.importorskip("trl", reason="TRL is a development dependency")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from trl import DPOTrainer
        from trl.experimental.cpo import CPOTrainer
        from trl.experimental.orpo import ORPOTrainer
    return SimpleNamespace(dpo=DPOTrainer, cpo=CPOTrainer, orpo=ORPOTrainer)


def trl_dpo(trainer: Any, pairs: Pairs, kind: str, beta: float, smoothing: float) -> float:
    """Run TRL's DPO loss on given log-probabilities: one token carries each answer's sum."""
    count, width = len(pairs.chosen), 13
    lengths = torch.cat([pairs.chosen_tokens, pairs.rejected_tokens]).long()
    mask = (torch.arange(width)[None] >= 1) & (torch.arange(width)[None] <= lengths[:, None])
    logps = torch.zeros(2 * count, width - 1)
    logps[:, 0] = torch.cat([pairs.chosen, pairs.rejected])
    zeros = torch.zeros(2 * count, width - 1)
    outputs = SimpleNamespace(log_probs=logps, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
    same = SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)
    fake = SimpleNamespace(
        model=SimpleNamespace(training=True), accelerator=same, aux_loss_enabled=False, ld_alpha=None,
        precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=[kind], loss_weights=[1.0],
        beta=beta, label_smoothing=smoothing, use_weighting=False, _total_train_tokens=0, _tp_size=1,
        _metrics={"train": defaultdict(list)},
    )  # fmt: skip
    inputs = {
        "input_ids": torch.zeros(2 * count, width, dtype=torch.long),
        "attention_mask": torch.ones(2 * count, width, dtype=torch.long),
        "completion_mask": mask.long(),
        "ref_chosen_logps": pairs.reference_chosen,
        "ref_rejected_logps": pairs.reference_rejected,
    }
    return float(trainer._compute_loss(fake, lambda **_: outputs, inputs, False))


@pytest.mark.parametrize("beta", [0.1, 0.5])
def test_dpo_family_equals_trl(trl: Any, beta: float) -> None:
    pairs = random_pairs()
    ours = {
        "sigmoid": losses.dpo(pairs, beta),
        "sigmoid_norm": losses.dpo(pairs, beta, per_token=True),
        "ipo": losses.ipo(pairs, beta),
        "robust": losses.robust_dpo(pairs, beta, 0.2),
    }
    for kind, value in ours.items():
        assert float(value.mean()) == pytest.approx(trl_dpo(trl.dpo, pairs, kind, beta, 0.2), rel=1e-5), kind


def test_label_smoothing_equals_trl_cpo_form(trl: Any) -> None:
    """TRL smooths labels in CPO; with a reference of zero DPO is the same formula."""
    pairs = random_pairs()._replace(reference_chosen=torch.zeros(7), reference_rejected=torch.zeros(7))
    fake = SimpleNamespace(
        alpha=0.0, beta=0.3, label_smoothing=0.15, loss_type="sigmoid", simpo_gamma=0.5,
        accelerator=SimpleNamespace(device="cpu"),
    )  # fmt: skip
    theirs, *_ = trl.cpo.cpo_loss(fake, pairs.chosen, pairs.rejected)
    torch.testing.assert_close(losses.dpo(pairs, 0.3, 0.15), theirs)


def test_cpo_and_simpo_equal_trl(trl: Any) -> None:
    pairs = random_pairs()
    fake = SimpleNamespace(
        alpha=0.0, beta=0.1, label_smoothing=0.0, loss_type="sigmoid", simpo_gamma=0.5,
        accelerator=SimpleNamespace(device="cpu"),
    )  # fmt: skip
    theirs, *_ = trl.cpo.cpo_loss(fake, pairs.chosen, pairs.rejected)
    torch.testing.assert_close(losses.cpo(pairs, 0.1, nll=torch.zeros(7)), theirs)
    fake.loss_type, fake.beta = "simpo", 2.0
    theirs, *_ = trl.cpo.cpo_loss(fake, pairs.mean_chosen, pairs.mean_rejected)
    torch.testing.assert_close(losses.simpo(pairs, 2.0, 0.5), theirs)


def test_orpo_equals_trl(trl: Any) -> None:
    pairs = random_pairs()
    fake = SimpleNamespace(beta=0.2, accelerator=SimpleNamespace(device="cpu"))
    ratios, *_ = trl.orpo.odds_ratio_loss(fake, pairs.mean_chosen, pairs.mean_rejected)
    nll = torch.rand(7)
    torch.testing.assert_close(losses.orpo(pairs, 0.2, nll=nll), nll - ratios)


def test_kto_equals_its_formula() -> None:
    pairs = random_pairs()
    kl = torch.tensor(0.7)
    chosen, rejected = pairs.chosen - pairs.reference_chosen, pairs.rejected - pairs.reference_rejected
    expected = (1 - torch.sigmoid(0.1 * (chosen - kl))) + (1 - torch.sigmoid(0.1 * (kl - rejected)))
    torch.testing.assert_close(losses.kto(pairs, 0.1, kl=kl), expected)
    torch.testing.assert_close(
        losses.kto(pairs, 0.1, kl=torch.tensor(-3.0)), losses.kto(pairs, 0.1, kl=torch.tensor(0.0))
    )


# -------------------------------------------------------------------------------- properties
@pytest.mark.parametrize("name", ["dpo", "robust", "ipo", "orpo", "cpo", "simpo", "kto", "rpo"])
def test_gradients_match_finite_differences(name: str) -> None:
    settings = SimpleNamespace(
        loss=name, beta=0.3, gamma=0.5, label_smoothing=0.1, length_normalised="auto", nll_weight=0.7
    )
    formula = losses.preference_formula(settings)
    rest = [value.double() for value in random_pairs()[2:]]
    if name == "kto":  # its baseline is detached on purpose, so only the rest is compared

        def formula(pairs: Pairs, _: torch.Tensor) -> torch.Tensor:
            return losses.kto(pairs, 0.3, kl=torch.tensor(0.5, dtype=torch.float64))

    def loss(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
        pairs = Pairs(chosen, rejected, *rest)
        return formula(pairs, -pairs.mean_chosen)

    inputs = tuple(value.double().requires_grad_() for value in random_pairs()[:2])
    assert torch.autograd.gradcheck(loss, inputs)


def test_orpo_stays_finite_at_certainty() -> None:
    chosen = torch.tensor([0.0], requires_grad=True)
    pairs = Pairs(chosen, torch.tensor([-5.0]), *(torch.zeros(1),) * 2, torch.ones(1), torch.ones(1))
    loss = losses.orpo(pairs, 0.1, nll=torch.zeros(1))
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert torch.isfinite(chosen.grad).all()


@pytest.mark.parametrize("name", ["dpo", "robust", "ipo", "orpo", "cpo", "simpo", "kto", "rpo"])
def test_a_better_chosen_answer_costs_less(name: str) -> None:
    settings = SimpleNamespace(
        loss=name, beta=0.1, gamma=1.0, label_smoothing=0.0, length_normalised="auto", nll_weight=1.0
    )
    formula = losses.preference_formula(settings)
    worse, better = one(-12, -10, -11, -11, 5, 5), one(-10, -12, -11, -11, 5, 5)
    assert float(formula(better, -better.mean_chosen)) < float(formula(worse, -worse.mean_chosen))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 5, 300])
def test_linear_cross_entropy_equals_pytorch(
    dtype: torch.dtype, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses._LinearCrossEntropy, "CHUNK_LOGITS", 64 * 50)  # several chunks
    torch.manual_seed(2)
    hidden, head = torch.randn(rows, 16, requires_grad=True), torch.randn(50, 16, requires_grad=True)
    targets, weights = torch.randint(50, (rows,)), torch.rand(rows)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        total, each = losses.linear_cross_entropy(hidden, head, targets, weights)
    (total * 0.3).backward()
    grads = hidden.grad, head.grad
    hidden.grad = head.grad = None
    expected = F.cross_entropy(hidden @ head.T, targets, reduction="none")
    ((expected * weights).sum() * 0.3).backward()
    tolerance = {"atol": 1e-5, "rtol": 1e-5} if dtype == torch.float32 else {"atol": 0.15, "rtol": 0.05}
    torch.testing.assert_close(each, expected.detach(), **tolerance)
    torch.testing.assert_close(
        total.detach(), (expected * weights).sum().detach(), atol=rows * 0.05, rtol=1e-3
    )
    torch.testing.assert_close(grads[0], hidden.grad, **tolerance)
    torch.testing.assert_close(grads[1], head.grad, **tolerance)
