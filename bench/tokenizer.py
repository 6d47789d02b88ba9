"""Extending a vocabulary, measured on real text; the tables of docs/tokenizer.md.

    python bench/tokenizer.py families [--pieces 16000] [--families llama-2 llama-3 qwen bloom gpt-2 xlm-r]
    python bench/tokenizer.py vectors [--base-tokens 1500000] [--after-tokens 200000]
    python bench/tokenizer.py parity [--parity-shares 0 0.5 1]
    python bench/tokenizer.py speed

`families`: replicas of six tokenizer families, trained on English, German, French, Spanish and Python code,
are extended for 20 languages; premiums before and after on sentences that were not trained on, and how many
old lines changed. `vectors`: a small model of the old languages is extended for four languages; loss per
byte of new text with each kind of first vectors, at the start and after equal training. `parity`: 8,000 ids
for 100 languages of unequal size, a share of the merges chosen for the language that is worst off on NTREX;
premiums on FLORES. `speed`: training and tokenising beside the libraries `tokenizers` and, where it is
installed, `sentencepiece`.

Needs the 100-language corpus (PANLECT_DATA/corpus100/corpus100.tsv.xz). One thread.
"""

import argparse
import collections
import copy
import io
import lzma
import math
import os
import random
import sys
import sysconfig
import time
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from panlect.language import Language
from panlect.measure import tokenizer as measure
from panlect.model import first_vectors, parity_bpe, tokenizer_training, vocabulary
from panlect.model.tokenizer_reading import from_engine
from panlect.model.tokenizer_training import encode_texts
from panlect.model.vocabulary_extension import Limits, extend
from tokenizer_families import NAMES, replica

DATA = Path(os.environ.get("PANLECT_DATA", Path(__file__).parents[2] / "shared" / "data"))
OLD = ("eng_Latn", "deu_Latn", "fra_Latn", "spa_Latn")
NEW = (
    "hin_Deva", "ben_Beng", "guj_Gujr", "tam_Taml", "tel_Telu", "kan_Knda", "mar_Deva", "sin_Sinh",
    "mya_Mymr", "lao_Laoo", "tha_Thai", "kat_Geor", "hye_Armn", "tir_Ethi", "heb_Hebr", "yor_Latn",
    "swa_Latn", "zul_Latn", "vie_Latn", "hau_Latn",
)  # fmt: skip
DICTIONARIES = {"hin_Deva": "hi", "tir_Ethi": "ti", "tsn_Latn": "tn", "ckb_Arab": "ckb"}
DIGITS = [*map(str, range(0, 100000, 37)), "3.14159", "1,234,567", "2026-11-21", "0x1F"]
RULES = ("script", "letters", "pairs", "text")
METHODS = ("random", "mean", "subpieces", "focus", "wechsel", "alignment")
Corpus = dict[str, dict[str, list[str]]]


def read_corpus() -> Corpus:
    """Lines by language and source; empty where the corpus is not here."""
    corpus: Corpus = collections.defaultdict(lambda: collections.defaultdict(list))
    file = DATA / "corpus100" / "corpus100.tsv.xz"
    if file.is_file():
        with lzma.open(file, "rt", encoding="utf-8", newline="\n") as stream:
            for line in stream:
                language, source, text = line.rstrip("\n").split("\t")
                corpus[language][source].append(text)
    return corpus


def other_than(corpus: Corpus, language: str, source: str = "flores_dev") -> list[str]:
    return [text for name, rows in corpus[language].items() if name != source for text in rows]


def python_code(first: int) -> list[str]:
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[first::2]
    return [line.rstrip() for file in files for line in file.read_text("utf-8").split("\n") if line.strip()]


def changed(old: Tokenizer, new: Tokenizer, texts: Sequence[str]) -> int:
    return sum(a != b for a, b in zip(encode_texts(old, texts), encode_texts(new, texts), strict=True))


def counts(tokenizer: Tokenizer, unknown: int, texts: Sequence[str]) -> measure.Counts:
    ids = [number for row in encode_texts(tokenizer, texts) for number in row]
    return measure.Counts(len(texts), len(ids), 0, 0, 0, unknown=ids.count(unknown))


def families(corpus: Corpus, arguments: argparse.Namespace) -> None:
    print(
        "| family | protect | new pieces | mean premium before | after | cut | protected lines changed |"
        " held-out lines changed: en, de, fr, es, code, digits | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    old_text = [text for language in OLD for text in other_than(corpus, language)] + python_code(0)
    for name in arguments.families:
        # XLM-R knows the letters of all its languages; so must its replica, or all is one unknown token. If
        # it has also seen a little of them, it has pieces of their words; then they are not quite new.
        text, letters = old_text, ""
        if name == "xlm-r" and arguments.xlmr_has_seen == "lines":
            text = old_text + [line for language in NEW for line in other_than(corpus, language)[:150]]
        elif name == "xlm-r":
            seen = set().union(*(text for language in NEW for text in other_than(corpus, language)))
            letters = unicodedata.normalize("NFKC", "".join(seen))
        source = replica(name, text, 12000, letters=letters).to_str()
        for protect in arguments.protect:
            print(
                family_row(
                    corpus, name, source, old_text, Limits(arguments.pieces, protect, old_languages=OLD)
                ),
                flush=True,
            )
    print(f"\nHeld out: 997 lines each, {len(python_code(1)):,} lines of code, {len(DIGITS):,} of digits.")


def family_row(corpus: Corpus, name: str, source: str, old_text: list[str], limits: Limits) -> str:
    """One extension: premiums over English on FLORES before and after, and how many old lines changed."""
    new_text = [text for language in NEW for text in other_than(corpus, language)]
    held = {language: corpus[language]["flores_dev"] for language in (*OLD, *NEW)}
    base = Tokenizer.from_str(source)
    began = time.process_time()
    made = extend(base, new_text, old_text + DIGITS, limits, source=source)
    seconds = time.process_time() - began
    unknown = from_engine("", "", Tokenizer.from_str(source)).unknown
    means = []
    for tokenizer in (base, made.tokenizer):
        english = counts(tokenizer, unknown, held["eng_Latn"])
        premiums = [measure.premium(counts(tokenizer, unknown, held[each]), english) for each in NEW]
        known = [premium for premium in premiums if not math.isnan(premium)]
        means.append((sum(known) / len(known), len(known)))
    others = [changed(base, made.tokenizer, held[each]) for each in OLD]
    others += [changed(base, made.tokenizer, part) for part in (python_code(1), DIGITS)]
    before, after = means[0][0], means[1][0]
    return (
        f"| {name} | {limits.protect} | {len(made.pieces):,} | {before:.2f} ({means[0][1]} languages) |"
        f" {after:.2f} ({means[1][1]}) | {1 - after / before:.1%} |"
        f" {changed(base, made.tokenizer, old_text)} of {len(old_text):,} |"
        f" {', '.join(map(str, others))} | {seconds:.0f} |"
    )


def build(size: int, seed: int) -> Any:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size, hidden_size=128, intermediate_size=352, num_hidden_layers=3,
            num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128,
            tie_word_embeddings=True,
            bos_token_id=1, eos_token_id=2, pad_token_id=0,
        )
    )  # fmt: skip


def train(network: Any, rows_BT: torch.Tensor, tokens: int, *, rate: float, seed: int) -> None:
    """AdamW with a cosine to a tenth, 8 rows a step, in a shuffled order."""
    steps = tokens // (8 * rows_BT.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.01)
    order = torch.cat(
        [
            torch.randperm(len(rows_BT), generator=torch.Generator().manual_seed(seed + n))
            for n in range(1 + 8 * steps // len(rows_BT))
        ]
    )
    network.train()
    for step in range(steps):
        share = step / steps
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 20) * (0.55 + 0.45 * math.cos(math.pi * share))
        ids_BT = rows_BT[order[8 * step : 8 * step + 8]]
        loss = network(input_ids=ids_BT, labels=ids_BT).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def bits_per_byte(network: Any, tokenizer: Tokenizer, texts: Sequence[str]) -> float:
    """Bits of each text's tokens over its bytes; every text begins after the begin token."""
    network.eval()
    bits = size = 0.0
    for ids in encode_texts(tokenizer, texts):
        row = torch.tensor([[1, *ids[:127]]])
        scores = network(input_ids=row).logits.log_softmax(dim=-1)
        bits -= float(scores[0, :-1].gather(1, row[0, 1:, None]).sum()) / math.log(2)
        size += len(tokenizer.decode(ids[:127]).encode())
    return bits / size


def vectors(corpus: Corpus, arguments: argparse.Namespace) -> None:
    """Old languages 70 %, new ones 30 %, as a large model has seen a little of everything."""
    rng = random.Random(0)
    new = list(DICTIONARIES)
    old_text = [text for language in OLD for text in other_than(corpus, language)]
    new_text = [text for language in new for text in other_than(corpus, language)]
    mixed = rng.sample(old_text, len(old_text)) + rng.sample(new_text, int(0.3 * len(new_text)))
    rng.shuffle(mixed)
    tokenizer = tokenizer_training.train(mixed if arguments.base_vocabulary == "mixed" else old_text, 4000)
    network = build(tokenizer.get_vocab_size(), arguments.seed)
    started = time.time()
    train(
        network,
        vocabulary.packed(list(encode_texts(tokenizer, mixed)), 128, 2),
        arguments.base_tokens,
        rate=3e-3,
        seed=arguments.seed,
    )
    print(
        f"base model: {arguments.base_tokens:,} tokens, vocabulary of {arguments.base_vocabulary} text,"
        f" {time.time() - started:.0f} s",
        flush=True,
    )
    made = extend(tokenizer, new_text, old_text, Limits(arguments.pieces))
    probe = {language: corpus[language]["flores_dev"][::20] for language in new}
    english = corpus["eng_Latn"]["flores_dev"][::20]
    pairs = [
        pair
        for language in new
        for pair in zip(corpus["eng_Latn"]["ntrex"], corpus[language]["ntrex"], strict=False)
    ]
    words = [
        tuple(line.split("\t")[:2])
        for code in DICTIONARIES.values()
        for line in (DATA / "gatitos" / f"en_{code}.tsv").read_text("utf-8").split("\n")
        if "\t" in line
    ]
    before = sum(bits_per_byte(network, tokenizer, texts) for texts in probe.values()) / len(probe)
    print(
        f"before the extension: {before:.3f} bits per byte of new text,"
        f" {bits_per_byte(network, tokenizer, english):.3f} of English"
    )
    print(
        "| first vectors | loss at the start (bits per byte) | against random | after equal training |"
        " English after it | rows by the method |"
    )
    print("|---|---|---|---|---|---|")
    rows = vocabulary.packed(list(encode_texts(made.tokenizer, new_text)), 128, 2)
    reference = math.nan
    for method in arguments.methods:
        evidence = first_vectors.Evidence(
            new_text,
            other_than(corpus, "eng_Latn"),
            words if method == "wechsel" else pairs,
        )
        mixes, fallback = first_vectors.mixes(method, tokenizer, made, evidence, seed=arguments.seed)
        mine = copy.deepcopy(network)
        written = vocabulary.add_rows(
            mine, [piece.id for piece in made.pieces], mixes, fallback, method=method, seed=arguments.seed
        )
        start = sum(bits_per_byte(mine, made.tokenizer, texts) for texts in probe.values()) / len(probe)
        reference = start if method == "random" else reference
        train(mine, rows, arguments.after_tokens, rate=1e-3, seed=1)
        after = sum(bits_per_byte(mine, made.tokenizer, texts) for texts in probe.values()) / len(probe)
        print(
            f"| {method} | {start:.3f} | {start / reference - 1:+.1%} | {after:.3f} |"
            f" {bits_per_byte(mine, made.tokenizer, english):.3f} |"
            f" {written.by_method.get(method, 0):,} of {written.rows:,} |",
            flush=True,
        )
    mine = copy.deepcopy(network)
    train(
        mine,
        vocabulary.packed(list(encode_texts(tokenizer, new_text)), 128, 2),
        arguments.after_tokens,
        rate=1e-3,
        seed=1,
    )
    after = sum(bits_per_byte(mine, tokenizer, texts) for texts in probe.values()) / len(probe)
    print(
        f"| (old vocabulary, same tokens) | {before:.3f} | | {after:.3f} |"
        f" {bits_per_byte(mine, tokenizer, english):.3f} | |"
    )


def parity(corpus: Corpus, arguments: argparse.Namespace) -> None:
    """Text as unequal as the root of what the web has; NTREX says who is worst off, FLORES is the test."""
    web = {code: Language.parse(code).web_bytes or 0 for code in corpus}
    web["eng_Latn"] = max(web.values())  # FineWeb-2 leaves English out
    texts = {}
    for language, rows in corpus.items():
        found = [
            text for source, lines in rows.items() if source not in ("flores_dev", "ntrex") for text in lines
        ]
        share = math.sqrt(web[language] / web["eng_Latn"])
        texts[language] = found[: max(20, round(len(found) * share))]
    reference = sum(map(len, corpus["eng_Latn"]["ntrex"]))
    sides = {code: parity_bpe.Parallel(rows["ntrex"], reference) for code, rows in corpus.items()}
    everything = [text for rows in texts.values() for text in rows]
    sizes = sorted(sum(len(text.encode()) for text in rows) for rows in texts.values())
    print(f"{len(texts)} languages, {sizes[0]:,} to {sizes[-1]:,} bytes, median {sizes[len(sizes) // 2]:,}")
    print("| merges for parity | mean premium | worst | Gini of cost | tokens of all | English | CPU s |")
    print("|---|---|---|---|---|---|---|")
    for share in arguments.parity_shares:
        began = time.process_time()
        merges = round(share * (8000 - tokenizer_training.smallest_vocabulary()))
        made = tokenizer_training.train(everything, 8000 - merges)
        if merges:
            made, _ = parity_bpe.train(made, texts, sides, merges)
        seconds = time.process_time() - began
        tokens = {code: counts(made, -1, rows["flores_dev"]).tokens for code, rows in corpus.items()}
        premiums = {code: count / tokens["eng_Latn"] for code, count in tokens.items()}
        worst = max(premiums, key=lambda code: premiums[code])
        print(
            f"| {share:.0%} | {sum(premiums.values()) / len(premiums):.2f} |"
            f" {premiums[worst]:.2f} ({worst}) | {measure.gini(list(premiums.values())):.3f} |"
            f" {sum(tokens.values()):,} | {tokens['eng_Latn']:,} | {seconds:.0f} |",
            flush=True,
        )


def speed(corpus: Corpus, arguments: argparse.Namespace) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    texts = [text for rows in corpus.values() for text in rows["flores_dev"]]
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts):,} sentences in {len(corpus)} languages, {megabytes:.1f} MB; CPU seconds, one thread")

    def timed(what: str, work: Any) -> Any:
        began = time.process_time()
        result = work()
        print(f"| {what} | {time.process_time() - began:.1f} |", flush=True)
        return result

    def library() -> Any:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        trainer = trainers.BpeTrainer(vocab_size=16000, show_progress=False, initial_alphabet=alphabet)
        tokenizer.train_from_iterator(texts, trainer)
        return tokenizer

    print("| what | CPU s |\n|---|---|")
    theirs = timed("train 16,000 byte-level BPE: `tokenizers`, GPT-2's pattern", library)
    ours = timed("train 16,000 byte-level BPE: panlect", lambda: tokenizer_training.train(texts, 16000))
    timed("tokenise: `tokenizers` encode_batch", lambda: theirs.encode_batch(texts))
    timed("tokenise: panlect encode_texts", lambda: sum(map(len, encode_texts(ours, texts))))
    try:
        import sentencepiece
    except ImportError:
        print("| sentencepiece | not installed |")
        return
    model = io.BytesIO()
    timed(
        "train 16,000 BPE: `sentencepiece`",
        lambda: sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts), model_writer=model, vocab_size=16000, model_type="bpe",
            byte_fallback=True, character_coverage=0.9995, num_threads=1, minloglevel=2,
        ),
    )  # fmt: skip
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    timed("tokenise: `sentencepiece`", lambda: [processor.encode(text) for text in texts])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", choices=["families", "vectors", "parity", "speed"], nargs="?", default="speed"
    )
    parser.add_argument("--pieces", type=int, default=0)
    parser.add_argument("--families", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument(
        "--protect", nargs="+", choices=RULES, default=list(RULES), help="see docs/tokenizer.md"
    )
    parser.add_argument(
        "--base-vocabulary", choices=["old", "mixed"], default="mixed", help="what it was trained on"
    )
    parser.add_argument("--parity-shares", type=float, nargs="+", default=[0, 0.5, 1])
    parser.add_argument("--xlmr-has-seen", choices=["lines", "letters"], default="lines")
    parser.add_argument("--methods", nargs="+", default=list(METHODS))
    parser.add_argument("--base-tokens", type=int, default=1_500_000)
    parser.add_argument("--after-tokens", type=int, default=200_000, help="0: only the start is measured")
    parser.add_argument("--seed", type=int, default=0, help="of the model and of first vectors")
    arguments = parser.parse_args()
    arguments.pieces = arguments.pieces or (3000 if arguments.part == "vectors" else 16000)
    torch.set_num_threads(1)
    corpus = read_corpus()
    if not corpus:
        print("the 100-language corpus is not here; set PANLECT_DATA to the directory that holds it")
        return
    {"families": families, "vectors": vectors, "parity": parity, "speed": speed}[arguments.part](
        corpus, arguments
    )


if __name__ == "__main__":
    main()
