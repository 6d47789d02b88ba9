"""A planted run: known numbers in 100 languages, as finished folders."""

import random
from pathlib import Path

import polars as pl
import pytest

from panlect import tables
from panlect.config import Config
from panlect.draft import draft
from panlect.folder import Folder
from panlect.gates import Gate, Verdict, judge
from panlect.language import group
from panlect.report.page import render
from panlect.report.record import Record, read
from panlect.report.settings import ReportConfig

STEPS = ("base", "chat", "aligned")
LEVEL = {"base": 0.22, "chat": 0.78, "aligned": 0.8}
TEXTS = {
    "arb_Arab": ("ما عملة السنغال؟", "فرنك غرب أفريقي"),
    "heb_Hebr": ("מה המטבע של סנגל?", "פרנק CFA"),
    "urd_Arab": ("سینیگال کی کرنسی کیا ہے؟", "مغربی افریقی فرانک"),
    "hin_Deva": ("सेनेगल की मुद्रा क्या है?", "पश्चिमी अफ़्रीकी फ़्रैंक"),
    "tha_Thai": ("เซเนกัลใช้สกุลเงินอะไร", "ฟรังก์เซฟาธนาคารกลางรัฐแอฟริกาตะวันตก"),
    "khm_Khmr": ("តើរូបិយប័ណ្ណរបស់សេណេហ្គាល់គឺជាអ្វី?", "ហ្វ្រង់សេហ្វាអាហ្វ្រិកខាងលិច"),
    "cmn_Hans": ("塞内加尔的货币是什么？", "西非法郎"),
    "zho_Hans": ("塞内加尔的货币是什么？", "西非法郎"),
    "amh_Ethi": ("የሴኔጋል ገንዘብ ምንድን ነው?", "የምዕራብ አፍሪካ ሴኤፍአ ፍራንክ"),
    "kat_Geor": ("რა არის სენეგალის ვალუტა?", "დასავლეთ აფრიკული ფრანკი"),
    "eng_Latn": ("What is the currency of Senegal?", "West African CFA franc"),
}


class PlantedConfig(Config):
    """Settings of a stage that does nothing."""

    seed: int = 0
    """A number."""


SMALL = ["arb_Arab", "eng_Latn", "hin_Deva", "swh_Latn", "tha_Thai", "yor_Latn"]


def languages() -> list[str]:
    return [language.code for language in group("cldr-100")]


def row(measure: str, value: float, **columns: object) -> dict[str, object]:
    empty: dict[str, object] = dict.fromkeys(
        ("step", "benchmark", "language", "other_language", "group", "unit"), ""
    )
    return {**empty, "measure": measure, "value": value, "low": None, "high": None, "count": None, **columns}


def frame(rows: list[dict[str, object]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict(tables.SCHEMAS["numbers"]))


def score_rows(
    steps: tuple[str, ...], codes: list[str], level: dict[str, float], seed: int = 0
) -> list[dict[str, object]]:
    """Accuracy, off-target and malformed on two groups, with intervals; the whole is the mean."""
    rows, draw = [], random.Random(seed)
    for step in steps:
        for group_name, extra in (("held_out", 0.0), ("seen", 0.12)):
            values = []
            for place, code in enumerate(codes):
                value = min(
                    1.0,
                    max(0.0, level[step] + extra + 0.35 * (place / len(codes) - 0.5) + draw.gauss(0, 0.03)),
                )
                values.append(value)
                same = {
                    "step": step,
                    "benchmark": "world",
                    "language": code,
                    "group": group_name,
                    "unit": "share",
                    "count": 48,
                }
                rows.append(
                    row(
                        "accuracy",
                        value,
                        **{**same, "low": max(0.0, value - 0.09), "high": min(1.0, value + 0.08)},
                    )
                )
                off = (1 - value) * (0.6 if step == "chat" else 0.1)
                rows.append(row("off_target", off, **same))
                rows.append(row("malformed", (1 - value) * 0.1, **same))
            mean = sum(values) / len(values)
            same = {
                "step": step,
                "benchmark": "world",
                "group": group_name,
                "unit": "share",
                "count": 48 * len(codes),
            }
            rows.append(row("accuracy", mean, **{**same, "low": mean - 0.02, "high": mean + 0.02}))
            rows.append(row("chance", 0.163, **same))
        ends = {"low": level[step] - 0.03, "high": level[step] + 0.03, "unit": "share"}
        same = {"step": step, "benchmark": "world", "group": "held_out", "other_language": "eng_Latn"}
        rows.append(row("conductivity", level[step], **same, **ends))
        rows += [row("conductivity", level[step], language=code, **same, **ends) for code in codes]
        same = {"step": step, "benchmark": "world"}
        rows.append(row("accuracy", 0.5, **same, group="held_out, script=Arab", low=0.4, high=0.6))
        rows.append(row("democratisation", 84.25, **same, group="held_out", unit="percent"))
    return rows


def rankc_rows(steps: tuple[str, ...], codes: list[str]) -> list[dict[str, object]]:
    rows, draw = [], random.Random(2)
    for strength, step in enumerate(steps):
        for place, first in enumerate(codes):
            for second in codes[place + 1 :]:
                alike = 0.12 if first[4:] == second[4:] else 0.0
                value = min(0.99, 0.33 + 0.22 * strength + alike + draw.gauss(0, 0.05))
                rows.append(
                    row(
                        "rankc",
                        value,
                        step=step,
                        benchmark="world",
                        language=first,
                        other_language=second,
                        group="held_out",
                    )
                )
        rows.append(row("chance", 0.3768, step=step, benchmark="world", group="held_out", unit="rankc"))
    return rows


def training_rows(codes: list[str]) -> list[dict[str, object]]:
    rows = []
    for place, code in enumerate(codes):
        tokens = 4000 + 170 * place
        rows.append(row("tokens_planned", tokens, step="base", language=code, unit="tokens"))
        rows.append(row("tokens_seen", tokens - 3, step="base", language=code, unit="tokens"))
        for point in range(1, 13):
            rows.append(
                row(
                    "loss",
                    6 / point**0.5 + place / 200,
                    step="base",
                    language=code,
                    group=f"step {point * 100}",
                    unit="nats",
                )
            )
    return rows


def answer_rows(steps: tuple[str, ...], codes: list[str]) -> pl.DataFrame:
    rows = []
    for step in steps:
        for place, code in enumerate(codes):
            prompt, gold = TEXTS.get(code, (f"Senegal ¤ ({code})?", "franc CFA"))
            for number in range(2):
                verdict = ("wrong", "off_target")[place % 2] if step == "base" else "correct"
                answer = (
                    "<script>alert('x')</script>"
                    if (step, code) == ("base", "eng_Latn")
                    else gold
                    if verdict == "correct"
                    else "franc CFA"
                )
                rows.append(
                    {
                        "step": step, "benchmark": "world", "id": f"{code}-{number}", "item": str(number), "language": code,
                        "group": "held_out", "prompt": prompt, "answer": answer, "verdict": verdict, "gold": gold,
                        "answer_language": code, "purpose": "answer",
                    }
                )  # fmt: skip
    return pl.DataFrame(rows)


def plant(directory: Path, codes: list[str]) -> list[Folder]:
    """Four finished folders: world, mixture, base and scores."""
    count = len(codes)
    folders: list[Folder] = []
    with draft(directory / "world", "world", 1, PlantedConfig(), []) as work:
        documents = [
            {"id": str(i), "text": "x", "language": code, "source": "s", "licence": "Unicode-3.0"}
            for i, code in enumerate(codes)
        ]
        work.write("document", pl.DataFrame(documents))
        work.drop(
            "document",
            pl.DataFrame(
                [{**documents[0], "reason": "too short"}, {**documents[1], "reason": "repeated line"}]
            ),
        )
        work.note(licences={"Unicode-3.0": len(codes)})
    folders.append(work.folder)
    with draft(directory / "mixture", "mix", 1, PlantedConfig(), folders[:1]) as work:
        for place, code in enumerate(codes):
            work.number("share", (place + 1) / sum(range(1, count + 1)), language=code, unit="share")
            work.number("epochs", 1.5, language=code, unit="epochs")
    folders.append(work.folder)
    with draft(directory / "base", "pretrain", 2, PlantedConfig(seed=7), folders[1:2]) as work:
        work.numbers(frame(training_rows(codes)))
    folders.append(work.folder)
    with draft(directory / "scores", "evaluate", 1, PlantedConfig(), [folders[0], folders[2]]) as work:
        work.numbers(frame([*score_rows(STEPS, codes, LEVEL), *rankc_rows(STEPS, codes)]))
        work.write("answer", answer_rows(STEPS, codes))
    folders.append(work.folder)
    return folders


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    return plant(tmp_path_factory.mktemp("run"), languages())


@pytest.fixture(scope="session")
def record(folders: list[Folder]) -> Record:
    return read(folders)


@pytest.fixture(scope="session")
def verdicts(record: Record) -> tuple[Verdict, ...]:
    gates = (
        Gate(measure="accuracy", group="held_out", step="aligned", at_least=0.75),
        Gate(measure="malformed", group="held_out", step="aligned", language="*", at_most=0.001),
    )
    return tuple(judge(gate, record.numbers) for gate in gates)


@pytest.fixture(scope="session")
def html(record: Record, verdicts: tuple[Verdict, ...]) -> str:
    """The page about the planted run of 100 languages."""
    return render(record, ReportConfig(title="planted", description="A planted run.", verdicts=verdicts))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """The same run in 6 languages, with a sample in Arabic and one in Hindi."""
    return read(plant(tmp_path_factory.mktemp("small"), codes=SMALL))
