"""OpenAssistant's conversation trees, in both exports: one tree per line, or one message per line.

A tree's messages are prompts and replies in turn; replies to one prompt carry a rank (0 is best). Deleted
messages and those that reviewers turned down end their branch (Köpf et al. 2023, arXiv 2304.07327).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from panlect.dialogue.formats import ROLES, Exchange, Turn

Node = Mapping[str, Any]


def is_tree(values: Mapping[str, Any]) -> bool:
    """Whether a record is a tree."""
    return "message_tree_id" in values and isinstance(values.get("prompt"), Mapping)


def is_message(values: Mapping[str, Any]) -> bool:
    """Whether a record is a message of a tree."""
    return {"message_id", "parent_id", "role", "text"} <= set(values)


def grown(messages: Iterable[Mapping[str, Any]]) -> Iterator[Node]:
    """Put messages together into the roots of their trees, in the order of the file.

    A message whose parent is missing is lost with everything below it, and so it is in the other export.
    """
    nodes: dict[str, dict[str, Any]] = {}
    for message in messages:
        nodes[message["message_id"]] = {**message, "replies": []}
    roots = []
    for node in nodes.values():
        if node["parent_id"] is None:
            roots.append(node)
        elif node["parent_id"] in nodes:
            nodes[node["parent_id"]]["replies"].append(node)
    yield from roots


def exchanges(root: Node, *, threads: str = "best") -> Iterator[Exchange]:
    """Every thread of a tree that ends in a reply.

    Args:
        root: the first prompt.
        threads: `best` follows the best reply only, `all` every reply. Either way, the answers at a thread's
            end are all ranked replies, best first.
    """
    if _stands(root):
        yield from _below(root, (), threads)


def _below(prompt: Node, before: tuple[Turn, ...], threads: str) -> Iterator[Exchange]:
    turns = (*before, (ROLES[prompt["role"]], prompt["text"].strip()))
    replies = _in_order([reply for reply in prompt.get("replies") or () if _stands(reply)])
    if not replies:
        return
    ranked = [reply for reply in replies if reply.get("rank") is not None]
    answered = ranked if len(ranked) > 1 else replies[:1]
    yield Exchange(
        turns,
        tuple(reply["text"].strip() for reply in answered),
        tuple(int(reply["rank"]) for reply in answered) if len(answered) > 1 else (),
        label=prompt.get("lang") or "",
        answer_label=answered[0].get("lang") or "",
        origin="generated" if answered[0].get("synthetic") else "human",
        name=str(prompt.get("message_id") or ""),
    )
    for reply in replies if threads == "all" else replies[:1]:
        for question in reply.get("replies") or ():
            if _stands(question):
                yield from _below(question, (*turns, ("assistant", reply["text"].strip())), threads)


def _stands(node: Node) -> bool:
    kept = not node.get("deleted") and node.get("review_result") is not False
    return kept and bool((node.get("text") or "").strip())


def _in_order(replies: Sequence[Node]) -> list[Node]:
    """Ranked replies first, best first; the others as they stand."""
    return sorted(replies, key=lambda reply: float("inf") if reply.get("rank") is None else reply["rank"])
