"""The problems that pydantic finds in what is given, as sentences: the name, what was expected, and the value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_args

from liebig.errors import UnitError, UnknownNameError, nearest_names, shown
from liebig.quantities import parse_quantity

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["sentences", "switches_as_numbers", "unknown_name"]

#: What pydantic says, and what is said instead.
_WORDS = (
    (r", (unable to|got|not) .*$", ""),
    (r" after validation", ""),
    (r"^Input should be (greater|less)", r"expected a number \1"),
    (r"^Unable to parse input string as an integer, exceeded .*$", "expected a whole number that is not so far from 0"),
    (r"^Input should be ", "expected "),
    (r"^\w+ should ", "expected to "),
    (r"a valid integer", "a whole number"),
    (r"a valid string", "a text"),
    (r"a valid boolean", "true or false"),
    (r"a valid dictionary( or instance of \w+)?", "a table"),
    (r"a valid (tuple|list|set)", "a list"),
)
#: From here on a float no longer holds every whole number.
_LARGE = 2.0**53
#: The names that pydantic has for members of a union, where the place of a problem is told.
_MEMBER = re.compile(r"(str|float|int|bool|none|dict|list|tuple|set|literal|nullable|constrained|function)\b.*")


def sentences(
    problems: Iterable[Mapping[str, Any]],
    given: Any,
    model: type[BaseModel] | None = None,
    *,
    noun: str = "name",
    secret: bool = False,
) -> list[str]:
    """One sentence for each field that pydantic refuses.

    Args:
        problems: as pydantic lists them.
        given: what was to be a model.
        model: whose names are offered instead of unknown ones.
        noun: what a field is called, such as "option".
        secret: whether values may be secrets in the wrong place; those that a check of liebig's own refuses and whole
            tables are not shown then.

    >>> problem = {"type": "int_parsing", "loc": ("chips",), "input": "many", "msg": "Input should be a valid integer"}
    >>> sentences([problem], {"chips": "many"})
    ["chips: expected a whole number (got 'many')"]
    >>> sentences([{"type": "missing", "loc": ("run", "days"), "input": {}, "msg": ""}], {"run": {}})
    ['run.days is missing']
    """
    out: list[tuple[str, str, str]] = []
    for problem in _causes(list(problems)):
        name, text, shown = _parts(problem, given, model, noun, secret)
        before = out[-1] if out else ("", "", "")
        more = text.removeprefix("expected ")
        if name and (name, shown) == (before[0], before[2]) and before[1].startswith("expected ") and more != text:
            # each member of a union says what it expected
            out[-1] = (name, before[1] if more in before[1] else f"{before[1]} or {more}", shown)
        else:
            out.append((name, text, shown))
    return [
        (f"{name}: " if name else "") + text + (f" (got {shown})" if shown and shown not in text else "")
        for name, text, shown in out
    ]


def switches_as_numbers(given: Any, model: type[BaseModel]) -> list[str]:
    """One sentence for each true or false that is given where a model has a number, which pydantic reads as 1 or 0.

    >>> from pydantic import BaseModel
    >>> class Run(BaseModel):
    ...     chips: int
    ...     offload: bool = False
    >>> switches_as_numbers({"chips": True, "offload": True}, Run)
    ['chips: expected a whole number (got True)']
    """
    found = _in_fields(given, model, "") if isinstance(given, Mapping) else []
    return [f"{place}: expected a {noun} (got {value})" for place, noun, value in found]


def _in_fields(given: Mapping[str, Any], model: Any, before: str) -> list[tuple[str, str, bool]]:
    fields = {name: field.annotation for name, field in model.model_fields.items() if name in given}
    return [found for name, kind in fields.items() for found in _switches(given[name], kind, f"{before}{name}")]


def _switches(value: Any, annotation: Any, place: str) -> list[tuple[str, str, bool]]:
    """Where within a value true or false stands for a number, and what was expected there."""
    if isinstance(value, bool):
        types = set(_types(annotation))
        wrong = types & {int, float} and not types & {bool, Any}
        return [(place, "number" if float in types else "whole number", value)] if wrong else []
    model = _model_in(annotation)
    if isinstance(value, Mapping) and model is not None:
        return _in_fields(value, model, f"{place}.")
    parts: Iterable[Any] = value.items() if isinstance(value, Mapping) else ()
    if isinstance(value, (list, tuple)):
        parts = enumerate(value)
    return [found for part, inner in parts for found in _switches(inner, annotation, f"{place}.{part}")]


def _types(annotation: Any) -> Iterator[Any]:
    """The types that a type is made of: ``int`` and ``float`` of ``list[int | float]``."""
    inner = get_args(annotation)
    if not inner:
        yield annotation
    for part in inner:
        yield from _types(part)


def _causes(problems: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Problems without those that only follow: a list is too short because its items could not be used."""
    return [
        p
        for p in problems
        if p["type"] != "too_short" or not any(q is not p and q["loc"][: len(p["loc"])] == p["loc"] for q in problems)
    ]


def _parts(
    problem: Mapping[str, Any], given: Any, model: type[BaseModel] | None, noun: str, secret: bool
) -> tuple[str, str, str]:
    """Name of the field, what is wrong, and the value where it is shown."""
    place = _place(problem["loc"], given)
    name = ".".join(place)
    if problem["type"] == "missing":
        return "", f"column {name!r} is empty; it is required" if noun == "column" else f"{name} is missing", ""
    if problem["type"] == "extra_forbidden":
        return ".".join(place[:-1]), unknown_name(place[-1], _names_at(model, place[:-1]), noun), ""
    named = f"column {name!r}" if noun == "column" and name else name
    return named, _words(problem), _shown(problem, secret) if name else ""


def _place(where: Sequence[str | int], given: Any) -> list[str]:
    """Where in what is given a problem is; members of unions are left out."""
    out, here = [], given
    for part in where:
        inside = here.get(part) if isinstance(here, Mapping) else None
        if isinstance(part, int) and isinstance(here, (list, tuple)) and part < len(here):
            inside = here[part]
        if inside is None and _MEMBER.fullmatch(str(part)) and not (isinstance(here, Mapping) and part in here):
            continue
        here = inside
        out.append(str(part))
    return out


def _shown(problem: Mapping[str, Any], secret: bool) -> str:
    value = problem["input"]
    if secret and (problem["type"] == "value_error" or isinstance(value, (Mapping, list, tuple))):
        return ""
    return shown(value)


def _words(problem: Mapping[str, Any]) -> str:
    text = str(problem["msg"])
    if problem["type"] == "value_error":  # the words of a check of liebig's own
        return text.removeprefix("Value error, ")
    for pattern, instead in _WORDS:
        text = re.sub(pattern, instead, text)
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        near = nearest_names(problem["input"], re.findall(r"'([^']*)'", text))
        text += f"; did you mean {near[0]!r}?" if near else ""
    if problem["type"] == "int_parsing" and isinstance(problem["input"], str):
        text += _in_digits(problem["input"])
    return text


def _in_digits(text: str) -> str:
    """How to write a whole number that stands in another form, such as 10M; empty for other texts."""
    try:
        value = parse_quantity(text, "x")
    except UnitError:
        return ""
    return f"; did you mean {value:.0f}?" if value.is_integer() and abs(value) < _LARGE else ""


def unknown_name(name: str, valid: Sequence[str], noun: str) -> str:
    """What is said of a name that nothing bears: those like it, or else all there are.

    >>> unknown_name("chps", ["chips", "model"], "option")
    "unknown option 'chps'; did you mean 'chips'?"
    >>> unknown_name("zzz", ["chips", "model"], "option")
    "unknown option 'zzz'; expected one of chips, model"
    """
    if nearest_names(name, valid):
        return str(UnknownNameError(noun, name, valid))
    return f"unknown {noun} {shown(name)}" + (f"; expected one of {', '.join(valid)}" if valid else "")


def _names_at(model: Any, place: Sequence[str]) -> list[str]:
    """Names of the fields of a model, or of the model that one of its fields holds."""
    for part in place:
        fields = getattr(model, "model_fields", {})
        if part in fields:  # otherwise a key or a number, of a field that holds many
            model = _model_in(fields[part].annotation)
    return list(getattr(model, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    """The first model within a type such as ``tuple[Model, ...]`` or ``Model | None``; None where there is none."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((m for m in map(_model_in, get_args(annotation)) if m is not None), None)
