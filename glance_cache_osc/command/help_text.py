# SPDX-License-Identifier: Apache-2.0

"""How help is laid out."""

import argparse
from typing import Any


def paragraphs(
    formatter: Any,
) -> type[argparse.HelpFormatter]:
    """A formatter of help that keeps paragraphs, and indented lines."""

    class Paragraphs(formatter):  # type: ignore[misc]
        def _fill_text(self, text: str, width: int, indent: str) -> str:
            return '\n\n'.join(
                part
                if part.startswith(' ')
                else super(Paragraphs, self)._fill_text(part, width, indent)
                for part in text.split('\n\n')
            )

    return Paragraphs
