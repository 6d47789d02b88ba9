"""A plan as a table for the terminal: who gets how much, how often, and what other strategies would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from panlect.mixture.compare import Comparison

BAR_WIDTH = 16


def bar(share: float, largest: float) -> str:
    """A bar of at most BAR_WIDTH characters, in eighths.

    >>> bar(0.5, 1.0)
    '████████'
    """
    eighths = round(share / largest * BAR_WIDTH * 8) if largest > 0 else 0
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def show(languages: Sequence[Mapping[str, Any]], strategies: Mapping[str, Comparison], *, unit: str) -> str:
    """Languages with the most repeated first, then the strategies on the same sizes and budget."""
    largest = max(row["share"] for row in languages)
    lines = [f"{'language':<12}{'size':>18}{'natural':>9}{'share':>9}{'amount':>18}{'epochs':>9}  {unit}"]
    for row in languages:
        lines.append(
            f"{row['language']:<12}{row['size']:>18,.0f}{row['natural_share']:>9.2%}{row['share']:>9.2%}"
            f"{row['amount']:>18,.0f}{row['epochs']:>9.2f}  {bar(row['share'], largest):<{BAR_WIDTH}}"
            f"  {row['warning']}".rstrip()
        )
    head = ("largest", "most epochs", "over 4", "tail half", "languages", "spent")
    lines += ["", f"{'strategy':<16}" + "".join(f"{name:>13}" for name in head)]
    for name, figures in strategies.items():
        lines.append(
            f"{name:<16}{figures.share_of_largest:>13.2%}{figures.epochs_most:>13.1f}{figures.over_four:>13}"
            f"{figures.tail_share:>13.2%}{figures.effective_languages:>13.1f}{figures.spent:>13.1%}"
        )
    return "\n".join(lines)
