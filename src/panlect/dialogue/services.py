"""What makers ask others for: translators, models that answer, identification. All of it is opened late."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from panlect.dialogue.checks import Among
from panlect.dialogue.distilled import Answers, Distil
from panlect.dialogue.rows import Messages
from panlect.dialogue.translated import TranslatorConfig
from panlect.dialogue.translator import Chat, FromPairs, Local, Marked, Translator, Web
from panlect.endpoint import Endpoint
from panlect.errors import ConfigError

Log = Callable[[str], None]


@contextmanager
def translator(config: TranslatorConfig, pairs: Callable[[], pl.DataFrame], log: Log) -> Iterator[Translator]:
    """Open the translator that the settings name.

    Raises:
        ConfigError: its model or server is not named.
    """
    if config.kind == "stub":
        yield Marked()
    elif config.kind == "pairs":
        yield FromPairs(pairs())
    elif config.kind == "seq2seq":
        from panlect.model.translate import Seq2Seq

        if not config.model:
            where = "translated.translator.model"
            raise ConfigError("which model?", where=where, fix="name a directory or hub id")
        yield Local(Seq2Seq(config.model))
    else:
        if config.endpoint is None:
            where = "translated.translator.endpoint"
            raise ConfigError("which server?", where=where, fix="set its url, model and cache")
        with Endpoint(config.endpoint) as endpoint:
            yield Chat(endpoint) if config.kind == "chat" else Web(endpoint)
            spent(endpoint, log)


@contextmanager
def answers(settings: Distil, model: Callable[[], str], seed: int, log: Log) -> Iterator[tuple[Answers, str]]:
    """Open the model that answers, with its name: behind the endpoint, or the one that `model` locates."""
    if settings.endpoint is not None:
        with Endpoint(settings.endpoint) as endpoint:
            yield (lambda asked: _asked(endpoint, asked, settings, seed)), settings.endpoint.model
            spent(endpoint, log)
        return
    from panlect.model.generate import Generation
    from panlect.model.load import load

    location = model()
    loaded = load(location)
    how = Generation(new_tokens=settings.new_tokens, temperature=settings.temperature, seed=seed)
    path = Path(location)
    yield (lambda asked: loaded.chat(asked, how)), path.parent.name if path.name == "model" else location


def _asked(endpoint: Endpoint, asked: Sequence[Messages], settings: Distil, seed: int) -> list[str]:
    options = {"temperature": settings.temperature, "max_tokens": settings.new_tokens, "seed": seed}
    return ["" if reply.cut else reply.text for reply in endpoint.chat(asked, **options)]


def spent(endpoint: Endpoint, log: Log) -> None:
    """Say what was sent and paid."""
    usage, cost = endpoint.spent
    log(f"{endpoint.sent:,} requests sent; the cache holds {usage.total:,} tokens at a cost of {cost:,.2f}")


def identifier(name: str) -> tuple[Among | None, frozenset[str]]:
    """The identifier of that name, and the languages that it knows; nothing for no name."""
    if not name:
        return None, frozenset()
    from panlect.text.identify import Identifier
    from panlect.text.identify_packaged import load

    scorer = load(name)

    def identify(texts: Sequence[str], among: Sequence[str]) -> list[str]:
        return [guess.language for guess in Identifier(scorer, among=among).identify(texts)]

    return identify, frozenset(scorer.languages)
