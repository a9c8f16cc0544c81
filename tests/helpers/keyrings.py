"""A keyring in the place of the system's."""


class Library:
    """A keyring in memory; with `broken`, every call raises something that no one expects."""

    def __init__(self, *, broken: bool = False, forgetful: bool = False) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.broken = broken
        self.forgetful = forgetful

    def get_password(self, service: str, key: str) -> str | None:
        self._break()
        return self.entries.get((service, key))

    def set_password(self, service: str, key: str, value: str) -> None:
        self._break()
        if not self.forgetful:
            self.entries[service, key] = value

    def delete_password(self, service: str, key: str) -> None:
        self._break()
        del self.entries[service, key]

    def _break(self) -> None:
        if self.broken:
            raise ZeroDivisionError("s3same")
