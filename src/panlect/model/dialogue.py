"""Dialogues to text through a chat template, with the exact characters that the assistant wrote.

The loss of `instruct` falls on these characters only. A template that marks them with
``{% generation %}`` is believed. For any other, the dialogue up to an assistant turn (with the generation
prompt) must be a prefix of the dialogue including it; where it is not, the template rewrites history and no
span can be trusted, so the dialogue is refused.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from transformers.utils.chat_template_utils import render_jinja_template

from panlect.errors import DataError, ModelError

Message = Mapping[str, str]


class Rendered(NamedTuple):
    """A dialogue as one text, and the character spans that the assistant wrote (its end mark included)."""

    text: str
    spans: tuple[tuple[int, int], ...]


def render(tokenizer: Any, dialogues: Sequence[Sequence[Message]]) -> list[Rendered]:
    """Render whole dialogues with the spans of their assistant turns.

    Raises:
        ModelError: the tokenizer has no chat template.
        DataError: a dialogue has no assistant turn, or the template rewrites earlier turns.
    """
    template = _template(tokenizer)
    if re.search(r"\{%-?\s*generation\s*-?%\}", template):
        texts, spans = _render(tokenizer, dialogues, return_assistant_tokens_mask=True)
        rendered = [
            Rendered(text, tuple(map(tuple, spans_))) for text, spans_ in zip(texts, spans, strict=True)
        ]
    else:
        rendered = [_by_prefix(tokenizer, messages, row) for row, messages in enumerate(dialogues)]
    for row, one in enumerate(rendered):
        if not one.spans:
            raise DataError("the dialogue has no assistant turn", where=f"dialogue:row {row}")
    return rendered


def prompts(tokenizer: Any, dialogues: Sequence[Sequence[Message]]) -> list[str]:
    """Render dialogues that end with a user turn, followed by the mark that asks the assistant to speak."""
    return _render(tokenizer, dialogues, add_generation_prompt=True)[0]


def _template(tokenizer: Any) -> str:
    template = tokenizer.chat_template
    if isinstance(template, dict):
        template = template.get("default")
    if not template:
        raise ModelError(
            "the tokenizer has no chat template",
            where=str(tokenizer.name_or_path),
            expected="a file chat_template.jinja beside tokenizer.json",
            fix="make the tokenizer with `panlect tokenizer`, or copy the model's own template",
        )
    return str(template)


def _render(
    tokenizer: Any, dialogues: Sequence[Sequence[Message]], **options: Any
) -> tuple[list[str], list[Any]]:
    marks = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    pattern = re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)) or "(?!)")
    texts, spans = render_jinja_template(
        conversations=[
            [{**message, "content": _as_data(message["content"], pattern)} for message in messages]
            for messages in dialogues
        ],
        chat_template=_template(tokenizer),
        **options,
        **tokenizer.special_tokens_map,
    )
    return texts, spans


def _as_data(content: str, marks: re.Pattern[str]) -> str:
    """Break special tokens that somebody wrote into a message, so that no message can end its own turn."""
    return marks.sub(lambda mark: mark[0][0] + "\u200b" + mark[0][1:], content)


def _by_prefix(tokenizer: Any, messages: Sequence[Message], row: int) -> Rendered:
    whole = _render(tokenizer, [messages])[0][0]
    spans = []
    for turn, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        before = _render(tokenizer, [messages[:turn]], add_generation_prompt=True)[0][0]
        through = _render(tokenizer, [messages[: turn + 1]])[0][0]
        if not (whole.startswith(through) and through.startswith(before)):
            raise DataError(
                "the chat template writes an earlier turn differently once a later one follows",
                where=f"dialogue:row {row}, message {turn}",
                expected="each dialogue to be a prefix of its continuation",
                fix="use a template with {% generation %} marks",
            )
        spans.append((len(before), len(through)))
    return Rendered(whole, tuple(spans))
