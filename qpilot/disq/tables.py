"""Tables of a TOML file as objects: a key or name that is not known is refused with what comes close to it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect as types

from ..arch.errors import DriftError, QPilotError

Kinds = Mapping[str, Callable[..., Any]]
"""What a table may stand for: dataclasses, and functions whose arguments are annotated."""

Chosen = str | dict[str, Any]
"""One of some kinds: its name, or a table with its name as `kind` and its settings."""


def make_all(kinds: Kinds, chosen: Chosen | list[Chosen], place: str) -> list[Any]:
    """Make an object for each that is chosen."""
    if not isinstance(chosen, list):
        return [make(kinds, chosen, place)]
    return [make(kinds, each, f"{place}[{number}]") for number, each in enumerate(chosen)]


def make(kinds: Kinds, chosen: Chosen, place: str) -> Any:
    """Make an object of the kind that is chosen from its settings.

    Raises:
        DriftError: There is no such kind, or a setting is wrong.
    """
    settings = {"kind": chosen} if isinstance(chosen, str) else dict(chosen)
    if "kind" not in settings:
        raise DriftError(f"{place} has no kind; it must be one of {', '.join(kinds)}.")
    name = settings.pop("kind")
    if name not in kinds:
        raise _unknown(name, kinds, f"{place} is of kind {name!r}")
    kind = kinds[name]
    if is_dataclass(kind):
        return convert(settings, kind, place)
    arguments = msgspec.structs.asdict(convert(settings, _settings_of(kind), place))
    try:
        return kind(**arguments)
    except QPilotError as error:
        raise DriftError(f"{place}: {error}") from None


def _settings_of(function: Callable[..., Any]) -> type[msgspec.Struct]:
    """Return a type whose fields are the arguments of a function."""
    hints = get_type_hints(getattr(function, "func", function))
    fields: list[Any] = [
        (each.name, hints[each.name]) if each.default is each.empty else (each.name, hints[each.name], each.default)
        for each in inspect.signature(function).parameters.values()
    ]
    return msgspec.defstruct("Settings", fields, kw_only=True)


def convert(values: Any, kind: Any, place: str) -> Any:
    """Return values from a file as an object of a type.

    Raises:
        DriftError: A key or value is wrong.
    """
    _check(values, types.type_info(kind), place)
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        words, _, inner = str(error).replace("`", "").partition(" - at $")
        where = f"{place}{inner}" if place else inner.removeprefix(".")
        raise DriftError(f"{where}: {words[0].lower()}{words[1:]}.".removeprefix(": ")) from None
    except DriftError as error:  # a value is out of range
        raise DriftError(f"{place}: {error}" if place else str(error)) from None


def _check(value: Any, kind: types.Type, place: str) -> None:
    """Refuse keys and names that are not known, with what comes close to them; msgspec checks the rest."""
    if isinstance(kind, types.UnionType):
        for each in kind.types:  # of all unions here, only one part has keys or names
            _check(value, each, place)
    elif isinstance(kind, types.LiteralType):
        if value not in kind.values:
            raise _unknown(value, kind.values, f"{place} is {value!r}")
    elif isinstance(kind, (types.StructType, types.DataclassType)) and isinstance(value, dict):
        known = {field.name: field.type for field in kind.fields}
        for key, inner in value.items():
            where = f"{place}.{key}".removeprefix(".")
            if key not in known:
                raise _unknown(key, known, f"there is no key {where}")
            _check(inner, known[key], where)


def _unknown(name: Any, known: Iterable[Any], what: str) -> DriftError:
    """Return the error for a name that is not known: what was found, and what would be right."""
    names = sorted(map(str, known), key=str.lower)
    lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(str(name).lower(), lower, n=1)
    right = f"did you mean {lower[close[0]]!r}?" if close else f"known are {', '.join(names) or 'none'}."
    return DriftError(f"{what}; {right}")
