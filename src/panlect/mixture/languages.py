"""Which of the languages at hand a setting asks for."""

from __future__ import annotations

from collections.abc import Iterable

from panlect.errors import ConfigError
from panlect.language import codes_of, groups


def asked_for(
    names: str | Iterable[str], have: Iterable[str], *, where: str = "languages", required: bool = True
) -> set[str]:
    """Codes of the languages that a setting names; nothing named is all of them.

    Args:
        names: languages under any code, or names of groups. Of a group those count that are there; a
            language named by itself must be.
        have: the codes that the inputs hold.
        where: the setting, for the message.
        required: whether a language named by itself must be there.

    Raises:
        ConfigError: a named language is not there.
        LanguageError: a name is neither a language nor a group.

    >>> sorted(asked_for(["sw", "script:Thai"], ["swh_Latn", "tha_Thai", "eng_Latn"]))
    ['swh_Latn', 'tha_Thai']
    """
    have, listed = set(have), [names] if isinstance(names, str) else list(names)
    if not listed:
        return have
    known = frozenset(groups())
    single = set(codes_of(name for name in listed if name not in known and not name.startswith("-")))
    if required and (missing := sorted(single - have)):
        raise ConfigError(
            f"no text of {', '.join(missing)}",
            where=where,
            expected="languages that the inputs hold",
            fix="add text of it, or drop it",
        )
    return set(codes_of(listed)) & (have | single)
