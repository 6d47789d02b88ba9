"""Adds pieces to an existing tokenizer so that old text stays exactly as it was. No torch here.

Three families: byte-level BPE (GPT-2, Llama 3, Qwen, BLOOM), SentencePiece BPE with byte fallback (Llama 2,
Mistral) and Unigram (XLM-R, mT5).

Why old text is safe: a new piece can only turn up in a text that contains its characters, and
`panlect.model.vocabulary_guard` lets no piece pass whose characters occur in old text. New merges come after
all old ones, so where no new piece fits, everything is as before. For Unigram the same holds: the best path
through old pieces is still there, and there is no new path.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from tokenizers import Tokenizer

from panlect.errors import DataError, ModelError
from panlect.model import unigram_pieces
from panlect.model.continued_bpe import Merge, NewPiece, Start, continue_bpe
from panlect.model.tokenizer_reading import SPACE_MARK
from panlect.model.vocabulary_guard import Guard, Protect, marks_for, scripts_of
from panlect.model.word_units import GPT2_PATTERN

Family = Literal["byte-level bpe", "sentencepiece bpe", "unigram"]
_AT_SPACES = re.compile(f"{SPACE_MARK}*[^{SPACE_MARK}]+|{SPACE_MARK}+")


@dataclass(frozen=True)
class Limits:
    """How far to go.

    Attributes:
        pieces: at most so many new ids.
        protect: which pieces are refused: see `panlect.model.vocabulary_guard`.
        min_count: rarer pairs and characters are left alone.
        widen_words: byte-level patterns such as GPT-2's and Llama 3's cut words at combining marks, which
            leaves Devanagari or Thai in fragments; let those marks belong to words that no protected text
            uses.
        old_languages: codes; with `script`, their scripts are old even if the protected text is short.
    """

    pieces: int
    protect: Protect = "script"
    min_count: int = 2
    widen_words: bool = True
    old_languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Extension:
    """The extended tokenizer, and what is new in it.

    Attributes:
        tokenizer: the result.
        family: of both.
        pieces: by ascending id.
        marks: combining marks that now belong to words where they did not.
        exposed_share: share of the held-out lines that would not be as before, had they not been protected.
    """

    tokenizer: Tokenizer
    family: Family
    pieces: tuple[NewPiece, ...]
    marks: str
    exposed_share: float = 0.0


def family_of(tokenizer: Tokenizer) -> Family:
    """Which of the three families a tokenizer belongs to.

    Raises:
        ModelError: none of them (WordPiece, word level, BPE without bytes).
    """
    facts = json.loads(tokenizer.to_str())
    kind = facts["model"]["type"]
    if kind == "Unigram":
        return "unigram"
    if kind == "BPE" and '"ByteLevel"' in json.dumps([facts["pre_tokenizer"], facts["decoder"]]):
        return "byte-level bpe"
    if kind == "BPE" and facts["model"].get("byte_fallback"):
        return "sentencepiece bpe"
    raise ModelError(
        f"a tokenizer of type {kind} cannot be extended without changing old text",
        expected="byte-level BPE, SentencePiece BPE with byte fallback, or Unigram",
        fix="train a new tokenizer and initialise its embeddings from the old one",
    )


def extend(
    tokenizer: Tokenizer,
    texts: Iterable[str],
    protected: Iterable[str],
    limits: Limits,
    *,
    source: str = "",
    held_out: Iterable[str] = (),
) -> Extension:
    """Learn new pieces from `texts`, none of which occurs in the `protected` texts.

    Args:
        tokenizer: the old one; not changed.
        texts: in the new languages, in the proportions that they should have.
        protected: old languages, code, anything that must stay as it is.
        limits: how many pieces, and which.
        held_out: protected as well, and used to tell how far the promise reaches beyond the protected text.
        source: the text of the old tokenizer.json. The library reads decimal numbers to within the last bit,
            which can turn a tie between two Unigram paths; with the text at hand, old scores are written as
            they were.

    Raises:
        DataError: there is no text, or nothing in it is allowed.
    """
    family = family_of(tokenizer)
    texts, protected, held = list(texts), list(protected), list(held_out)
    scripts = scripts_of([*protected, *held], limits.old_languages) if limits.protect == "script" else None
    marks = ""
    if limits.widen_words and family == "byte-level bpe":
        marks = marks_for(texts, [*protected, *held], scripts)
    base = _widened(tokenizer, marks) if marks else tokenizer
    held_words = [count_words(base, [line]) for line in held]
    guard = Guard(
        count_words(base, protected),
        set().union(*held_words),
        tokenizer.get_vocab(with_added_tokens=True),
        protect=limits.protect,
        old_scripts=scripts or frozenset(),
        byte_level=family == "byte-level bpe",
    )
    words = count_words(base, texts)
    if not words:
        raise DataError("there is no text to learn pieces from", where="texts")
    text = source if source and not marks else base.to_str()
    made, pieces = _extended(base, text, words, guard.allows, limits)
    return Extension(made, family, tuple(pieces), marks, guard.share_caught(held_words))


def _extended(
    base: Tokenizer, text: str, words: Counter[str], allows: Callable[[str], bool], limits: Limits
) -> tuple[Tokenizer, list[NewPiece]]:
    family = family_of(base)
    room = limits.pieces if family != "unigram" else round(limits.pieces * unigram_pieces.CANDIDATES)
    found = _learn(base, family, words, allows, replace(limits, pieces=room))
    if not found.pieces:
        raise _nothing_new(limits.protect)
    if family != "unigram":
        return with_merges(text, found.pieces, found.merges, found.spelling), found.pieces
    kept = unigram_pieces.chosen(text, found.pieces, words, limits.pieces)
    return unigram_pieces.with_pieces(text, kept), kept


def _nothing_new(protect: Protect) -> DataError:
    if protect == "script":
        return DataError(
            "no new piece is possible: the new languages have no letter of a script of their own",
            where="protect",
            expected="with `script`, text in a script that no old language uses",
            fix="choose protect: letters, pairs or text; docs/tokenizer.md says what each promises",
        )
    return DataError(
        "no new piece is possible: all that is frequent occurs in the protected text",
        where="texts, protected",
        fix="give less protected text, or extend with languages that differ from it",
    )


class _Found(NamedTuple):
    pieces: list[NewPiece]
    merges: list[Merge]
    spelling: dict[int, str]


def count_words(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """The words between which no piece reaches, spelled as in the vocabulary, and how often they occur."""
    words: Counter[str] = Counter()
    normalizer, pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    for text in texts:
        if not text:
            continue
        normal = normalizer.normalize_str(text) if normalizer else text
        parts = [part for part, _ in pre_tokenizer.pre_tokenize_str(normal)] if pre_tokenizer else [normal]
        for part in parts:
            words.update(_AT_SPACES.findall(part) if SPACE_MARK in part else [part])
    return words


def _learn(
    tokenizer: Tokenizer,
    family: Family,
    words: Counter[str],
    allows: Callable[[str], bool],
    limits: Limits,
) -> _Found:
    first = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    spelling = {number: piece for piece, number in tokenizer.get_vocab(with_added_tokens=False).items()}
    letters: dict[str, NewPiece] = {}
    if family != "byte-level bpe":
        letters = _new_letters(tokenizer, words, allows, limits, first=first)
    spelling |= {piece.id: piece.piece for piece in letters.values()}
    ordered = sorted(words)
    sequences = [_split(tokenizer, word, letters) for word in ordered]
    blocked = _blocked(tokenizer, family)

    def allowed(union: str) -> bool:
        return not any(mark in union for mark in blocked) and allows(union)

    start = Start(sequences, [words[word] for word in ordered], spelling, first + len(letters))
    merges = continue_bpe(
        start, allowed=allowed, pieces=limits.pieces - len(letters), min_count=limits.min_count
    )
    return _Found([*letters.values(), *_pieces(merges, letters, spelling)], merges, spelling)


def _blocked(tokenizer: Tokenizer, family: Family) -> list[str]:
    """Spellings that must not become parts of a piece: byte pieces and the unknown token."""
    if family == "byte-level bpe":
        return []
    facts = json.loads(tokenizer.to_str())["model"]
    unknown = facts.get("unk_token") or (
        facts["vocab"][facts["unk_id"]][0] if facts.get("unk_id") is not None else None
    )
    return ["<0x", *([unknown] if unknown else [])]


def _new_letters(
    tokenizer: Tokenizer,
    words: Counter[str],
    allows: Callable[[str], bool],
    limits: Limits,
    *,
    first: int,
) -> dict[str, NewPiece]:
    """Characters that the old vocabulary lacks become pieces first: longer ones are built on them."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for letter in word:
            counts[letter] += count
    known = tokenizer.get_vocab(with_added_tokens=True)
    wanted = [letter for letter, count in counts.items() if letter not in known and count >= limits.min_count]
    wanted = sorted(
        (letter for letter in wanted if allows(letter)), key=lambda letter: (-counts[letter], letter)
    )
    found: dict[str, NewPiece] = {}
    for letter in wanted[: limits.pieces]:
        ids = tuple(token.id for token in tokenizer.model.tokenize(letter))
        found[letter] = NewPiece(first + len(found), letter, ids, counts[letter])
    return found


def _split(tokenizer: Tokenizer, word: str, letters: dict[str, NewPiece]) -> list[int]:
    """Ids of a word under the old model, with new letters standing alone."""
    if not letters or not any(letter in letters for letter in word):
        return [token.id for token in tokenizer.model.tokenize(word)]
    ids: list[int] = []
    run = ""
    for letter in word:
        if letter in letters:
            ids += [token.id for token in tokenizer.model.tokenize(run)] if run else []
            ids.append(letters[letter].id)
            run = ""
        else:
            run += letter
    return ids + ([token.id for token in tokenizer.model.tokenize(run)] if run else [])


def _pieces(
    merges: Sequence[Merge], letters: dict[str, NewPiece], spelling: dict[int, str]
) -> list[NewPiece]:
    replaces = {piece.id: piece.replaces for piece in letters.values()}
    found: dict[int, NewPiece] = {}
    for merge in merges:
        if merge.union in found:
            continue
        parts = replaces.get(merge.left, (merge.left,)) + replaces.get(merge.right, (merge.right,))
        spelling[merge.union] = spelling[merge.left] + spelling[merge.right]
        replaces[merge.union] = parts
        found[merge.union] = NewPiece(merge.union, spelling[merge.union], parts, merge.seen)
    return list(found.values())


def with_merges(
    text: str, pieces: Iterable[NewPiece], merges: Iterable[Merge], spelling: Mapping[int, str]
) -> Tokenizer:
    """The tokenizer of a tokenizer.json (BPE) with further pieces and, after all old ones, merges.

    Args:
        text: of the tokenizer.json.
        pieces: new ones.
        merges: in order.
        spelling: of all ids, old and new.
    """
    facts = unigram_pieces.read(text)
    model = facts["model"]
    # Added tokens go into the vocabulary itself: else the library numbers them after its end, which moves.
    model["vocab"] |= {token["content"]: token["id"] for token in facts["added_tokens"]}
    model["vocab"] |= {piece.piece: piece.id for piece in pieces}
    old = model["merges"]
    pairs = [[spelling[merge.left], spelling[merge.right]] for merge in merges]
    model["merges"] = old + ([" ".join(pair) for pair in pairs] if old and isinstance(old[0], str) else pairs)
    return unigram_pieces.opened(facts)


def _widened(tokenizer: Tokenizer, marks: str) -> Tokenizer:
    """Let these combining marks belong to words. Text without them is split as before."""
    facts = json.loads(tokenizer.to_str())
    facts["pre_tokenizer"] = _wider(
        facts["pre_tokenizer"], "".join(f"\\x{{{ord(mark):X}}}" for mark in marks)
    )
    return Tokenizer.from_str(json.dumps(facts, ensure_ascii=False))


def _wider(node: Any, marks: str) -> Any:
    if isinstance(node, list):
        return [_wider(each, marks) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "ByteLevel" and node.get("use_regex"):
        pattern = {"Regex": wider_pattern(GPT2_PATTERN, marks)}
        split = {"type": "Split", "pattern": pattern, "behavior": "Isolated", "invert": False}
        return {"type": "Sequence", "pretokenizers": [split, {**node, "use_regex": False}]}
    if node.get("type") == "Split" and "Regex" in node["pattern"]:
        return {**node, "pattern": {"Regex": wider_pattern(node["pattern"]["Regex"], marks)}}
    return {key: _wider(value, marks) for key, value in node.items()}


def wider_pattern(pattern: str, marks: str) -> str:
    r"""A word pattern in which these marks go wherever \p{L} goes.

    >>> wider_pattern(r" ?\p{L}+| ?[^\s\p{L}\p{N}]+", r"\x{94D}")
    ' ?[\\p{L}\\x{94D}]+| ?[^\\s\\p{L}\\x{94D}\\p{N}]+'
    """
    if r"\p{M}" in pattern:
        return pattern
    result, inside, at = "", False, 0
    while at < len(pattern):
        if pattern.startswith(r"\p{L}", at):
            result += rf"\p{{L}}{marks}" if inside else rf"[\p{{L}}{marks}]"
            at += 5
            continue
        if pattern[at] == "\\":
            result, at = result + pattern[at : at + 2], at + 2
            continue
        inside = pattern[at] == "[" or (inside and pattern[at] != "]")
        result, at = result + pattern[at], at + 1
    return result
