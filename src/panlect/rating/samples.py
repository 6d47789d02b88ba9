"""Samples of a model to one prompt, and the pairs that are made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from panlect.dialogue.rows import Messages
from panlect.measure.choosing import length_bias
from panlect.text.keys import content_id, exact_form
from panlect.world.render import final_answer

Row = dict[str, Any]


class Samples(NamedTuple):
    """What a model answered to one prompt.

    Attributes:
        prompt: the turns before the answer.
        languages: of prompt and answer.
        texts: as they were drawn; equal ones count as often as they were drawn.
        item: the same question's name across languages; "" if it has none.
        gold: the right answer; "" if it is not known.
        facts: id, source and licence of the row that the prompt is from.
    """

    prompt: Messages
    languages: tuple[str, str]
    texts: tuple[str, ...]
    item: str
    gold: str
    facts: Mapping[str, str]


_NUMBER = re.compile(r"[-+−]?\d[\d,٬\u00a0\u202f']*(?:[.٫]\d+)?")


def last_number(text: str) -> Decimal | None:
    """The last number of a text, in digits of any script, with or without separators of thousands."""
    found = _NUMBER.findall(text)
    if not found:
        return None
    plain = "".join(
        "." if c == "٫" else "-" if c == "−" else c for c in found[-1] if c not in ",٬\u00a0\u202f'"
    )
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def is_number(text: str) -> bool:
    """Whether a text is a number and nothing else."""
    return exact_form(text).lstrip("-+−").replace(",", "").replace(".", "").isdecimal()


def is_right(text: str, gold: str) -> bool:
    """Whether an answer is the right one.

    If the right one is a number, the answer's last number must be within 0.001 of it (MAPO's rule); or else
    its final answer must be the same, letter by letter but for case and spaces.
    """
    number = last_number(gold)
    if number is not None and is_number(gold):
        mine = last_number(text)
        return mine is not None and abs(mine - number) <= Decimal("0.001")
    return bool(gold) and exact_form(final_answer(text)) == exact_form(final_answer(gold))


def pair(samples: Samples, chosen: str, rejected: str, reason: str, **more: str) -> Row | None:
    """A preference row, or None where both answers read the same."""
    if exact_form(chosen) == exact_form(rejected) or not chosen.strip() or not rejected.strip():
        return None
    asked = [turn["content"] for turn in samples.prompt]
    return {
        "id": content_id(reason, *samples.languages, *asked, chosen, rejected),
        "prompt": list(samples.prompt),
        "chosen": [{"role": "assistant", "content": chosen}],
        "rejected": [{"role": "assistant", "content": rejected}],
        "prompt_language": samples.languages[0],
        "answer_language": samples.languages[1],
        "reason": reason,
        "source": samples.facts["source"],
        "licence": samples.facts["licence"],
        "origin": "model",
        "parent": samples.facts["id"],
        "item": samples.item,
        **more,
    }


def distinct(texts: Sequence[str]) -> list[str]:
    """The different texts, in the order in which they first occur."""
    return list(dict.fromkeys(texts))


def longer_chosen(pairs: Sequence[Row]) -> float:
    """Share of preference rows whose chosen answer is the longer one, in code points."""
    sides = ([len(row[side][-1]["content"]) for row in pairs] for side in ("chosen", "rejected"))
    return length_bias(*sides)
