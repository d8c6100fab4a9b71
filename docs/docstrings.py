"""Docstrings list parameters as ``name : meaning``; types are in signatures. mkdocstrings is told so by moving the meanings."""

import re
from typing import Any

import griffe

SECTION = re.compile(r"^(?:Parameters|Attributes)\n-+\n(?:(?!\n\S[^\n]*\n-+\n).)*", re.DOTALL | re.MULTILINE)


class Meanings(griffe.Extension):
    """Moves meanings to where numpy's style has them, on a line below the name."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of `obj`."""
        if obj.docstring:
            obj.docstring.value = SECTION.sub(
                lambda section: re.sub(r"^(\*{0,2}\w+(?:, \w+)*) : *", r"\1\n    ", section[0], flags=re.MULTILINE),
                obj.docstring.value,
            )
