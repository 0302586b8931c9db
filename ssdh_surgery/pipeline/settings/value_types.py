"""The types of option values: ranges, and both written forms (command line, `ssdh.toml`).

A value is refused with a `ValueError` whose text is the requirement, phrased to follow
"must be" and "is not".
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ssdh_surgery.errors import UsageError

if TYPE_CHECKING:
    from ssdh_surgery.surgery.hashing.recipe import Filler


class ValueType:
    """How a value is read from TOML and written; by default a value is its own TOML form."""

    @property
    def requirement(self) -> str:
        """The requirement on a value."""
        raise NotImplementedError

    def from_toml(self, value: Any) -> Any:
        """The value of a key of `ssdh.toml`.

        Raises:
            ValueError: with the requirement.
        """
        raise NotImplementedError

    def to_toml(self, value: Any) -> Any:
        """The value as written in `ssdh.toml`."""
        return value

    def to_text(self, value: Any) -> str:
        """The value as written on the command line."""
        return str(value)


@dataclass(frozen=True)
class Integer(ValueType):
    """An integer of at least `least`, and at most `most` where there is a bound."""

    least: int = 1
    most: int | None = None

    @property
    def requirement(self) -> str:
        """The requirement on a value."""
        if self.most is None:
            return f"an integer of at least {self.least}"
        return f"an integer from {self.least} to {self.most}"

    def from_toml(self, value: Any) -> int:
        """The value of a key of `ssdh.toml`."""
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if not is_integer or value < self.least or (self.most is not None and value > self.most):
            raise ValueError(self.requirement)
        return int(value)


@dataclass(frozen=True)
class Choice(ValueType):
    """One of several words."""

    words: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """The requirement on a value."""
        return " or ".join(f"'{word}'" for word in self.words)

    def from_toml(self, value: Any) -> str:
        """The value of a key of `ssdh.toml`."""
        if value not in self.words:
            raise ValueError(self.requirement)
        return str(value)


class Flag(ValueType):
    """True or false; on the command line a pair of switches, `--NAME` and `--no-NAME`."""

    requirement = "true or false"

    def from_toml(self, value: Any) -> bool:
        """The value of a key of `ssdh.toml`."""
        if not isinstance(value, bool):
            raise ValueError(self.requirement)
        return bool(value)

    def to_text(self, value: Any) -> str:
        """The value as shown in a help text."""
        return "yes" if value else "no"


class TextValue(ValueType):
    """A value that is read from text, on the command line and by default in TOML."""

    def from_text(self, text: str) -> Any:
        """The value of an option on the command line.

        Raises:
            ValueError: with the requirement.
        """
        raise NotImplementedError

    def from_toml(self, value: Any) -> Any:
        """The value of a key of `ssdh.toml`."""
        if not isinstance(value, str):
            raise ValueError(self.requirement)
        return self.from_text(value)

    def to_toml(self, value: Any) -> Any:
        """The value as written in `ssdh.toml`."""
        return self.to_text(value)


class NonEmptyText(TextValue):
    """A name or a path: any text but an empty one."""

    requirement = "a non-empty string"

    def from_text(self, text: str) -> str:
        """The value of an option on the command line."""
        if not text:
            raise ValueError(self.requirement)
        return str(text)


class FileNamePart(TextValue):
    """A part of a file name; it may be empty."""

    requirement = "part of a file name"

    def from_text(self, text: str) -> str:
        """The value of an option on the command line."""
        if "/" in text or "\0" in text:
            raise ValueError(self.requirement)
        return str(text)


@dataclass(frozen=True)
class Number(TextValue):
    """A finite decimal number, kept exactly as written; `above` excludes its bound."""

    least: int | None = None
    above: int | None = None

    @property
    def requirement(self) -> str:
        """The requirement on a value."""
        if self.above is not None:
            return f"a number above {self.above}"
        return "a number" if self.least is None else f"a number of at least {self.least}"

    def from_text(self, text: str) -> Decimal:
        """The value of an option on the command line."""
        try:
            number = Decimal(text)
        except ArithmeticError:
            raise ValueError(self.requirement) from None
        if (
            not number.is_finite()
            or (self.above is not None and number <= self.above)
            or (self.least is not None and number < self.least)
        ):
            raise ValueError(self.requirement)
        return number

    def from_toml(self, value: Any) -> Decimal:
        """The value of a key of `ssdh.toml`: a number, or one in quotes."""
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError(self.requirement)
        return self.from_text(str(value))

    def to_toml(self, value: Decimal) -> int | float:
        """The value as written in `ssdh.toml`."""
        return int(value) if value == value.to_integral_value() else float(value)


@dataclass(frozen=True)
class Numbers(TextValue):
    """Several numbers, as `1,2` on the command line and as a list in TOML."""

    counts: tuple[int, ...]
    each: Number = Number()

    @property
    def requirement(self) -> str:
        """The requirement on a value."""
        words = f"a list of {' or '.join(map(str, self.counts))} numbers"
        return words if self.each.least is None else f"{words}, each at least {self.each.least}"

    def from_text(self, text: str) -> tuple[Decimal, ...]:
        """The value of an option on the command line."""
        return self._checked(text.split(","))

    def from_toml(self, value: Any) -> tuple[Decimal, ...]:
        """The value of a key of `ssdh.toml`."""
        if not isinstance(value, list):
            raise ValueError(self.requirement)
        return self._checked(value)

    def _checked(self, values: list[Any]) -> tuple[Decimal, ...]:
        if len(values) not in self.counts:
            raise ValueError(self.requirement)
        try:
            return tuple(map(self.each.from_toml, values))
        except ValueError:
            raise ValueError(self.requirement) from None

    def to_toml(self, value: tuple[Decimal, ...]) -> list[int | float]:
        """The value as written in `ssdh.toml`."""
        return list(map(self.each.to_toml, value))

    def to_text(self, value: tuple[Decimal, ...]) -> str:
        """The value as written on the command line."""
        return ",".join(map(str, value))


class FillerText(TextValue):
    """A filler: `gaussian:STD`, `xavier[:fan_in|fan_out|average]` or `msra`."""

    requirement = "a filler (gaussian:STD, xavier, xavier:fan_in|fan_out|average, or msra)"

    def from_text(self, text: str) -> Filler:
        """The value of an option on the command line."""
        from ssdh_surgery.surgery.hashing.recipe import Filler  # most commands take no filler

        try:
            return Filler.parse(text)
        except UsageError:
            raise ValueError(self.requirement) from None

    def to_text(self, value: Filler) -> str:
        """The value as written on the command line."""
        return value.text


class Assignments(TextValue):
    """`FIELD=VALUE`, given once for each field; in TOML a list of them."""

    requirement = "FIELD=VALUE"

    def from_text(self, text: str) -> tuple[str, str]:
        """One assignment of the command line."""
        name, _, value = text.partition("=")
        if not name or not value:
            raise ValueError(self.requirement)
        return name, value

    def from_toml(self, value: Any) -> tuple[tuple[str, str], ...]:
        """The value of a key of `ssdh.toml`."""
        try:
            if not isinstance(value, list) or not value:
                raise ValueError
            return tuple(self.from_text(str(each)) for each in value)
        except ValueError:
            raise ValueError(f"a list of {self.requirement}") from None

    def to_toml(self, value: tuple[tuple[str, str], ...]) -> list[str]:
        """The value as written in `ssdh.toml`."""
        return ["=".join(each) for each in value]
