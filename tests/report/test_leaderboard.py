"""Models are ranked on a fixed set of languages, with intervals over items and paired comparisons."""

import json
import re
from pathlib import Path

import polars as pl
import pytest

from panlect.config import Config
from panlect.draft import draft
from panlect.errors import FolderError
from panlect.folder import External, Folder
from panlect.report.glance import costs
from panlect.report.leaderboard import Contest, LeaderboardConfig, _entries, leaderboard, render
from panlect.report.view import Slice, View

PART = Slice("accuracy", "quiz", "")
ITEMS = 40


class NoConfig(Config):
    """No settings."""


def evaluation(place: Path, step: str, right: dict[str, int]) -> Folder:
    """A finished evaluation: in each language the first so many of 40 items are right."""
    with draft(place, "evaluate", 1, NoConfig(), []) as work:
        rows = [
            {
                "step": step, "benchmark": "quiz", "id": f"{code}-{item}", "item": str(item), "language": code,
                "group": "", "prompt": "?", "answer": "!", "verdict": "correct" if item < count else "wrong",
            }
            for code, count in right.items()
            for item in range(ITEMS)
        ]  # fmt: skip
        work.write("answer", pl.DataFrame(rows))
        for code, count in right.items():
            work.number(
                "accuracy",
                count / ITEMS,
                step=step,
                benchmark="quiz",
                language=code,
                count=ITEMS,
                unit="share",
            )
        work.number("chance", 0.25, step=step, benchmark="quiz", unit="share")
    return work.folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    base = tmp_path_factory.mktemp("runs")
    return [
        evaluation(base / "first" / "scores", "chat", {"swh_Latn": 20, "yor_Latn": 10, "tha_Thai": 40}),
        evaluation(base / "second" / "scores", "chat", {"swh_Latn": 30, "yor_Latn": 20}),
        evaluation(base / "third" / "scores", "other", {"swh_Latn": 20, "yor_Latn": 11}),
    ]


def test_models_are_compared_on_the_languages_they_share(runs: list[Folder]) -> None:
    contest = Contest(View(_entries(runs), pool=False), PART, LeaderboardConfig())
    assert contest.languages == ["swh_Latn", "yor_Latn"]
    ranked = contest.ranking()
    assert [each.step for each in ranked] == ["second/chat", "other", "first/chat"]
    assert [each.mean.value for each in ranked] == pytest.approx([50 / 80, 31 / 80, 30 / 80])
    assert [each.served for each in ranked] == [2, 1, 1]
    assert [each.worst for each in ranked] == pytest.approx([50 / 80, 31 / 80, 30 / 80])
    for each in ranked:
        assert each.mean.low is not None
        assert each.mean.high is not None
        assert each.mean.low < each.mean.value < each.mean.high
        assert each.mean.count == 80


def test_the_difference_to_the_first_is_paired(runs: list[Folder]) -> None:
    ranked = Contest(View(_entries(runs), pool=False), PART, LeaderboardConfig()).ranking()
    assert ranked[0].versus is None
    versus = ranked[2].versus
    assert versus is not None
    assert versus.difference == pytest.approx((30 - 50) / 80)
    assert versus.count == 80
    assert versus.high < 0
    assert versus.p_value < 0.05


def test_a_given_set_of_languages_leaves_models_out_by_name(runs: list[Folder]) -> None:
    html = render(_entries(runs), LeaderboardConfig(languages=("swh_Latn", "tha_Thai")))
    assert "Left out, because not measured in all of them: second/chat, other." in html
    assert "Compared on 2 languages: Swahili, Thai." in html


def test_the_page_shows_ranks_values_and_guessing(runs: list[Folder], tmp_path: Path) -> None:
    made = leaderboard(runs, tmp_path / "board", LeaderboardConfig(title="<b>board</b>"))
    html = (made.path / "leaderboard.html").read_text(encoding="utf-8")
    names = re.findall(r'<th scope="row"[^>]*>(\d\. [^<]+)</th>', html)
    assert names == ["1. second/chat", "2. other", "3. first/chat"]
    assert "62.5\u00a0%" in html
    assert "Guessing reaches 25.0\u00a0%." in html
    assert "−25.0 points" in html
    assert "<b>board" not in html
    assert not re.search(r"https?:|@import", html)


def test_measures_that_nobody_took_are_listed(runs: list[Folder]) -> None:
    html = render(_entries(runs), LeaderboardConfig(measures=("accuracy", "chrf")))
    assert "<b>chrF</b>: needs a run that measures it." in html


def test_the_same_input_gives_the_same_page(runs: list[Folder]) -> None:
    assert render(_entries(runs), LeaderboardConfig()) == render(_entries(runs), LeaderboardConfig())


def test_nothing_to_compare_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nothing to compare"):
        leaderboard([External("some/model")], tmp_path / "board", LeaderboardConfig())


def test_seeds_are_one_entry_with_the_questions_of_all(tmp_path: Path) -> None:
    codes = ("swh_Latn", "yor_Latn")
    right = {
        "tuned-101": (10, 10),
        "tuned-102": (30, 20),
        "plain-100-101": (8, 10),
        "plain-100-102": (20, 20),
    }
    made = [
        evaluation(tmp_path / f"scores-{step}", step, dict(zip(codes, counts, strict=True)))
        for step, counts in right.items()
    ]
    ranked = Contest(View(_entries(made)), PART, LeaderboardConfig()).ranking()
    assert [each.step for each in ranked] == ["tuned", "plain-100"]
    assert [each.mean.value for each in ranked] == pytest.approx([70 / 160, 58 / 160])
    assert [each.mean.count for each in ranked] == [160, 160]
    assert ranked[1].versus is not None
    assert ranked[1].versus.difference == pytest.approx((58 - 70) / 160)


def test_a_model_that_several_evaluations_of_a_run_measured_is_one_entry(tmp_path: Path) -> None:
    first = evaluation(tmp_path / "run" / "a-scores", "chat", {"swh_Latn": 20})
    again = evaluation(tmp_path / "run" / "b-scores", "chat", {"swh_Latn": 20})
    other = evaluation(tmp_path / "run" / "c-scores", "base", {"swh_Latn": 10})
    ranked = Contest(View(_entries([first, again, other])), PART, LeaderboardConfig()).ranking()
    assert [(each.step, each.mean.count) for each in ranked] == [("chat", ITEMS), ("base", ITEMS)]


def test_a_models_cost_is_that_of_its_own_steps(tmp_path: Path) -> None:
    def step(name: str, *inputs: Folder, seconds: float) -> Folder:
        with draft(tmp_path / name, "train", 1, NoConfig(), list(inputs)) as work:
            work.note(made=name)
        text = (work.folder.path / "manifest.json").read_text(encoding="utf-8")
        facts = json.loads(text) | {"cpu_seconds": seconds}
        (work.folder.path / "manifest.json").write_text(json.dumps(facts), encoding="utf-8")
        return Folder.open(work.folder.path)

    base = step("base", seconds=40)
    chat = step("chat", base, seconds=10)
    pairs = step("pairs", chat, seconds=3)
    tuned = step("tuned", chat, pairs, seconds=5)
    with draft(tmp_path / "scores", "evaluate", 1, NoConfig(), [base, chat, tuned]) as work:
        for name in ("base", "chat", "tuned"):
            work.number("accuracy", 0.5, step=name, benchmark="quiz", language="swh_Latn", unit="share")
    assert costs(View(_entries([work.folder]))) == {"base": 0, "chat": 10, "tuned": 18}
    step("pairs", base, seconds=4)  # made again from something else: what it cost for `tuned` is not known
    assert costs(View(_entries([work.folder]))) == {"base": 0, "chat": 10}


def test_a_difference_that_may_be_chance_says_so(tmp_path: Path) -> None:
    """39 of 40 beside 40 of 40 may be chance; 10 of 40 is not."""
    counts = {"best": 40, "almost": 39, "far": 10}
    folders = [
        evaluation(tmp_path / name / "scores", name, {"swh_Latn": count}) for name, count in counts.items()
    ]
    html = render(_entries(folders), LeaderboardConfig())
    rows = re.findall(r'<th scope="row"[^>]*>\d\. (\w+)</th>(.*?)</tr>', html)
    assert [(name, "may be chance" in row) for name, row in rows] == [
        ("best", False),
        ("almost", True),
        ("far", False),
    ]


def test_the_way_of_asking_that_most_models_have_leads_with_the_intervals_it_has(tmp_path: Path) -> None:
    """A base model is asked in text, two chat models through their template; no answers are stored."""
    with draft(tmp_path / "scores", "evaluate", 1, NoConfig(), []) as work:
        for step, asked, value in (("base", "told", 0.9), ("a", "told:last", 0.4), ("b", "told:last", 0.5)):
            for code in ("", "swh_Latn", "tha_Thai"):
                bounds = {} if code else {"low": value - 0.1, "high": value + 0.1}
                work.number(
                    "choice_accuracy", value, step=step, benchmark=asked, language=code, count=20, unit="share",
                    **bounds,
                )  # fmt: skip
                work.number(
                    "bits_per_byte", 2.5, step=step, benchmark=asked, language=code, count=20, unit="bits"
                )
    html = render(_entries([work.folder]), LeaderboardConfig(measures=("choice_accuracy", "bits_per_byte")))
    glance = html.split("At a glance</h2>")[1].split("</section>")[0]
    text = re.sub(r"<[^>]+>|\s", " ", glance)
    assert text.index("50.0 %") < text.index("40.0 %"), "the best first"
    assert "40.0–60.0" in text
    assert "base" not in text
    assert "–  " not in text, "no column that says nothing of these models"
