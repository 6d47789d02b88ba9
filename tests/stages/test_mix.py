from pathlib import Path

import polars as pl
import pytest

from panlect.config import Config, check
from panlect.draft import draft
from panlect.errors import ConfigError, FolderError
from panlect.folder import Folder, resolve
from panlect.model.corpus import is_mixture, open_mixture
from panlect.stages.mix import MixConfig, by_language, mix, plan


class Nothing(Config):
    """No settings."""


def documents(sizes: dict[str, int], length: int = 10) -> pl.DataFrame:
    rows = [
        (f"{language}-{n}", f"{language} {n}".ljust(length, "."), language)
        for language, count in sizes.items()
        for n in range(count)
    ]
    frame = pl.DataFrame(rows, schema=["id", "text", "language"], orient="row")
    return frame.with_columns(source=pl.lit("test"), licence=pl.lit("CC0-1.0"))


def pairs(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"pair-{n}" for n in range(count)],
            "source_text": [f"one {n}" for n in range(count)],
            "target_text": [f"moja {n}" for n in range(count)],
            "source_language": ["eng_Latn"] * count,
            "target_language": ["swh_Latn"] * count,
            "source": ["test"] * count,
            "licence": ["CC0-1.0"] * count,
        }
    )


def folder(path: Path, **frames: pl.DataFrame) -> Folder:
    with draft(path, "text", 1, Nothing(), []) as work:
        for kind, frame in frames.items():
            work.write(kind, frame)
    return work.folder


def config(**values: object) -> MixConfig:
    return check(MixConfig, values, where="test")


SIZES = {"eng_Latn": 1000, "zho_Hans": 500, "swh_Latn": 20, "yor_Latn": 5}


def test_unimax_by_rows_is_the_case_worked_by_hand(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    made = mix([text], tmp_path / "mixture", config(method="unimax", budget_documents=800, max_epochs=4))
    planned = made.numbers().filter(pl.col("measure") == "documents_planned")
    assert dict(planned.select("language", "value").iter_rows()) == {
        "yor_Latn": 20,
        "swh_Latn": 80,
        "zho_Hans": 350,
        "eng_Latn": 350,
    }
    table = by_language(pl.read_parquet(made.path / "plan.parquet"))
    assert table["epochs"].max() == pytest.approx(4)
    assert set(table["warning"]) == {""}


def test_the_draws_of_a_mixture_are_its_plan(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES), pair=pairs(30))
    settings = {"method": "temperature", "parallel_share": 0.2, "max_epochs": None}
    mix([text], tmp_path / "mixture", config(alpha=0.5, epochs=0.5, **settings))
    made = resolve(tmp_path / "mixture")
    assert is_mixture(made)
    mixture = open_mixture(made)
    seen = [mixture.text(draw) for draw in mixture.schedule]
    counts = pl.DataFrame([text.language for text in seen], schema=["language"]).group_by("language").len()
    planned = made.numbers().filter(pl.col("measure") == "documents_planned").select("language", "value")
    joined = planned.join(counts, on="language", how="full")
    assert (joined["value"] == joined["len"]).all()
    share = made.numbers().filter(pl.col("measure") == "bytes_planned")["value"].sum()
    in_pairs = sum(len(text.text.encode()) - 1 for text in seen if "moja" in text.text)
    assert in_pairs / share == pytest.approx(0.2, abs=0.01)


def test_pairs_are_written_in_both_orders(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", pair=pairs(30))
    made = mix([text], tmp_path / "mixture", config(pair_template="{source_language}: {source} | {target}"))
    mixture = open_mixture(made)
    texts = [mixture.text(draw).text for draw in mixture.schedule]
    assert len(texts) == 30
    forward = [text for text in texts if text.startswith("eng_Latn: one")]
    backward = [text for text in texts if text.startswith("swh_Latn: moja")]
    assert len(forward) == len(backward) == 15


def test_pairs_alone_are_taken_from_inputs_that_hold_other_text_too(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES), pair=pairs(8))
    mixture = open_mixture(mix([text], tmp_path / "mixture", config(parallel_share=1)))
    assert {component.kind for component in mixture.components} == {"pair"}
    assert all("moja" in mixture.text(draw).text for draw in mixture.schedule)


def test_a_pair_may_name_its_languages_in_words(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", pair=pairs(2))
    template = "{source_name}: {source}\n{target_name}: {target}"
    mixture = open_mixture(mix([text], tmp_path / "mixture", config(pair_template=template)))
    found = {
        mixture.text(draw).text.translate({ord(digit): None for digit in "0123456789 "})
        for draw in mixture.schedule
    }
    assert found == {"English:one\nSwahili:moja", "Swahili:moja\nEnglish:one"}


def test_the_draw_and_the_list_of_a_components_texts_agree(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    mixture = open_mixture(mix([text], tmp_path / "mixture", config(epochs=1)))
    texts = [list(mixture.texts(number)) for number in range(len(mixture.components))]
    for draw in mixture.schedule:
        assert mixture.text(draw).text == texts[draw.component][draw.row]


def test_a_run_can_be_moved_as_a_whole(tmp_path: Path) -> None:
    text = folder(tmp_path / "run" / "text", document=documents(SIZES))
    mix([text], tmp_path / "run" / "mixture", config())
    (tmp_path / "run").rename(tmp_path / "moved")
    mixture = open_mixture(Folder.open(tmp_path / "moved" / "mixture"))
    assert mixture.text(mixture.schedule[0]).text


def test_a_changed_source_is_noticed(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    made = mix([text], tmp_path / "mixture", config())
    with draft(tmp_path / "text", "text", 2, Nothing(), []) as work:
        work.write("document", documents({"eng_Latn": 3}))
    with pytest.raises(FolderError, match="has changed"):
        open_mixture(made)


def test_replay_gets_its_share(tmp_path: Path) -> None:
    new = folder(tmp_path / "new", document=documents({"swh_Latn": 100, "yor_Latn": 300}))
    old = folder(tmp_path / "old", document=documents({"eng_Latn": 1000}))
    settings = config(budget_documents=400, replay={"old": 0.25}, method="proportional")
    made = mix([new, old], tmp_path / "mixture", settings)
    planned = made.numbers().filter(pl.col("measure") == "documents_planned")
    assert dict(planned.select("language", "value").iter_rows()) == {
        "eng_Latn": 100,
        "swh_Latn": 75,
        "yor_Latn": 225,
    }


def test_fixed_shares_caps_and_floors(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents({"eng_Latn": 600, "swh_Latn": 300, "yor_Latn": 100}))
    fixed = config(
        method="fixed", shares={"eng_Latn": 0.5, "swh_Latn": 0.25, "yor_Latn": 0.25}, max_epochs=None
    )
    half = mix([text], tmp_path / "fixed", fixed).numbers().filter(pl.col("measure") == "share")
    assert dict(half.select("language", "value").iter_rows()) == pytest.approx(
        {"eng_Latn": 0.5, "swh_Latn": 0.25, "yor_Latn": 0.25}
    )
    bounds = config(method="proportional", caps={"eng_Latn": 0.4}, floors={"yor_Latn": 0.3}, max_epochs=None)
    bound = mix([text], tmp_path / "bounds", bounds).numbers().filter(pl.col("measure") == "share")
    assert dict(bound.select("language", "value").iter_rows()) == pytest.approx(
        {"eng_Latn": 0.4, "swh_Latn": 0.3, "yor_Latn": 0.3}
    )


def test_sizes_in_tokens_use_what_an_audit_measured(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents({"eng_Latn": 100, "khm_Khmr": 100}))
    with draft(tmp_path / "audit", "audit", 1, Nothing(), []) as work:
        work.number("bytes_per_token", 4.0, language="eng_Latn")
        work.number("bytes_per_token", 1.0, language="khm_Khmr")
    made = mix([text, work.folder], tmp_path / "mixture", config(method="proportional", unit="tokens"))
    share = made.numbers().filter(pl.col("measure") == "share")
    assert dict(share.select("language", "value").iter_rows()) == pytest.approx(
        {"eng_Latn": 0.2, "khm_Khmr": 0.8}
    )


def test_a_parquet_file_without_a_manifest_is_read_once(tmp_path: Path) -> None:
    documents(SIZES).write_parquet(tmp_path / "text.parquet")
    made = mix([resolve(tmp_path / "text.parquet")], tmp_path / "mixture", config())
    assert "no manifest" in (made.path / "log.txt").read_text()
    mixture = open_mixture(made)
    assert len(mixture.schedule) == pytest.approx(sum(SIZES.values()), rel=0.01)


def test_many_epochs_are_warned_about(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    made = mix([text], tmp_path / "mixture", config(method="uniform", max_epochs=None))
    assert "2 of 4 languages are read more than 4 times" in (made.path / "log.txt").read_text()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 5}, "are missing"),
        ({"budget_tokens": 10, "budget_bytes": 10}, "more than one unit"),
        ({"shares": {"deu_Latn": 0.1}}, "deu_Latn is not in the input"),
        ({"method": "fixed", "shares": {"eng_Latn": 1.0}}, "3 languages have no share"),
        ({"replay": {"code": 0.1}}, "replay names 'code'"),
        ({"parallel_share": 0.5}, "no pairs"),
        ({"languages": ["deu_Latn"]}, "no text of deu_Latn"),
        ({"pair_template": "{source}"}, "must name"),
        ({"pair_template": "{source} {target} {tag}"}, "cannot fill in"),
        ({"shares": {"yor_Latn": 0.9}}, "cannot fill its share"),
    ],
)
def test_wrong_settings_are_clear_errors(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    with pytest.raises(ConfigError, match=message):
        mix([text], tmp_path / "mixture", config(**settings))
    assert not (tmp_path / "mixture").exists()


def test_an_input_without_text_is_an_error(tmp_path: Path) -> None:
    with draft(tmp_path / "empty", "text", 1, Nothing(), []) as work:
        pass
    with pytest.raises(FolderError, match="documents or pairs"):
        mix([work.folder], tmp_path / "mixture", config())


def test_the_plan_is_shown_without_writing_anything(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    shown = plan([text], config(method="uniform", budget_documents=800, max_epochs=None))
    assert "yor_Latn" in shown.splitlines()[1], "the most repeated first"
    assert "more than 4 epochs" in shown.splitlines()[1]
    assert "40.00" in shown.splitlines()[1]
    assert "unimax 4" in shown
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_curriculum_gives_phases_whose_draws_follow_it(tmp_path: Path) -> None:
    clean = folder(tmp_path / "clean", document=documents({"eng_Latn": 60, "swh_Latn": 40}))
    web = folder(tmp_path / "web", document=documents({"eng_Latn": 900, "swh_Latn": 100}))
    lines = [
        "clean 0.8, web 0.2 until 2 epochs of clean",
        "move to web 1 for 160 documents",
        "web 1 until the end",
    ]
    settings = config(budget_documents=1000, curriculum=lines, method="proportional")
    mixture = open_mixture(mix([clean, web], tmp_path / "mixture", settings))
    assert len(mixture.schedule) == 1000
    sources = [mixture.components[draw.component].source for draw in mixture.schedule]
    assert sources[:250].count("clean") == pytest.approx(200, abs=1)
    assert sources[250:410].count("clean") == pytest.approx(64, abs=2), (
        "0.4 on average on the way from 0.8 to 0"
    )
    assert sources[250:330].count("clean") > 2 * sources[330:410].count("clean")
    assert sources[412:].count("clean") == 0


def test_a_balanced_corpus_can_be_made_as_unequal_as_the_web(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents({"rus_Cyrl": 300, "swh_Latn": 300, "yor_Latn": 300}))
    made = mix([text], tmp_path / "mixture", config(imitate_web=0.3, method="proportional"))
    mixture = open_mixture(made)
    rows = {component.language: component.rows for component in mixture.components}
    assert rows["rus_Cyrl"] == 300 > rows["swh_Latn"] > rows["yor_Latn"] >= 20
    seen = {mixture.text(draw).text for draw in mixture.schedule}
    assert seen == {text for number in range(3) for text in mixture.texts(number)}
    assert len(seen) == sum(rows.values())


def test_codes_of_any_scheme_are_read(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    made = mix(
        [text], tmp_path / "mixture", config(languages=["sw", "yo"], shares={"sw": 0.5}, max_epochs=None)
    )
    share = made.numbers().filter(pl.col("measure") == "share")
    assert dict(share.select("language", "value").iter_rows()) == pytest.approx(
        {"swh_Latn": 0.5, "yor_Latn": 0.5}
    )


def test_languages_may_be_a_group_and_names_must_be_there(tmp_path: Path) -> None:
    text = folder(tmp_path / "text", document=documents(SIZES))
    made = mix([text], tmp_path / "mixture", config(languages="cldr-100", budget_documents=100))
    assert set(made.numbers()["language"]) == {"eng_Latn", "swh_Latn", "yor_Latn"}
    with pytest.raises(ConfigError, match="no text of fra_Latn"):
        mix([text], tmp_path / "named", config(languages="fr"))
    with pytest.raises(FolderError, match="in the languages script:Thai"):
        mix([text], tmp_path / "thai", config(languages="script:Thai"))


@pytest.mark.parametrize(
    "setting", [{"max_epochs": 0}, {"parallel_share": -1}, {"budget_tokens": 0}, {"unit": ""}]
)
def test_nothing_is_said_by_a_number_that_is_none(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        config(**setting)
