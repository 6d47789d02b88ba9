"""Every error a user can meet, in one tree.

    PanlectError
    ├── ConfigError    (ValueError)    a recipe or a setting is wrong
    ├── LanguageError  (LookupError)   a language code or name is not known
    ├── FolderError    (OSError)       a folder is missing, unfinished, damaged or cannot be written
    ├── DataError      (ValueError)    rows do not have the shape that a table needs
    └── ModelError     (RuntimeError)  a model or tokenizer cannot be used as asked

Each says what is wrong, where (``file:key`` or ``table:row``), what was expected and what to do.
The command line prints the message without a traceback and exits with 2. Mistakes of our own are
``assert`` statements and plain Python errors: those do show a traceback.
"""


class PanlectError(Exception):
    """The root: catch it to catch everything that is the input's fault and not a bug.

    Args:
        what: what is wrong, as one sentence.
        where: the place, as ``file:key`` or ``table:row``.
        expected: what would have been right.
        fix: what the user can do now.
    """

    def __init__(self, what: str, *, where: str = "", expected: str = "", fix: str = "") -> None:
        super().__init__(what)
        self.what, self.where, self.expected, self.fix = what, where, expected, fix

    def __str__(self) -> str:
        details = {"where": self.where, "expected": self.expected, "fix": self.fix}
        return "\n".join([self.what, *(f"  {name}: {text}" for name, text in details.items() if text)])

    def __reduce__(self) -> tuple[object, ...]:
        # The default would lose the keyword arguments when an error crosses a process boundary.
        return _rebuild, (type(self), self.what, self.where, self.expected, self.fix)


def _rebuild(kind: type[PanlectError], what: str, where: str, expected: str, fix: str) -> PanlectError:
    return kind(what, where=where, expected=expected, fix=fix)


class ConfigError(PanlectError, ValueError):
    """A recipe, a settings file or a ``--set`` is wrong."""


class LanguageError(PanlectError, LookupError):
    """A language code, name or group is not known."""


class FolderError(PanlectError, OSError):
    """A folder is missing, unfinished, damaged, or cannot be written."""

    # OSError.__str__ would print errno pairs.
    __str__ = PanlectError.__str__


class DataError(PanlectError, ValueError):
    """Rows do not have the columns or types that their table needs."""


class ModelError(PanlectError, RuntimeError):
    """A model or tokenizer is missing, unsafe, or cannot do what was asked."""
