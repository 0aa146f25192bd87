"""The one way in which a filter is refused."""


class FilterError(ValueError):
    """A filter that cannot be used.

    Attributes:
        offset: where in the text, in characters from 0.
        line: the same, as a line from 1.
        column: and a column from 1.
    """

    def __init__(self, text: str, offset: int, reason: str) -> None:
        self.offset = offset
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        super().__init__(f"Unparseable filter: line {self.line}, column {self.column}: {reason}")
