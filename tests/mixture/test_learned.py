from itertools import pairwise

import numpy as np
import pytest

from gradient_matrix import cosines, mean_rewards
from panlect.errors import ConfigError
from panlect.mixture.learned import LanguageScorer, next_quotas
from panlect.mixture.schedule import Schedule


def test_it_starts_at_the_given_shares() -> None:
    scorer = LanguageScorer.at([0.8, 0.1, 0.1])
    assert scorer.probabilities == pytest.approx([0.8, 0.1, 0.1], abs=1e-9)


def test_the_update_is_the_gradient_of_the_loss() -> None:
    """One step of Adam moves each logit by the learning rate, against the sign of its numerical derivative."""
    rewards, logits, tiny = np.array([0.4, -0.2, 0.1]), np.array([0.3, 0.0, -0.5]), 1e-6

    def loss(values: np.ndarray) -> float:
        return float(-(rewards * (values - np.log(np.exp(values).sum()))).sum())

    numeric = np.array(
        [(loss(logits + tiny * row) - loss(logits - tiny * row)) / (2 * tiny) for row in np.eye(3)]
    )
    scorer = LanguageScorer(logits.copy(), learning_rate=0.01, inner_steps=1)
    scorer.update(rewards)
    assert scorer.logits == pytest.approx(logits - 0.01 * np.sign(numeric), abs=1e-6)


def quadratic_gradient(parameters: np.ndarray, target: np.ndarray) -> np.ndarray:
    return parameters - target


def test_dds_finds_the_useful_source() -> None:
    """A toy regression: one source has the development target, one noise; the useful share passes 0.8."""
    rng = np.random.default_rng(0)
    wanted, parameters = np.array([1.0, -2.0, 0.5, 3.0]), np.zeros(4)
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=1e-3)
    for _ in range(40):
        training = np.stack([quadratic_gradient(parameters, wanted), rng.normal(size=4)])
        ahead = parameters - 1e-3 * training
        development = np.stack([quadratic_gradient(row, wanted) for row in ahead])
        rewards = np.diag(cosines(development, training))
        scorer.update(rewards)
        parameters = parameters - 0.02 * scorer.shares @ training
    assert scorer.shares[0] > 0.8


def test_a_language_that_opposes_development_falls_monotonically_to_its_floor() -> None:
    development = np.array([[1.0, 1.0, 0.0]])
    training = np.array([[1.0, 0.8, 0.1], [-1.0, -1.0, 0.2]])
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=2e-3, floor_share=0.05)
    rewards = mean_rewards(cosines(development, training))
    assert rewards[0] > 0.9
    assert rewards[1] < -0.9
    shares, entropies = [scorer.shares[1]], [scorer.entropy]
    for _ in range(12):
        entropies.append(scorer.update(rewards))
        shares.append(scorer.shares[1])
    assert all(after < before for before, after in pairwise(shares))
    assert all(after < before for before, after in pairwise(entropies))
    assert 0.05 < shares[-1] < 0.07
    assert entropies[-1] > -(0.95 * np.log(0.95) + 0.05 * np.log(0.05)) - 1e-9, (
        "the floor keeps it from collapsing"
    )


def test_without_a_floor_it_collapses() -> None:
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=1e-2)
    for _ in range(30):
        scorer.update([1.0, -1.0])
    assert scorer.shares[1] < 1e-3


def test_a_checkpoint_continues_exactly() -> None:
    rng = np.random.default_rng(1)
    rewards = rng.normal(size=(4, 5))
    straight = LanguageScorer.at(np.full(5, 0.2))
    for row in rewards:
        straight.update(row)
    resumed = LanguageScorer.at(np.full(5, 0.2))
    for row in rewards:
        resumed = LanguageScorer.from_dict(resumed.to_dict())
        resumed.update(row)
    assert resumed.shares.tolist() == straight.shares.tolist()


def test_learned_shares_become_the_next_phase_of_the_schedule() -> None:
    components = [("swh_Latn", 30.0), ("swh_Latn", 10.0), ("yor_Latn", 5.0), ("eng_Latn", 0.0)]
    quotas = next_quotas(np.array([0.6, 0.4, 0.0]), ["swh_Latn", "yor_Latn", "eng_Latn"], components, 100)
    assert quotas.tolist() == [45, 15, 40, 0]
    schedule = Schedule(["a", "b", "c", "d"], [30, 10, 5, 0], [[3, 1, 1, 0]], seed=0).then(quotas.tolist())
    assert schedule.counts().tolist() == [48, 16, 41, 0]


def test_a_floor_for_too_many_is_refused() -> None:
    with pytest.raises(ConfigError, match="leave nothing to learn"):
        LanguageScorer.at([0.5, 0.5], floor_share=0.5)


def test_rounds_follow_the_rewards_and_can_be_read_back() -> None:
    languages = ["swh_Latn", "yor_Latn"]
    schedule = Schedule(["web/document/swh_Latn", "web/document/yor_Latn"], [50, 30], [], seed=0)
    scorer = LanguageScorer.at([0.5, 0.5], learning_rate=2e-3, floor_share=0.1)
    shares, read = [], []
    for start in range(0, 1000, 100):
        quotas = next_quotas(scorer.shares, languages, [("swh_Latn", 50.0), ("yor_Latn", 30.0)], 100)
        schedule = schedule.then(quotas.tolist())
        shares.append(scorer.shares[0])
        read.append(schedule.draws(start, start + 100).rows.tolist())
        scorer.update([1.0, -1.0])
    assert shares == sorted(shares)
    assert shares[0] == 0.5
    assert 0.8 < shares[-1] <= 0.9
    assert len(schedule) == 1000
    for number, share in enumerate(shares):
        drawn = schedule.draws(100 * number, 100 * number + 100)
        assert np.bincount(drawn.components, minlength=2)[0] == pytest.approx(100 * share, abs=1)
        assert drawn.rows.tolist() == read[number], "later rounds change nothing of earlier ones"
    assert Schedule.from_dict(schedule.to_dict())[999] == schedule[999]
