"""How measures are called, which way is better, and how their values are written."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

NOT_RANKED = frozenset({"chance", "choice_chance", "rankc_chance", "rankc", "empty", "undetermined"})


@dataclass(frozen=True)
class Measure:
    """One measure as the page shows it."""

    name: str
    title: str
    kind: str
    """share (0..1, shown in per cent), points (0..100), bits, ratio, times, count, bytes, seconds."""
    lower_is_better: bool = False

    @property
    def ranked(self) -> bool:
        """Whether models can be ranked by it: a guessing level or a part of the answers ranks nothing."""
        return self.kind != "count" and self.name not in NOT_RANKED


_KNOWN = {
    measure.name: measure
    for measure in (
        Measure("accuracy", "Correct", "share"),
        Measure("accuracy_length", "Correct, scores divided by length", "share"),
        Measure("exact_match", "Exact match", "share"),
        Measure("f1", "F1", "share"),
        Measure("chrf", "chrF", "points"),
        Measure("chrf++", "chrF++", "points"),
        Measure("spbleu", "spBLEU", "points"),
        Measure("bleu", "BLEU", "points"),
        Measure("comet", "COMET", "ratio"),
        Measure("rouge", "ROUGE-L", "points"),
        Measure("bits_per_byte", "Bits per byte", "bits", True),
        Measure("loss", "Loss", "bits", True),
        Measure("conductivity", "Conductivity", "share"),
        Measure("copied_source", "Copied the source", "share", True),
        Measure("correct_overlap", "Right in both languages, of those right in either", "share"),
        Measure("right_fact", "Right fact, in whatever language", "share"),
        Measure("choice_accuracy", "Right by likelihood", "share"),
        Measure("choice_chance", "Guessing level by likelihood", "share"),
        Measure("gap", "Best minus worst language", "share", True),
        Measure("worst_mean", "Mean of the worst languages", "share"),
        Measure("democratisation", "Mean over best language", "points"),
        Measure("transfer_gap", "Pivot language minus the mean of the others", "share", True),
        Measure("rescaled_accuracy", "Of the pivot's skill above guessing", "share"),
        Measure("forgotten", "Right before and wrong now", "share", True),
        Measure("learnt", "Wrong before and right now", "share"),
        Measure("brier", "Brier score", "ratio", True),
        Measure("calibration_error", "Calibration error", "share", True),
        Measure("consistency", "Consistency", "share"),
        Measure("rankc", "RankC", "ratio"),
        Measure("chance", "Guessing level", "share"),
        Measure("off_target", "Other language", "share", True),
        Measure("malformed", "Malformed", "share", True),
        Measure("undetermined", "Undetermined", "share", True),
        Measure("empty", "Empty", "share", True),
        Measure("fertility", "Fertility", "ratio", True),
        Measure("premium", "Token premium", "times", True),
        Measure("premium_by_sentence", "Mean premium of a sentence", "times", True),
        Measure("continued_words", "Words cut in pieces", "share", True),
        Measure("bytes_per_token", "Bytes per token", "ratio"),
        Measure("characters_per_token", "Characters per token", "ratio"),
        Measure("byte_fallback", "Tokens that are bytes", "share", True),
        Measure("unknown_tokens", "Unknown tokens", "share", True),
        Measure("round_trip_failures", "Sentences not given back", "share", True),
        Measure("round_trip_respelled", "Sentences given back in NFC", "share", True),
        Measure("character_coverage", "Characters with an entry", "share"),
        Measure("gini_of_pieces", "Gini of the entries", "ratio"),
        Measure("gini_of_cost", "Gini of the cost", "ratio", True),
        Measure("context_characters", "Characters in the context", "count"),
        Measure("price", "Price per million characters", "ratio", True),
        Measure("advised_pieces", "Entries advised", "count"),
        Measure("vocabulary_share", "Share of the vocabulary", "share"),
        Measure("share", "Share planned", "share"),
        Measure("natural_share", "Share of the text", "share"),
        Measure("epochs", "Epochs", "ratio"),
        Measure("tokens_planned", "Tokens planned", "count"),
        Measure("tokens_seen", "Tokens seen", "count"),
        Measure("training_bits_per_byte", "Bits per byte while training", "bits", True),
        Measure("margin", "Margin of the preferred answer", "bits"),
        Measure("preference_accuracy", "Preferred answer above the other", "share"),
        Measure("chosen_logprob", "Log-probability of preferred answers", "bits"),
        Measure("rejected_logprob", "Log-probability of the other answers", "bits"),
        Measure("token_loss", "Loss of the tokens", "ratio", True),
        Measure("contrast", "Loss of the contrast", "ratio", True),
        Measure("retrieval_accuracy", "Translations found in the batch", "share"),
        Measure("cross_entropy", "Cross-entropy to the teacher", "ratio", True),
        Measure("divergence", "Divergence from the teacher", "ratio", True),
        Measure("held_out_loss", "Loss on held-out text", "bits", True),
        Measure("tokens_per_second", "Tokens per second", "count"),
        Measure("characters_per_second", "Characters per second", "count"),
        Measure("mfu", "Use of the device", "share"),
        Measure("memory_bytes", "Memory", "bytes"),
        Measure("seconds", "Time", "seconds"),
        Measure("energy_watt_hours", "Energy, Wh", "ratio"),
        Measure("policy_loss", "Loss of the policy", "ratio", True),
        Measure("value_loss", "Loss of the value head", "ratio", True),
        Measure("entropy", "Entropy of the next token", "bits"),
        Measure("clipped_share", "Updates that were clipped", "share", True),
        Measure("reward_accuracy", "Chosen answer rewarded above the other", "share"),
        Measure("length_bias", "Chosen answer the longer one", "share"),
        Measure("reward_offset", "Taste for the language, in deviations", "ratio"),
        Measure("reward_language_share", "Of the differences, by language alone", "share", True),
        Measure("chosen_reward", "Reward of preferred answers", "ratio"),
        Measure("rejected_reward", "Reward of the other answers", "ratio"),
        Measure("bytes_seen", "Bytes seen", "count"),
        Measure("characters_seen", "Characters seen", "count"),
        Measure("bytes_planned", "Bytes planned", "count"),
        Measure("documents_planned", "Documents planned", "count"),
        Measure("rows", "Rows", "count"),
    )
}

OF_OTHERS = frozenset({"gap", "worst_mean", "transfer_gap"})
"""Measures that have the unit of the measure they are made of."""
OF_ANSWERS = frozenset(
    {"accuracy", "off_target", "malformed", "undetermined", "empty", "right_fact", "choice_accuracy"}
)
"""Shares of answers: each answer counts 0 or 1, so the share and the count give an interval."""

OF_TOKENIZERS = frozenset(
    {
        *("fertility", "premium", "premium_by_sentence", "continued_words", "bytes_per_token"),
        *("characters_per_token", "byte_fallback", "unknown_tokens", "round_trip_failures"),
        *("round_trip_respelled", "character_coverage", "gini_of_pieces", "gini_of_cost", "parity"),
        *("context_characters", "price", "advised_pieces", "vocabulary_share"),
    }
)
"""What the stage audit measures of a tokenizer, and other stages some of."""
OF_CURATION = frozenset(
    {
        *("rows_in", "rows_out", "rows_dropped", "bytes_in", "bytes_out", "bytes_dropped"),
        *("source_bytes", "domain_share", "repairs", "private_replaced", "lines_removed"),
        *("repeated_bytes", "incidental_pairs"),
    }
)
"""What the stage curate counts."""
_MAKING = (
    *("loss", "share", "natural_share", "epochs", "rows", "seconds"),
    *("margin", "preference_accuracy", "chosen_logprob", "rejected_logprob"),
    *("policy_loss", "value_loss", "entropy", "clipped_share", "chosen_reward", "rejected_reward"),
    *("contrast", "token_loss", "retrieval_accuracy", "cross_entropy", "divergence", "held_out_loss"),
    *("tokens_per_second", "characters_per_second", "mfu", "memory_bytes", "energy_watt_hours", "cost"),
    *sorted(OF_TOKENIZERS | OF_CURATION),
)
POINT = r"^(?P<unit>tokens|step|steps)[ =:](?P<x>\d+)$"
"""A `group` that places a value on the way of a training: ``step 100``."""


def made() -> pl.Expr:
    """Rows about the making of a model (budgets, losses, curves); all others measure a finished one."""
    name, group = pl.col("measure"), pl.col("group")
    counted = name.str.contains(r"_(?:seen|planned|read|in|dropped)$") | name.str.starts_with("training_")
    return name.is_in(_MAKING) | counted | group.str.contains(POINT) | group.str.starts_with("component ")


PERCENT = "\u00a0%"
"""The sign with a space that does not break a line."""
_COUNTED = frozenset({"tokens", "bytes", "rows", "documents", "characters", "examples", "pairs"})


def measure(name: str, unit: str = "") -> Measure:
    """Return how a measure is shown; an unknown one, and one made of another measure, by its unit."""
    kinds = {"share": "share", "percent": "points", "points": "points", "bits": "bits"}
    kind = (kinds | dict.fromkeys(_COUNTED, "count")).get(unit, "ratio")
    if known := _KNOWN.get(name):
        return replace(known, kind=kind) if name in OF_OTHERS and unit else known
    return Measure(name, name.replace("_", " ").capitalize(), kind)


def value(number: float | None, kind: str) -> str:
    """Write a value: shares in per cent with one decimal, counts with thin spaces; a dash for none."""
    if number is None or math.isnan(number):
        return "–"
    if kind == "share":
        return f"{100 * number:.1f}{PERCENT}"
    if kind == "points":
        return f"{number:.1f}"
    if kind == "count":
        return f"{number:,.0f}".replace(",", "\u202f")
    if kind in _WRITTEN:
        return _WRITTEN[kind](number)
    if kind == "times":
        return f"{number:.2f}\u00a0×"
    return f"{number:.3f}" if abs(number) < 100 else f"{number:.4g}"


def interval(low: float | None, high: float | None, kind: str) -> str:
    """Write the two ends of an interval, without the unit; empty when there is none."""
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return ""
    return f"{value(low, kind).removesuffix(PERCENT)}–{value(high, kind).removesuffix(PERCENT)}"


def note(low: float | None, high: float | None, count: int | None, kind: str) -> str:
    """The line below a value: its interval and the number of observations behind it."""
    parts = [interval(low, high, kind), f"n {count:,}".replace(",", "\u202f") if count else ""]
    return " · ".join(part for part in parts if part)


def byte_size(number: float) -> str:
    """Write bytes of text: 812 B, 3.4 kB, 1.2 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000 or unit == "GB":
            return f"{number:.0f}\u00a0B" if unit == "B" else f"{number:.3g}\u00a0{unit}"
        number /= 1000
    raise AssertionError("the last unit returns")


def counted(number: int, one: str, many: str = "") -> str:
    """Write a number with its noun: 1 language, 2 languages."""
    return f"{number:,} {one if number == 1 else many or one + 's'}".replace(",", "\u202f")


def listed(names: Sequence[str], most: int = 8) -> str:
    """Join names, and say how many more there are."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def seconds(number: float) -> str:
    """Write a duration: 3.2 s, 4 min 10 s, 2 h 5 min."""
    if number < 60:
        return f"{number:.1f} s"
    minutes, rest = divmod(round(number), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


_WRITTEN = {"bytes": byte_size, "seconds": seconds}
"""Kinds that choose their unit by their size."""
