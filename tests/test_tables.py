"""Schemas are checked at the boundary, other columns pass, and sizes are counted per language."""

import polars as pl
import pytest

from panlect import tables
from panlect.errors import DataError

# One sentence in each of several scripts; bytes counted by hand from UTF-8 (3 per Thai letter, ...).
SENTENCES = {"tha_Thai": ("ไทย", 9), "chr_Cher": ("ᏣᎳᎩ", 9), "nqo_Nkoo": ("ߒߞߏ", 6), "eng_Latn": ("añ👍", 7)}


def documents() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "extra": [1, 2, 3, 4],
            "id": list("abcd"),
            "text": [text for text, _ in SENTENCES.values()],
            "language": list(SENTENCES),
            "source": None,
            "licence": ["CC0-1.0"] * 4,
        }
    )


def messages(*contents: str) -> list[dict[str, str]]:
    return [{"content": content, "role": "user"} for content in contents]


def test_columns_are_ordered_typed_and_extra_ones_pass() -> None:
    checked = tables.check("document", documents(), where="x")
    assert checked.columns == ["id", "text", "language", "source", "licence", "extra"]
    assert checked.schema["source"] == pl.String


def test_the_order_of_a_messages_keys_does_not_matter() -> None:
    columns = {"id": "1", "language": "eng_Latn", "answer_language": "eng_Latn", "origin": "human"}
    frame = pl.DataFrame({"messages": [messages("a", "b")]}).with_columns(
        *(pl.lit(value).alias(name) for name, value in columns.items()), source=pl.lit(""), licence=pl.lit("")
    )
    checked = tables.check("dialogue", frame, where="x")
    assert checked.schema["messages"] == tables.MESSAGES
    assert checked["messages"][0].to_list() == [
        {"role": "user", "content": "a"},
        {"role": "user", "content": "b"},
    ]


def test_missing_and_wrong_columns_are_all_named() -> None:
    with pytest.raises(DataError, match="lacks the columns language, licence"):
        tables.check("document", documents().drop("language", "licence"), where="x")
    with pytest.raises(DataError, match="text is Int64"):
        tables.check("document", documents().with_columns(text=pl.lit(1, pl.Int64)), where="x")


def test_a_row_without_a_language_is_refused_with_its_number() -> None:
    frame = documents().with_columns(language=pl.Series(["eng_Latn", None, None, "tha_Thai"]))
    with pytest.raises(DataError, match="2 rows without a language") as caught:
        tables.check("document", frame, where="file")
    assert caught.value.where == "file:row 1"


def test_sizes_are_utf8_bytes_per_language() -> None:
    found = tables.sizes("document", documents())
    assert dict(zip(found["language"], found["bytes"], strict=True)) == {
        code: size for code, (_, size) in SENTENCES.items()
    }
    assert found["rows"].to_list() == [1, 1, 1, 1]


def test_sizes_of_pairs_count_both_sides_under_the_target() -> None:
    row = {"id": "1", "source_text": "ab", "target_text": "ไท", "source": "", "licence": ""}
    frame = pl.DataFrame([row | {"source_language": "eng_Latn", "target_language": "tha_Thai"}])
    assert tables.sizes("pair", frame).rows() == [("tha_Thai", 1, 8)]


def test_sizes_of_conversations_count_contents() -> None:
    row = {
        "id": "1",
        "prompt": messages("ab"),
        "chosen": messages("ไ"),
        "rejected": [],
        "prompt_language": "eng_Latn",
    }
    frame = pl.DataFrame([row], schema_overrides={"rejected": tables.MESSAGES})
    assert tables.sizes("preference", frame).rows() == [("eng_Latn", 1, 5)]


@pytest.mark.parametrize("kind", list(tables.SCHEMAS))
def test_empty_tables_pass_their_own_check(kind: str) -> None:
    assert tables.check(kind, tables.empty(kind), where="x").is_empty()
