"""XL-Sum (Hasan et al. 2021): one-sentence summaries of news articles in 44 languages.

JSON lines `id, url, title, summary, text`, named `<language>_{train,val,test}.jsonl`; also SEA-HELM's layout.
ROUGE segments each language its own way; the article's first sentence is scored beside the answer
(`lead_rouge_l`), because a summary has to beat it. A well-known template for this task inserts the word
"article" instead of the article; a test here looks for the article in the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from panlect.benchmarks import language_check
from panlect.benchmarks.benchmark import Answer, Ask, Benchmark, Reading, Row, Verdict
from panlect.benchmarks.files import Rows, files_by_language
from panlect.language import Language
from panlect.measure.rouge import lead, rouge, segmenter

ARTICLE_CHARACTERS = 6000
SUMMARY_TOKENS = 160


def _code(file: Path) -> str:
    stem = file.name.partition(".")[0]
    if "_xlsum" in stem:
        return stem.partition("_")[0]
    return stem.removesuffix("_test") if stem.endswith("_test") else ""


def read(path: Path, languages: Sequence[str]) -> Reading:
    """The test articles."""
    rows = Rows("xlsum")
    for language, file in files_by_language(path, languages, _code, (".jsonl",)):
        sea_helm = "_xlsum" in file.name
        needed = ("id", "label", "prompts") if sea_helm else ("id", "summary", "text")
        for _, record in rows.each(language, file, needed):
            text = record["prompts"][0]["text"] if sea_helm else record["text"]
            rows.add(
                str(record["id"]), language, answer=record["label" if sea_helm else "summary"], article=text
            )
    return rows.reading


def ask(row: Row) -> Ask:
    """The article, cut to a length most models can read, and a request in English naming the language."""
    article = row["article"][:ARTICLE_CHARACTERS]
    name = Language.parse(row["language"]).name
    context = f"{article}\n\nSummarise this article in one sentence in {name}."
    return Ask("generate", context, chat=True, maximum_tokens=SUMMARY_TOKENS, stop=("\n\n",))


def judge(row: Row, answer: Answer) -> Verdict:
    """ROUGE-L is the score."""
    segment = segmenter(row["language"])
    parsed = answer.text.strip()
    found = rouge(parsed, row["answer"], segment)
    first = rouge(lead(row["article"]), row["answer"], segment)
    scores = {"rouge1": found.rouge1, "rouge2": found.rouge2, "lead_rouge_l": first.rouge_l}
    scores |= language_check.scores(parsed, row["language"])
    return Verdict("scored" if parsed else "empty", found.rouge_l, parsed, scores)


XLSUM = Benchmark(
    name="xlsum",
    measure="rouge_l",
    ask=ask,
    judge=judge,
    source="csebuetnlp/xlsum",
    provenance="native",
    licence="CC-BY-NC-SA-4.0",
    chance=float("nan"),
    failures=("empty",),
    read=read,
    inputs=("article",),
)
