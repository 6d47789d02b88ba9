"""Settings: one frozen, strict class per stage, read from YAML, with every mistake reported at once.

Hand-written configuration is YAML and sparse; machine-written configuration is JSON and complete.
YAML is read with the types of YAML 1.2, because two habits of YAML 1.1 bite exactly our users:
``no`` (Norwegian) would become ``False``, and ``2e9`` (a token budget) would stay a string.
"""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from panlect.errors import ConfigError


class Config(BaseModel):
    """The base of every stage's settings: frozen, strict, unknown keys refused.

    A sentence below each field is its documentation; `explain` and the JSON Schema show it.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True, allow_inf_nan=False
    )

    def files_named(self) -> tuple[str, ...]:
        """Files and directories beside the inputs whose content the result depends on.

        They are part of the result's fingerprint. A class whose settings name any adds them.
        """
        inner = [getattr(self, name) for name in type(self).model_fields]
        return tuple(
            file for value in inner if isinstance(value, Config) for file in value.files_named() if file
        )


C = TypeVar("C", bound=Config)


class _Loader(yaml.SafeLoader):
    """SafeLoader with YAML 1.2 booleans and numbers, refusing a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise ConfigError(
                    f"the key '{key}' is given twice",
                    where=f"{key_node.start_mark.name}:{line}",
                    fix="keep one of the two",
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _exact_number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    """Read 2e9 and 2.5e6 as the integers they mean, so that they fit fields that count tokens."""
    value = float(str(loader.construct_scalar(node)).replace("_", ""))
    return int(value) if value.is_integer() and "e" in str(node.value).lower() else value


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern) for tag, pattern in resolvers if not tag.endswith((":bool", ":float", ":timestamp"))
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$", re.I), list("tTfF"))
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\d[\d_]*\.\d*|\.\d+|\d[\d_]*(?=[eE]))(?:[eE][-+]?\d+)?$"),
    list("-+.0123456789"),
)
_Loader.add_constructor("tag:yaml.org,2002:float", _exact_number)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds one mapping.

    Raises:
        ConfigError: the file is missing, is not UTF-8 or YAML, or does not hold a mapping.
    """
    try:
        return parse_mapping(path.read_text(encoding="utf-8"), where=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the file ({error})", where=str(path), expected="a YAML file in UTF-8"
        ) from error


def parse_mapping(text: str, *, where: str) -> dict[str, Any]:
    """Read YAML text that holds one mapping; an empty text is an empty mapping."""
    loader = _Loader(text)
    loader.name = where
    try:
        value = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"this is not YAML ({problem})", where=place) from error
    finally:
        loader.dispose()
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ConfigError("expected a mapping of keys to values", where=where, fix="write `key: value` lines")
    return value


def parse_setting(text: str) -> tuple[list[str], Any]:
    """Read one ``--set a.b=value`` into its key path and its value (YAML, so ``[a, b]`` is a list)."""
    key, separator, value = text.partition("=")
    if not separator or not key.strip():
        raise ConfigError(f"cannot read the setting '{text}'", where="--set", expected="key=value")
    return key.strip().split("."), parse_mapping(f"value: {value}", where=f"--set {key}")["value"]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a did-you-mean sentence for a name that is not known, or the whole choice if none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f"'{name}'" for name in close) + "?"
    return "choose one of: " + ", ".join(known) if known else "remove it"


def check(kind: type[C], values: Mapping[str, Any], *, where: str) -> C:
    """Check settings against their class.

    Raises:
        ConfigError: lists every mistake, each as ``file:key``.
    """
    try:
        # JSON is the strict mode that still reads a list as a tuple and a string as a path.
        text = json.dumps(dict(values), default=str)
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise _all_mistakes(kind, error.errors(), where) from error


def _all_mistakes(kind: type[Config], mistakes: list[ErrorDetails], where: str) -> ConfigError:
    lines = []
    for mistake in mistakes:
        path = [str(part) for part in mistake["loc"]]
        key = ".".join(path)
        if mistake["type"] == "extra_forbidden":
            hint = nearest(path[-1], _known_keys(kind, path[:-1]))
            lines.append(f"{where}:{key}: unknown key; {hint}")
        else:
            message = mistake["msg"].removeprefix("Value error, ")
            got = "" if mistake["type"] == "missing" else f" (got {mistake['input']!r})"
            lines.append(f"{where}:{key}: {message}{got}")
    count = "1 setting is" if len(lines) == 1 else f"{len(lines)} settings are"
    return ConfigError(f"{count} wrong\n  " + "\n  ".join(lines), where=where)


def _known_keys(kind: type[BaseModel], path: list[str]) -> list[str]:
    """Follow a key path into nested settings and lists of them, as far as it can be known."""
    for part in path:
        if part.isdigit():
            continue
        field = kind.model_fields.get(part)
        inner = _model_in(field.annotation) if field else None
        if inner is None:
            break
        kind = inner
    return list(kind.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """Return the settings class inside an annotation such as ``tuple[Gate, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := _model_in(each))), None)


def explain(kind: type[Config]) -> str:
    """Return the settings as annotated YAML: each field's sentence, type and default.

    Settings within settings are written out where they are part of the defaults, and as comments where
    the default is null.
    """
    doc = [f"# {line}" for line in (kind.__doc__ or "").strip().splitlines()]
    return "\n".join(doc + _explained(kind, kind.model_construct())) + "\n"


def _explained(kind: type[BaseModel], defaults: BaseModel) -> list[str]:
    lines = []
    for name, field in kind.model_fields.items():
        lines += ["", *(f"# {line.strip()}" for line in (field.description or "").strip().splitlines())]
        value, inner = getattr(defaults, name, None), _model_in(field.annotation)
        if field.is_required():
            lines.append(f"{name}:  # required; {_type_name(field.annotation)}")
        elif isinstance(value, BaseModel):
            lines += [f"{name}:", *_indented(_explained(type(value), value))]
        else:
            shown = kind.model_construct(**{name: value}).model_dump(mode="json", include={name})[name]
            lines.append(f"{name}: {json.dumps(shown, ensure_ascii=False)}  # {_type_name(field.annotation)}")
            if inner and value is None:
                lines += [f"# {line}" for line in _indented(_explained(inner, inner.model_construct()))]
    return lines


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines if line]


def _type_name(annotation: object) -> str:
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return re.sub(r"\b(?:typing|pathlib|collections\.abc|panlect(?:\.\w+)*)\.", "", name)


def schema(kind: type[Config]) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of the settings, for completion in editors."""
    return kind.model_json_schema()
