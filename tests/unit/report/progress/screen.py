"""A terminal reduced to what the live view uses: moves, erasures, colours that are ignored."""

import re

_CODE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|\r|\n|[^\x1b\r\n]+")


class Screen:
    """What a person would see after all this output.

    Attributes:
        cursor_visible: whether the cursor was left visible.
    """

    def __init__(self, output: str) -> None:
        self._lines = [""]
        self._row = 0
        self._column = 0
        self.cursor_visible = True
        end = 0
        for match in _CODE.finditer(output):
            assert match.start() == end, f"unknown output: {output[end : match.start()]!r}"
            end = match.end()
            self._take(match)
        assert end == len(output)

    @property
    def lines(self) -> list[str]:
        """Every line, without spaces at its end; empty lines at the end are left out."""
        text = "\n".join(line.rstrip() for line in self._lines).rstrip()
        return text.split("\n") if text else []

    def _take(self, match: re.Match[str]) -> None:
        text, code = match[0], match[2]
        if text == "\r":
            self._column = 0
        elif text == "\n":
            self._row, self._column = self._row + 1, 0
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif code is None:
            line = self._lines[self._row].ljust(self._column)
            self._lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
            self._column += len(text)
        else:
            self._obey(code, match[1])

    def _obey(self, code: str, argument: str) -> None:
        match code:
            case "A":
                self._row -= int(argument or 1)
            case "K":
                self._lines[self._row] = ""
            case "h" | "l" if argument == "?25":
                self.cursor_visible = code == "h"
            case "m":
                pass
            case _:
                raise AssertionError(f"unknown code {argument}{code}")
