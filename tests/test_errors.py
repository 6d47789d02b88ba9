"""The error tree: every error says what, where, expected and fix, and survives a process boundary."""

import pickle

import pytest

from panlect import errors

KINDS = [errors.ConfigError, errors.LanguageError, errors.FolderError, errors.DataError, errors.ModelError]


@pytest.mark.parametrize("kind", KINDS)
def test_message_has_every_part(kind: type[errors.PanlectError]) -> None:
    error = kind("what", where="file:key", expected="this", fix="do that")
    assert str(error) == "what\n  where: file:key\n  expected: this\n  fix: do that"
    assert str(kind("what")) == "what"
    assert isinstance(error, errors.PanlectError)


@pytest.mark.parametrize("kind", KINDS)
def test_errors_cross_processes(kind: type[errors.PanlectError]) -> None:
    again = pickle.loads(pickle.dumps(kind("what", where="here", fix="do that")))
    assert type(again) is kind
    assert str(again) == "what\n  where: here\n  fix: do that"


def test_standard_library_parents() -> None:
    parents = {"ConfigError": ValueError, "LanguageError": LookupError, "FolderError": OSError}
    parents |= {"DataError": ValueError, "ModelError": RuntimeError}
    assert all(issubclass(getattr(errors, name), parent) for name, parent in parents.items())
