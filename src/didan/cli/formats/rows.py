"""What formats of rows print, be it predictions or summaries."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.table import Table


class Rows(Protocol):
    """Rows to print, in one of three ways; they can be gone through once."""

    @property
    def header(self) -> Sequence[str]:
        """Names of the fields."""

    def fields(self) -> Iterator[Sequence[str]]:
        """Each row as fields, as spreadsheets want them."""

    def objects(self) -> Iterator[dict[str, Any]]:
        """Each row as an object of JSON; docs/reference/prediction.schema.json describes them."""

    def table(self) -> "Table":
        """All rows as a table for people."""
