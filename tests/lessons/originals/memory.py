"""What one side of the comparison remembers while a scenario is played on it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True)
class SetCookie:
    """One Set-Cookie header, taken apart."""

    name: str
    value: str
    attributes: dict[str, str]

    @classmethod
    def parse(cls, header: str) -> "SetCookie":
        """Take a header apart; attributes' names in lower case."""
        first, *rest = header.split(";")
        name, _, value = first.strip().partition("=")
        pairs = (piece.strip().partition("=") for piece in rest)
        return cls(name, value.strip('"'), {key.lower(): text for key, _, text in pairs})

    @property
    def path(self) -> str:
        return self.attributes.get("path", "")

    @property
    def deletes(self) -> bool:
        """Whether a browser forgets the cookie on seeing this."""
        age = self.attributes.get("max-age")
        if age is not None:
            return int(age) <= 0
        expires = self.attributes.get("expires")
        return expires is not None and parsedate_to_datetime(expires) <= datetime.now(UTC)


@dataclass
class Jar:
    """The cookies of one browser, by name and path as a browser keeps them."""

    cookies: dict[tuple[str, str], str] = field(default_factory=dict)

    def see(self, headers: list[str]) -> None:
        """Take in the Set-Cookie headers of an answer."""
        for cookie in map(SetCookie.parse, headers):
            if cookie.deletes:
                self.cookies.pop((cookie.name, cookie.path), None)
            else:
                self.cookies[cookie.name, cookie.path] = cookie.value

    def header(self, path: str) -> str:
        """Return the Cookie header for a request of `path`."""
        return "; ".join(
            f"{name}={value}"
            # Browsers put the cookies of longer paths first.
            for (name, scope), value in sorted(
                self.cookies.items(), key=lambda kept: -len(kept[0][1])
            )
            if path == scope or path.startswith(scope.rstrip("/") + "/")
        )


@dataclass
class Memory:
    """What a side knows in the middle of a scenario."""

    mount: str
    jwt_key: str
    jar: Jar = field(default_factory=Jar)
    kept: dict[str, str] = field(default_factory=dict)
