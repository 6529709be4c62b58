"""What a look at one thing found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `trouble` says what is wrong with it, if something is."""

    what: str
    trouble: str = ""
    note: str = ""

    @property
    def wrong(self) -> bool:
        """Whether it must be mended."""
        return bool(self.trouble)

    def __str__(self) -> str:
        if self.wrong:
            return f"WRONG {self.what}: {self.trouble}"
        return f"note  {self.what}: {self.note}" if self.note else f"ok    {self.what}"
