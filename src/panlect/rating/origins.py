"""Native answers against machine-translated ones: pairs about translationese, without a model.

Where a question is answered by a person and by a translation system in the same language, the person's answer
is preferred. Translated text reads differently even where nothing is wrong with it (Gellerstam 1986).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from panlect.rating.samples import Row, Samples, distinct, pair
from panlect.text.keys import share_of

NATIVE, TRANSLATED = "human", "translated"


def by_origin(rows: Sequence[Row], *, per_language: int, seed: int) -> Iterator[Row]:
    """Pairs of dialogues about one `item` in the same languages, one `human` and one `translated`.

    The prompt is the native one. Dialogues without an item, or of any other origin, give nothing.

    Args:
        rows: dialogues with `item` and `origin`.
        per_language: so many native answers per pair of prompt and answer language, chosen by hash.
        seed: of the hash.
    """
    translations: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for row in rows:
        if row["origin"] == TRANSLATED:
            translations[_place(row)].append(row["messages"][-1]["content"])
    native = [row for row in rows if row["origin"] == NATIVE and row["item"] and _place(row) in translations]
    native.sort(key=lambda row: (share_of(f"{seed}:{row['item']}"), row["id"]))
    count: Counter[tuple[str, str]] = Counter()
    for row in native:
        languages = row["language"], row["answer_language"]
        if count[languages] == per_language:
            continue
        count[languages] += 1
        *prompt, right = row["messages"]
        facts = {name: row[name] or "" for name in ("id", "source", "licence")}
        texts = tuple(translations[_place(row)])
        samples = Samples(prompt, languages, texts, row["item"], right["content"], facts)
        made = (pair(samples, samples.gold, text, "translationese") for text in distinct(texts))
        yield from (each | {"origin": TRANSLATED} for each in made if each)


def _place(row: Row) -> tuple[str, str, str]:
    return row["item"], row["language"], row["answer_language"]
