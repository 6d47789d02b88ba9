"""Packages that only some settings need."""

import importlib
from typing import Any

from panlect.errors import ConfigError


def needs(package: str, purpose: str, *, extra: str = "curate") -> Any:
    """Import a package of an extra, or say how to get it.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ConfigError(
            f"{purpose} needs the package {package}, which is not installed",
            where=purpose,
            fix=f"pip install 'panlect[{extra}]', or switch this setting off",
        ) from error
