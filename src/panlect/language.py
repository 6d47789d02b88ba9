"""`Language`: one frozen code such as ``swh_Latn`` for every way in which people write language codes.

The code is ISO 639-3 (an individual language, never a macro-language unless language_macros.csv says so)
plus ISO 15924 (the script). Facts come from languages.csv, which is read on first use; importing this
module reads nothing. docs/languages.md lists the schemes, the decisions and the sources.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from panlect import language_codes as codes
from panlect.errors import LanguageError

RIGHT_TO_LEFT = frozenset(
    """Adlm Arab Aran Armi Avst Chrs Cprt Elym Gara Hatr Hebr Hung Khar Lydi Mand Mani Mend Merc Mero Narb
    Nbat Nkoo Orkh Ougr Palm Phli Phlp Phnx Prti Rohg Samr Sarb Sogd Sogo Syrc Thaa Todr Yezi""".split()  # noqa: SIM905
)


@dataclass(frozen=True, order=True, slots=True)
class Language:
    """A language in a script. Make one with :meth:`parse`; two are equal when their codes are.

    >>> Language.parse("sw").code
    'swh_Latn'
    >>> Language.parse("zh-TW").to("flores")
    'zho_Hant'
    """

    code: str

    def __post_init__(self) -> None:
        if not isinstance(self.code, str) or not codes.CANONICAL.fullmatch(self.code):
            raise LanguageError(
                f"{self.code!r} is not a canonical language code",
                expected="three small letters, _ and a script, as in swh_Latn",
                fix="use Language.parse, which reads every scheme",
            )

    @staticmethod
    def parse(text: "str | Language", *, script: str | None = None, scheme: str = "") -> "Language":
        """The language that a code or name in any scheme means.

        Args:
            text: ``sw``, ``swa``, ``sw-TZ``, ``zh_Hant``, ``__label__swh_Latn``, ``Kiswahili``, ...
            script: ISO 15924 code that wins over the script in ``text`` or the usual one.
            scheme: one of :data:`SCHEMES`, for codes that ISO gives to others (``als`` on Wikipedia).

        Raises:
            LanguageError: nothing knows the text, or it means several languages; says the nearest codes.
        """
        if isinstance(text, Language):
            text = text.code
        if not isinstance(text, str):
            raise LanguageError(f"a language must be text, not {text!r}", expected="a code such as swh_Latn")
        if scheme and scheme not in SCHEMES:
            raise LanguageError(f"there is no scheme {scheme!r}", expected=", ".join(SCHEMES))
        return Language(_parse(text, _script(script), scheme))

    def __str__(self) -> str:
        return self.code

    @property
    def iso639_3(self) -> str:
        """The first half of the code: ``swh``."""
        return self.code[:3]

    @property
    def script(self) -> str:
        """The second half of the code, ISO 15924: ``Latn``."""
        return self.code[4:]

    @property
    def direction(self) -> str:
        """``rtl`` for scripts that run from right to left, else ``ltr``."""
        return "rtl" if self.script in RIGHT_TO_LEFT else "ltr"

    @property
    def name(self) -> str:
        """English name; the code itself where no source has one."""
        known = codes.rows().get(self.code)
        if known and known.name:
            return known.name
        language = codes.rows().get(f"{self.iso639_3}_{codes.default_script().get(self.iso639_3, '')}")
        name = language.name if language else _registered_name(self.iso639_3)
        return f"{name} ({self.script})"

    @property
    def own_name(self) -> str:
        """The name in the language itself; empty where no source has it."""
        return self._fact("own_name")

    @property
    def family(self) -> str:
        """The top-level family: ``Niger-Congo``; empty where no source has it."""
        return self._fact("family")

    @property
    def speakers(self) -> int | None:
        """Speakers over all scripts, roughly; None where the source has none or fewer than 10,000."""
        return int(self._fact("speakers")) if self._fact("speakers") else None

    @property
    def web_bytes(self) -> int | None:
        """Bytes of text in a large cleaned web corpus (FineWeb-2); None where that does not count it."""
        return int(self._fact("web_bytes")) if self._fact("web_bytes") else None

    @property
    def resource_class(self) -> str:
        """``high``, ``medium``, ``low`` or ``scarce`` by :attr:`web_bytes`; empty where that is unknown."""
        return self._fact("resource_class")

    @property
    def cldr_locale(self) -> str:
        """The Babel locale that holds this language's names: ``zh_Hant``; empty where Babel has none."""
        return self._fact("cldr_locale")

    @property
    def bcp47(self) -> str:
        """The shortest BCP-47 tag that parses back to this language: ``sw``, ``zh-Hant``."""
        return _bcp47(self.code)

    def to(self, scheme: str) -> str:
        """This language in another scheme (see :data:`SCHEMES`).

        Raises:
            LanguageError: the scheme is unknown, or it has no code for this language.
        """
        if scheme not in SCHEMES:
            raise LanguageError(f"there is no scheme {scheme!r}", expected=", ".join(SCHEMES))
        found = _code_in(scheme, self.code)
        if not found:
            raise LanguageError(
                f"{scheme} has no code for {self.code} ({self.name})", fix="use bcp47 or iso639_3"
            )
        return found

    def _fact(self, column: str) -> str:
        row = codes.rows().get(self.code)
        if row is None and column in {"family", "speakers"}:  # true of the language in any script
            row = codes.rows().get(f"{self.iso639_3}_{codes.default_script().get(self.iso639_3, '')}")
        return str(getattr(row, column)) if row else ""


@lru_cache(maxsize=16384)
def _parse(text: str, script: str, scheme: str) -> str:
    code = codes.resolve(text, script, scheme)
    if not code:
        raise _unknown(text)
    return code


def _nearest(text: str, count: int = 3) -> Iterator[str]:
    """The known codes and names that look most like ``text``, as "code (Name)"."""
    from difflib import SequenceMatcher, get_close_matches

    targets = dict(codes.names())
    targets.update({key: code for (scheme, key), (code, _) in codes.aliases().items() if not scheme and code})
    targets.update({code.casefold().replace("_", "-"): code for code in codes.rows()})
    seen: set[str] = set()
    wanted, best = codes.fold(text)[:60], 0.0
    for match in get_close_matches(wanted, targets, n=4 * count, cutoff=0.7):
        code, likeness = targets[match], SequenceMatcher(None, match, wanted).ratio()
        best = best or likeness
        if code not in seen and len(seen) < count and likeness > best - 0.1:
            seen.add(code)
            row = codes.rows().get(code)
            yield f"{code} ({row.name})" if row and row.name else code


def _unknown(text: str) -> LanguageError:
    """The error for a text that names no single language that we can write down."""
    key, shown = codes.fold(text), text if len(text) <= 60 else f"{text[:57]}..."
    expected = "a code such as swh_Latn, sw, swa, sw-TZ or zh-Hant, or a name such as Swahili"
    known = codes.aliases().get(("", key)) or codes.aliases().get(("", key.split("-")[0]))
    if known and not known[0]:
        return LanguageError(f"{shown!r} is {known[1]}", expected=expected, fix="name one language")
    tag = codes.subtags(key)
    if tag and codes.iso639_3(tag.language) and not tag.script:
        code = f"{codes.plain_code(codes.iso639_3(tag.language) or '', 'Latn')}"
        return LanguageError(
            f"{shown!r} is a language, but no source says which script it is written in",
            expected="a code with its script",
            fix=f"write {code} if it is Latin, or pass script=",
        )
    close = ", ".join(_nearest(text))
    fix = f"did you mean {close}?" if close else "look the name up with `panlect lang NAME`"
    return LanguageError(f"no language is called {shown!r}", expected=expected, fix=fix)


def _script(script: str | None) -> str:
    if not script:
        return ""
    if not isinstance(script, str) or not codes.is_script(script.title()):
        raise LanguageError(f"there is no script {script!r}", expected="an ISO 15924 code such as Latn")
    return codes.SCRIPT_VARIANTS.get(script.title(), script.title())


def _registered_name(iso639_3: str) -> str:
    from langcodes import Language as Tag

    return str(Tag.get(iso639_3, normalize=False).language_name())


@lru_cache(maxsize=16384)
def _code_in(scheme: str, code: str) -> str:
    """The code in a scheme, or "" when there is none or it would be read as another language."""
    found = SCHEMES[scheme](code)
    return found if found and codes.resolve(found, code[4:], scheme) == code else ""


def _macros(code: str) -> list[str]:
    """The macro-languages that resolve to this code when its script is given: ``swa`` for swh_Latn."""
    language, script = code[:3], code[4:]
    macros = {macro for macro, _ in codes.macro_languages()} - {language}
    return sorted(macro for macro in macros if codes.plain_code(macro, script) == code)


@lru_cache(maxsize=4096)
def _two_letters(code: str) -> str:
    """ISO 639-1, which knows no script and often only the macro-language: ``sw`` for swh_Latn."""
    wanted = [code[:3], *_macros(code)]
    found = {three: two for two, three in codes.alpha2_languages().items() if three in wanted}
    return next((found[three] for three in wanted if three in found), "")


def _short(code: str) -> str:
    """``ku`` only for the language that Kurdish means without a script; Sorani is ``ckb``."""
    two = _two_letters(code)
    macro = codes.alpha2_languages().get(two, "")
    return two if two and codes.plain_code(macro, "")[:3] == code[:3] else code[:3]


@lru_cache(maxsize=4096)
def _bcp47(code: str) -> str:
    short = _short(code)
    return short if codes.resolve(short, "", "") == code else f"{short}-{code[4:]}"


def _fact(column: str) -> Callable[[str], str]:
    return lambda code: str(getattr(codes.rows().get(code), column, ""))


def _glotlid(code: str) -> str:
    return f"{code[:3]}_Hani" if code[4:] in {"Hans", "Hant"} else code


def _listed(scheme: str, otherwise: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """The code that a table writes down for this scheme, else what ``otherwise`` gives."""

    def look_up(code: str) -> str:
        return _written(scheme).get(code) or (otherwise(code) if otherwise else "")

    return look_up


@lru_cache(maxsize=8)
def _written(scheme: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for row in codes.read_table("language_aliases"):
        if row["scheme"] == scheme:
            found.setdefault(row["code"], row["alias"])
    for row in codes.read_table("language_groups"):
        if codes.GROUP_SCHEMES.get(row["group"]) == scheme:
            found.setdefault(row["code"], row["own_code"])
    return found


# iso639_*, oscar, hub and wikipedia name the language only; the script has to travel beside their codes.
SCHEMES: dict[str, Callable[[str], str]] = {
    "code": str,
    "bcp47": _bcp47,
    "iso639_1": _two_letters,
    "iso639_2": _fact("iso639_2"),
    "iso639_3": lambda code: code[:3],
    "flores": _fact("flores"),
    "nllb": _listed("nllb"),
    "glotlid": _glotlid,
    "oscar": _listed("oscar", _short),
    "hub": _short,
    "wikipedia": _listed("wikipedia", _short),
    "mbart": _listed("mbart"),
    "xl-sum": _listed("xl-sum"),
    "cldr": _fact("cldr_locale"),
}


@lru_cache(maxsize=1)
def _named_groups() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for row in codes.read_table("language_groups"):
        found.setdefault(row["group"], []).append(row["code"])
    return {name: tuple(members) for name, members in found.items()}


def groups() -> tuple[str, ...]:
    """Every group name that :func:`group` knows: the lists, then ``script:Xxxx`` and ``family:Name``."""
    table = codes.rows().values()
    scripts = sorted({row.code[4:] for row in table})
    families = sorted({row.family for row in table if row.family})
    return (*_named_groups(), *(f"script:{s}" for s in scripts), *(f"family:{f}" for f in families))


def group(name: str) -> tuple[Language, ...]:
    """The languages of a group, in the order of its list (lists) or of their codes (scripts, families).

    Raises:
        LanguageError: there is no such group; the nearest names are given.
    """
    if name in _named_groups():
        return tuple(Language(code) for code in _named_groups()[name])
    kind, _, value = name.partition(":")
    chosen = [
        row.code
        for row in codes.rows().values()
        if value
        and ((kind == "script" and row.code[4:].casefold() == value.casefold())
             or (kind == "family" and row.family.casefold() == value.casefold()))
    ]  # fmt: skip
    if not chosen:
        from difflib import get_close_matches

        close = get_close_matches(name, groups(), n=3, cutoff=0.5)
        raise LanguageError(
            f"there is no group {name!r}",
            expected=f"{', '.join(_named_groups())}, script:Arab, family:Turkic and the like",
            fix=f"did you mean {', '.join(close)}?" if close else "list them with panlect.language.groups()",
        )
    return tuple(Language(code) for code in sorted(chosen))


def codes_of(names: str | Iterable[str]) -> tuple[str, ...]:
    """The codes that names of languages and groups stand for, each once, in order; `-name` takes away again.

    Raises:
        LanguageError: a name is neither, or nothing is left of what was named.

    >>> codes_of(["sw", "bn", "swh_Latn"])
    ('swh_Latn', 'ben_Beng')
    >>> len(codes_of(["cldr-100", "-cldr-30", "-urd_Arab"]))
    69
    """
    listed = (names,) if isinstance(names, str) else tuple(names)
    known = frozenset(groups())
    found: dict[str, None] = {}
    for name in listed:
        bare = name.removeprefix("-")
        members = group(bare) if bare in known or ":" in bare else (Language.parse(bare),)
        codes = dict.fromkeys(member.code for member in members)
        found = {code: None for code in found if code not in codes} if bare != name else found | codes
    if listed and not found:
        raise LanguageError(
            f"no language is left of {', '.join(listed)}",
            expected="languages or groups, and behind them what is taken away",
        )
    return tuple(found)


def describe(language: "Language | str") -> dict[str, object]:
    """Everything known about one language, the same keys for all.

    Text is "" and a number is None where no source has it; ``groups`` is a list.
    """
    language = Language.parse(language)
    facts = {
        "code": language.code,
        "name": language.name,
        "own_name": language.own_name,
        "script": language.script,
        "direction": language.direction,
        "family": language.family,
        "speakers": language.speakers,
        "web_bytes": language.web_bytes,
        "resource_class": language.resource_class,
    }
    schemes = {scheme: _code_in(scheme, language.code) for scheme in SCHEMES if scheme != "code"}
    member_of = [name for name, members in _named_groups().items() if language.code in members]
    return {**facts, **schemes, "groups": member_of}
