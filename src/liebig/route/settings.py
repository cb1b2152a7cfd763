"""Configuration of the gateway: upstreams, models, prices, routing; one TOML file.

Secrets never stand in it: a key is named by an environment variable or a file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from liebig.errors import InputError
from liebig.reading import made, read_text
from liebig.toml_files import read_toml_file

__all__ = [
    "LedgerSettings",
    "ModelSettings",
    "RoutingSettings",
    "ServerSettings",
    "Settings",
    "UpstreamSettings",
    "read_settings",
    "secret_of",
]

Usd = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$")]


def _variable(given: str) -> str:
    if given and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", given):
        raise ValueError("expected the name of an environment variable, not a key")
    return given


Variable = Annotated[str, AfterValidator(_variable)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ServerSettings(_Part):
    """Where the gateway listens and what it takes in."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(default=8080, description="port; 0 takes a free one")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(default=1, description="processes")
    most_body_mb: Annotated[float, Field(gt=0, le=1000)] = Field(default=20, description="largest request, MB")
    most_in_flight: Annotated[int, Field(ge=1, le=100_000)] = Field(default=1000, description="requests at once")
    drain_s: Seconds = Field(default=30, description="time that running answers get when the gateway stops")
    keys: bool = Field(default=True, description="clients need a key")
    insecure: bool = Field(default=False, description="allow a public address without keys")
    log_prompts: bool = Field(default=False, description="write prompts to the log")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="least level logged")
    admin_key_env: Variable = Field(default="LIEBIG_ADMIN_KEY", description="variable with the key of /admin")


class LedgerSettings(_Part):
    """Where calls are written down."""

    url: str = Field(default="sqlite:liebig-ledger.db", description="sqlite:FILE or postgresql://...")


class UpstreamSettings(_Part):
    """A server that answers in the way of OpenAI's API."""

    name: Name
    url: str = Field(description="up to and with /v1")
    key_env: Variable = Field(default="", description="environment variable that holds its key")
    key_file: str = Field(default="", description="file that holds its key")
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = Field(default=64, description="requests at once")
    queue: Annotated[int, Field(ge=0, le=100_000)] = Field(default=128, description="requests that wait beyond it")
    connect_timeout_s: Seconds = Field(default=5, description="to connect")
    first_byte_timeout_s: Seconds = Field(default=120, description="until the answer begins")
    idle_timeout_s: Seconds = Field(default=60, description="between two parts of an answer")
    total_timeout_s: Seconds = Field(default=900, description="for the whole answer")
    retries: Annotated[int, Field(ge=0, le=10)] = Field(default=2, description="attempts after the first")
    breaker_failures: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=5, description="in a row that open the circuit"
    )
    breaker_s: Seconds = Field(default=15, description="before it is tried again")
    verify_tls: bool = Field(default=True, description="check its certificate")

    @field_validator("url")
    @classmethod
    def _address(cls, given: str) -> str:
        if not given.startswith(("http://", "https://")) or any(c in given for c in " \r\n\t#?@"):
            raise ValueError("expected http://... or https://... without user, query or fragment")
        return given.rstrip("/")


class ModelSettings(_Part):
    """A model that clients and routers can name."""

    name: Name
    upstream: str
    upstream_model: str = Field(default="", description="its name there; by default the same")
    input_usd_per_mtok: Usd = Field(default=0, description="per million tokens of a prompt")
    cached_usd_per_mtok: Usd | None = Field(default=None, description="per million tokens of a prompt that is cached")
    output_usd_per_mtok: Usd = Field(default=0, description="per million tokens of an answer")
    wh_per_mtok: Annotated[float, Field(ge=0, le=1e7, allow_inf_nan=False)] | None = Field(
        default=None, description="energy of a million tokens of answer, when known"
    )
    active_parameters: Annotated[float, Field(gt=0, le=1e16)] | None = Field(
        default=None, description="from which energy is estimated otherwise"
    )
    fallbacks: tuple[str, ...] = Field(default=(), description="models that answer when it cannot")


class RoutingSettings(_Part):
    """How ``auto`` chooses."""

    router: str = Field(default="default", description="file of a trained router, or the name of a built-in one")
    models: tuple[str, ...] = Field(default=(), description="models to choose from, weakest first")
    quality: Annotated[float, Field(gt=0, le=1)] = Field(default=0.95, description="share of the strongest's quality")
    usd_per_mtok: Usd | None = Field(default=None, description="spending target instead of a quality")
    sticky: bool = Field(default=True, description="a conversation that was escalated stays with the strong model")
    cascade: bool = Field(default=False, description="ask the weak model first and look at its answer")
    site: str = Field(default="us-average", description="place whose grid gives the carbon")


class Settings(_Part):
    """All of it."""

    server: ServerSettings = ServerSettings()
    ledger: LedgerSettings = LedgerSettings()
    upstream: tuple[UpstreamSettings, ...] = Field(min_length=1)
    model: tuple[ModelSettings, ...] = Field(min_length=1)
    routing: RoutingSettings = RoutingSettings()
    folder: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        problems = [*_doubles("upstream", [u.name for u in self.upstream])]
        problems += _doubles("model", [m.name for m in self.model])
        servers, models = {u.name for u in self.upstream}, {m.name for m in self.model}
        for m in self.model:
            if m.upstream not in servers:
                problems.append(f"model {m.name}: no upstream {m.upstream!r}; there are {', '.join(sorted(servers))}")
            problems += [f"model {m.name}: no model {f!r} to fall back to" for f in m.fallbacks if f not in models]
            if m.name == "auto" or m.name.startswith("auto:"):
                problems.append(f"model {m.name}: that name asks the router to choose; take another")
        problems += [f"routing: no model {n!r}" for n in self.routing.models if n not in models]
        problems += _doubles("routing model", list(self.routing.models))
        if (
            not self.server.keys
            and not self.server.insecure
            and self.server.host not in ("127.0.0.1", "::1", "localhost")
        ):
            problems.append(f"server: {self.server.host} can be reached by others; set keys = true, or insecure = true")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def pool(self) -> tuple[ModelSettings, ...]:
        """Models that ``auto`` chooses from, weakest first: as listed, or by price."""
        known = {m.name: m for m in self.model}
        if self.routing.models:
            return tuple(known[n] for n in self.routing.models)
        return tuple(sorted(self.model, key=lambda m: m.input_usd_per_mtok + m.output_usd_per_mtok))

    @property
    def ledger_url(self) -> str:
        """Address of the ledger; a file's is relative to the file of the settings.

        >>> given = {"upstream": [{"name": "u", "url": "http://u/v1"}], "model": [{"name": "m", "upstream": "u"}]}
        >>> settings_from(given, folder=Path("/etc/liebig")).ledger_url
        'sqlite:/etc/liebig/liebig-ledger.db'
        """
        scheme, _, rest = self.ledger.url.partition(":")
        if scheme == "sqlite" and rest and not rest.startswith((":", "/")):
            return f"sqlite:{self.folder / rest}"
        return self.ledger.url

    def upstream_named(self, name: str) -> UpstreamSettings:
        """The upstream of that name."""
        return next(u for u in self.upstream if u.name == name)


def _doubles(what: str, names: list[str]) -> list[str]:
    return [f"{what} {n!r} is named twice" for n in sorted({n for n in names if names.count(n) > 1})]


def read_settings(path: str | Path) -> Settings:
    """Settings from a TOML file.

    Raises:
        InputError: cannot be read; all problems are named.
    """
    path = Path(path)
    content = read_toml_file(path, "gateway")
    return settings_from(content, str(path), path.parent)


def settings_from(content: dict[str, Any], where: str = "settings", folder: Path | None = None) -> Settings:
    """Settings from a mapping.

    Raises:
        InputError: all problems are named.
    """
    if "folder" in content:
        raise InputError(f"{where}: folder: unknown setting")
    given = {**content, "folder": folder or Path()}
    return made(Settings, given, where, noun="setting", secret=True)


def secret_of(upstream: UpstreamSettings, folder: Path) -> str:
    """The key of an upstream, empty where none is needed.

    Raises:
        InputError: the variable is not set, or the file cannot be read.
    """
    if upstream.key_env:
        value = os.environ.get(upstream.key_env, "").strip()
        if not value:
            raise InputError(f"upstream {upstream.name}: the environment variable {upstream.key_env} is not set")
        return _checked(value, f"upstream {upstream.name}: {upstream.key_env}")
    if upstream.key_file:
        path = folder / upstream.key_file
        value = read_text(path, f"the key of upstream {upstream.name}").strip()
        return _checked(value, f"upstream {upstream.name}: {path}")
    return ""


def _checked(value: str, where: str) -> str:
    if not value.isascii() or not value.isprintable() or " " in value:
        raise InputError(f"{where}: holds more than a key (blanks, line breaks or letters outside ASCII)")
    return value
