"""Panlect teaches open language models the languages their users speak, and proves it.

The public names live in the modules they belong to (``panlect.language``, ``panlect.folder``, ...);
nothing is imported here, so that ``import panlect`` costs nothing.
"""

__version__ = "0.1.0"
