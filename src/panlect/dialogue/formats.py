"""The formats that instruction data is published in, each as a function from a record to an `Exchange`.

====================  =============================================================================
alpaca                instruction, input, output (text, or a list from best to worst), history;
                      Alpaca, Bactrian-X, x-LLM, LIMA
dolly                 instruction, context, response, category
sharegpt              conversations: [{from, value}]; ShareGPT, Vicuna; with chosen and rejected too
messages              messages: [{role, content}]; TRL, OpenAI
preference            prompt, chosen, rejected; TRL
xllms_100             instruction, input, prefered_output (so spelt upstream), rejected_output
aya                   inputs, targets, language_code, annotation_type
p3                    inputs, targets; P3, xP3 and its kin, the language is in the folder's name
ranked                instruction (or prompt), input, responses from best to worst, or with ranks
oasst_tree            OpenAssistant, one conversation tree per line
oasst_messages        OpenAssistant, one message per line; both in `trees`
plain                 prompt (question, query) and response (answer, completion)
====================  =============================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from panlect.dialogue.rows import Origin

Values = Mapping[str, Any]
Turn = tuple[str, str]


class UnfitError(Exception):
    """A record that holds no dialogue; the message is the reason."""


class Exchange(NamedTuple):
    """A conversation up to a question, and one or more answers to it.

    Attributes:
        turns: (role, content), the last of them the user's.
        answers: best first.
        ranks: of the answers; equal ranks are ties. Empty where there is one answer.
        label: what the record says its language is, in any scheme; "" if nothing.
        answer_label: the same for the answer, where that is another.
        origin: who wrote the answer, as far as the format implies it.
        task: what the record says it is about.
        name: the record's own id.
    """

    turns: tuple[Turn, ...]
    answers: tuple[str, ...]
    ranks: tuple[int, ...] = ()
    label: str = ""
    answer_label: str = ""
    origin: Origin = "unknown"
    task: str = ""
    name: str = ""


ROLES = MappingProxyType(
    {
        "human": "user", "user": "user", "prompter": "user",
        "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "bot": "assistant",
        "model": "assistant", "system": "system",
    }
)  # fmt: skip


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _first(values: Values, *names: str) -> str:
    return next((text for name in names if (text := _text(values.get(name)))), "")


def _together(instruction: str, context: str) -> str:
    return f"{instruction}\n\n{context}" if context else instruction


def _about(values: Values) -> dict[str, Any]:
    """What any record may say about itself."""
    name = values.get("id", values.get("question_id", ""))
    return {
        "label": _first(values, "language_code", "lang", "language", "locale", "prompt_language"),
        "answer_label": _first(values, "answer_language", "output_language", "response_language"),
        "task": _first(values, "task", "category", "task_type"),
        "name": str(name) if isinstance(name, str | int) else "",
    }


def alpaca(values: Values) -> Exchange:
    """Stanford Alpaca's schema, with the history that LLaMA-Factory adds: [[question, answer], ...]."""
    history = [
        turn
        for question, answer in values.get("history") or []
        for turn in (("user", _text(question)), ("assistant", _text(answer)))
    ]
    question = _together(_text(values.get("instruction")), _text(values.get("input")))
    output = values.get("output")
    answers = [_text(each) for each in output] if isinstance(output, list) else [_text(output)]
    turns = (*history, ("user", question))
    ranks = tuple(range(len(answers))) if len(answers) > 1 else ()
    return Exchange(turns, tuple(answers), ranks, origin="generated", **_about(values))


def dolly(values: Values) -> Exchange:
    """Databricks Dolly 15k: written by people."""
    question = _together(_text(values["instruction"]), _text(values.get("context")))
    return Exchange((("user", question),), (_text(values["response"]),), origin="human", **_about(values))


def sharegpt(values: Values) -> Exchange:
    """ShareGPT's schema; a leading answer and trailing questions are cut off."""
    turns = _turns(values["conversations"], "from", "value")
    if isinstance(values.get("system"), str) and values["system"].strip():
        turns = [("system", values["system"].strip()), *turns]
    if "chosen" in values:
        answers = tuple(_content(values[name]) for name in ("chosen", "rejected"))
        return Exchange(tuple(turns), answers, (0, 1), origin="generated", **_about(values))
    return _conversation(turns, origin="generated", **_about(values))


def messages(values: Values) -> Exchange:
    """TRL's and OpenAI's schema; a record that somebody judged bad (``label: false``) is no example."""
    if values.get("label") is False:
        raise UnfitError("judged_bad")
    about = _about(values)
    if values.get("label") is True:
        about["label"] = _first(values, "lang", "language")
    return _conversation(_turns(values["messages"], "role", "content"), **about)


def preference(values: Values) -> Exchange:
    """TRL's schema: texts, or lists of messages; the prompt may be the part that both lists share."""
    chosen, rejected = values["chosen"], values["rejected"]
    prompt = values.get("prompt")
    if isinstance(prompt, str):
        turns = [("user", _text(prompt))]
    elif prompt:
        turns = _turns(prompt, "role", "content")
    else:
        turns = _turns(chosen[:-1], "role", "content")
    return Exchange(tuple(turns), (_content(chosen), _content(rejected)), (0, 1), **_about(values))


def xllms_100(values: Values) -> Exchange:
    """The cross-lingual feedback of xLLMs-100 (Lai et al. 2024, arXiv 2406.01771), spelt as upstream."""
    question = _together(_text(values.get("instruction")), _text(values.get("input")))
    answers = _text(values["prefered_output"]), _text(values["rejected_output"])
    return Exchange((("user", question),), answers, (0, 1), origin="generated", **_about(values))


def aya(values: Values) -> Exchange:
    """The Aya dataset: written, or written again, by speakers."""
    turns = (("user", _text(values["inputs"])),)
    about = {**_about(values), "task": _first(values, "annotation_type")}
    return Exchange(turns, (_text(values["targets"]),), origin="human", **about)


def p3(values: Values) -> Exchange:
    """P3 and xP3: benchmarks in the form of prompts. Older exports add ``_pretokenized`` to the names."""
    question = _first(values, "inputs", "inputs_pretokenized")
    answer = _first(values, "targets", "targets_pretokenized")
    return Exchange((("user", question),), (answer,), origin="benchmark", **_about(values))


def ranked(values: Values) -> Exchange:
    """Several answers with their order; `ranks` say it if the list does not (0 or 1 is best)."""
    question = _together(_first(values, "instruction", "prompt"), _text(values.get("input")))
    found = [_content(each) for each in values["responses"]]
    given = values.get("ranks") or [
        each.get("rank", place) if isinstance(each, Mapping) else place
        for place, each in enumerate(values["responses"])
    ]
    if len(given) != len(found):
        raise UnfitError("ranks_do_not_match")
    order = sorted(range(len(found)), key=lambda place: (given[place], place))
    answers = tuple(found[place] for place in order)
    ranks = tuple(int(given[place]) for place in order)
    return Exchange((("user", question),), answers, ranks, origin="generated", **_about(values))


def plain(values: Values) -> Exchange:
    """A question and its answer under any of the usual names."""
    asked = _first(values, "prompt", "question", "query", "instruction")
    question = _together(asked, _first(values, "context", "input"))
    answer = _first(values, "response", "answer", "completion", "output", "target")
    return Exchange((("user", question),), (answer,), **_about(values))


def _content(value: Any) -> str:
    """The text of an answer: itself, a message, or the last of several messages."""
    if isinstance(value, Mapping):
        return _first(value, "content", "value", "text")
    if isinstance(value, list):
        return _content(value[-1]) if value else ""
    return _text(value)


def _turns(found: Sequence[Values], role_name: str, text_name: str) -> list[Turn]:
    turns = []
    for each in found:
        role = _first(each, role_name, "role", "from")
        if role not in ROLES:
            raise UnfitError(f"unknown_role: {role[:40]}")
        turns.append((ROLES[role], _content({"content": each.get(text_name)}) or _content(each)))
    return turns


def _conversation(turns: Sequence[Turn], **about: Any) -> Exchange:
    turns = list(turns)
    while len(turns) > 1 and turns[0][0] == "assistant":
        del turns[0]
    while turns and turns[-1][0] != "assistant":
        del turns[-1]
    if not turns:
        raise UnfitError("no_answer")
    return Exchange(tuple(turns[:-1]), (turns[-1][1],), **about)


class Format(NamedTuple):
    """How a record is read, and the names by which it is recognised."""

    read: Callable[[Values], Exchange]
    names: frozenset[str]


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "sharegpt": Format(sharegpt, frozenset({"conversations"})),
        "messages": Format(messages, frozenset({"messages"})),
        "xllms_100": Format(xllms_100, frozenset({"prefered_output", "rejected_output"})),
        "preference": Format(preference, frozenset({"chosen", "rejected"})),
        "ranked": Format(ranked, frozenset({"responses"})),
        "dolly": Format(dolly, frozenset({"instruction", "context", "response"})),
        "alpaca": Format(alpaca, frozenset({"instruction", "output"})),
        "aya": Format(aya, frozenset({"inputs", "targets", "annotation_type"})),
        "p3": Format(p3, frozenset({"inputs", "targets"})),
        "p3_pretokenized": Format(p3, frozenset({"inputs_pretokenized", "targets_pretokenized"})),
    }
)
"""In the order in which they are tried."""


def format_of(values: Values) -> str:
    """Recognise a record's format by its names; `plain` if there is nothing to recognise."""
    names = frozenset(values)
    return next((name for name, each in FORMATS.items() if each.names <= names), "plain")


def exchange_of(values: Values, name: str = "") -> Exchange:
    """Read one record.

    Raises:
        UnfitError: it holds no dialogue.
    """
    chosen = name or format_of(values)
    read = FORMATS[chosen].read if chosen in FORMATS else plain
    try:
        exchange = read(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnfitError(f"not_{chosen}: {type(error).__name__}") from error
    return checked(exchange)


def checked(exchange: Exchange) -> Exchange:
    """The exchange without empty answers.

    Raises:
        UnfitError: there is no question, no answer, or the turns do not alternate.
    """
    kept = [place for place, answer in enumerate(exchange.answers) if answer]
    if not kept:
        raise UnfitError("no_answer")
    roles = [role for role, _ in exchange.turns]
    body = roles[1:] if roles[:1] == ["system"] else roles
    if not body or not all(content for _, content in exchange.turns):
        raise UnfitError("no_question")
    if body != [("user", "assistant")[place % 2] for place in range(len(body))] or body[-1] != "user":
        raise UnfitError("turns_do_not_alternate")
    answers = tuple(exchange.answers[place] for place in kept)
    ranks = tuple(exchange.ranks[place] for place in kept) if exchange.ranks else ()
    return exchange._replace(answers=answers, ranks=ranks)
