"""Accelerators: from the catalogue, from a file of the user's own, or from a few numbers."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, field_validator, model_validator

from liebig.catalog import constant, load_catalog
from liebig.catalog.training_rows import ChipRow
from liebig.cluster.ranges import out_of_range
from liebig.errors import InputError, UnknownNameError
from liebig.reading import attempt, real_path
from liebig.toml_files import read_toml_file

__all__ = [
    "PRECISIONS",
    "AttentionTable",
    "Chip",
    "MatmulTable",
    "chip",
    "chip_from_fields",
    "chip_names",
    "from_data_sheet",
    "precision_of",
]


Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Natural = Annotated[int, Field(ge=1, le=10**8)]

#: Precisions of matrix multiplications that a plan can name.
PRECISIONS = ("fp32", "tf32", "fp16", "bf16", "fp8", "fp8-block", "mxfp8", "int8", "mxfp4", "nvfp4")
_SPELLINGS = {
    "float32": "fp32",
    "float16": "fp16",
    "half": "fp16",
    "bfloat16": "bf16",
    "bf16+sr": "bf16",
    "mixed": "bf16",
    "bf16+fp32optimizer": "bf16",
    "fp8-cs": "fp8",
    "fp8_cs": "fp8",
    "fp8-ds": "fp8",
    "fp8_mx": "mxfp8",
    "fp8_sc": "fp8-block",
    "fp8-sc": "fp8-block",
    "fp8-mx": "mxfp8",
    "fp8/int8quantised": "int8",
    "int8(quantised)": "int8",
    "fp8_block": "fp8-block",
    "blockwisefp8": "fp8-block",
    "fp4": "nvfp4",
    "nvfp4_bf16": "nvfp4",
    "mx": "mxfp8",
    "e4m3": "fp8",
    "hybrid": "fp8",
    "16-mixed": "fp16",
    "bf16-mixed": "bf16",
    "fp8hybrid": "fp8",
}

#: Where the peak of a precision is stated: its own units first, then those that stand in.
_PEAKS: dict[str, tuple[str, ...]] = {
    "fp32": ("peak_fp32",), "tf32": ("peak_tf32", "peak_fp32"), "fp16": ("peak_fp16",), "bf16": (),
    "fp8": ("peak_fp8",), "fp8-block": ("peak_fp8",), "mxfp8": ("peak_fp8",), "int8": ("peak_int8", "peak_fp8"),
    "mxfp4": ("peak_fp4", "peak_fp8"), "nvfp4": ("peak_fp4", "peak_fp8"),
}  # fmt: skip


def precision_of(text: str, *, whole: bool = False) -> str:
    """The precision that a text names, in the house's spelling.

    Args:
        text: a name, or the words of a published row that hold one.
        whole: the text must be a name.

    Raises:
        UnknownNameError: it names none.

    >>> precision_of("BF16+SR"), precision_of("fp8-cs")
    ('bf16', 'fp8')
    """
    plain = "".join(text.lower().split())
    plain = _SPELLINGS.get(plain, plain)
    if plain in PRECISIONS:
        return plain
    for name in () if whole else ("nvfp4", "mxfp8", "mxfp4", "fp8", "int8", "bf16", "fp16", "tf32", "fp32"):
        if name in plain:
            return name
    raise UnknownNameError("precision", text, PRECISIONS)


class MatmulTable(BaseModel):
    """Measured speed of products of an (m, k) with a (k, n) matrix, FLOP/s, nested as ``[m][n][k]``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    m: tuple[Natural, ...]
    n: tuple[Natural, ...]
    k: tuple[Natural, ...]
    flop_per_s: tuple[tuple[tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...], ...], ...]

    @model_validator(mode="after")
    def _has_a_speed_for_each_shape(self) -> MatmulTable:
        for name in ("m", "n", "k"):
            sizes = getattr(self, name)
            if len(sizes) < 2 or list(sizes) != sorted(set(sizes)):
                raise ValueError(f"{name}: expected at least two sizes that grow")
        rows = [row for plane in self.flop_per_s for row in plane]
        if (
            len(self.flop_per_s) != len(self.m)
            or any(len(plane) != len(self.n) for plane in self.flop_per_s)
            or any(len(row) != len(self.k) for row in rows)
        ):
            raise ValueError(
                f"flop_per_s: expected {len(self.m)} × {len(self.n)} × {len(self.k)} numbers, one for each m, n and k"
            )
        return self


class AttentionTable(BaseModel):
    """Measured speed of fused causal attention, FLOP/s forward, by tokens of a sequence."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lengths: tuple[Natural, ...]
    flop_per_s: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...]

    @model_validator(mode="after")
    def _has_a_speed_for_each_length(self) -> AttentionTable:
        if not self.lengths or len(self.lengths) != len(self.flop_per_s):
            raise ValueError("expected one flop_per_s for each of lengths")
        if list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError("lengths: expected sizes that grow")
        return self


class Chip(BaseModel):
    """One accelerator with its memory and links; rates are per chip, and per direction for links.

    >>> Chip(name="asic", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12).peak("fp8")
    1000000000000000.0
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    family: str = ""
    release: str = ""
    peak_bf16: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    peak_fp16: Rate | None = None
    peak_fp32: Rate | None = None
    peak_tf32: Rate | None = None
    peak_fp8: Rate | None = None
    peak_int8: Rate | None = None
    peak_fp4: Rate | None = None
    memory_bytes: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bandwidth: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    on_chip_bytes: Rate | None = None
    tdp_w: Rate | None = None
    system_w: Rate | None = None
    scale_up: str = ""
    scale_up_domain: Natural = 1
    scale_up_bandwidth: Rate = 0.0
    scale_up_kind: Literal["switch", "mesh", "torus2d", "torus3d", "pcie", "none"] = "none"
    chips_per_node: Natural = 8
    scale_out_bandwidth: Rate = 0.0
    scale_out_kind: str = ""
    host_bandwidth: Rate | None = None
    vendor: str = ""
    #: cores of one chip that a framework may count as devices
    cores: Natural = 1
    #: measured efficiency of matrix multiplications relative to the general curve, by precision
    matmul_level: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(default_factory=dict)
    #: seconds from one kernel's launch to the next, when measured
    launch_s: Rate | None = None
    #: speeds of products and of attention that were measured on the very chip, by precision
    matmul_measured: dict[str, MatmulTable] = Field(default_factory=dict)
    attention_measured: dict[str, AttentionTable] = Field(default_factory=dict)
    #: share of the memory bandwidth that element-wise work reaches, when measured
    memory_level: Annotated[float, Field(gt=0, le=1.5, allow_inf_nan=False)] | None = None
    #: the chip of the table that ``like`` led to
    _base: Chip | None = PrivateAttr(default=None)

    @field_validator("matmul_measured", "attention_measured", "matmul_level")
    @classmethod
    def _by_known_precision(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in PRECISIONS:
                raise ValueError(f"unknown precision {name!r}; expected one of {', '.join(PRECISIONS)}")
        return given

    def __hash__(self) -> int:
        return hash((self.name, self.peak_bf16, self.memory_bytes))

    def peak(self, precision: str = "bf16") -> float:
        """Dense FLOP/s at a precision; the next wider one where the chip lacks it.

        A chip that states single precision and no TF32 has no units for the latter.  Where neither is stated, they are
        ``chip.fp32_share`` and ``chip.tf32_share`` (table ``constants``) of bfloat16.
        """
        for name in _PEAKS[precision]:
            value = getattr(self, name)
            if value:
                return float(value)
        if precision in ("fp32", "tf32"):
            return constant(f"chip.{precision}_share") * self.peak_bf16
        return self.peak_bf16

    @property
    def h100e(self) -> float:
        """H100-equivalents of one chip: its fastest dense operations of 8 bits or more over those of an H100.

        >>> round(chip("H100-SXM").h100e, 3), round(chip("A100-SXM-80GB").h100e, 3)
        (1.0, 0.315)
        """
        return max(self.peak("fp8"), self.peak("int8")) / constant("chip.h100e_flop_per_s")

    def runs_as(self, precision: str) -> str:
        """The precision whose units multiply: a wider one where the chip lacks those of a narrow one.

        >>> asic = Chip(name="asic", peak_bf16=1e15, memory_bytes=96e9, memory_bandwidth=4e12)
        >>> asic.runs_as("fp8"), asic.model_copy(update={"peak_fp8": 2e15}).runs_as("nvfp4"), asic.runs_as("fp32")
        ('bf16', 'fp8', 'fp32')
        """
        stated = [name for name in _PEAKS[precision] if getattr(self, name)]
        narrow = precision not in ("fp32", "tf32", "fp16", "bf16")
        if not narrow or (stated and stated[0] == _PEAKS[precision][0]):
            return precision
        return stated[0].removeprefix("peak_") if stated else "bf16"

    @property
    def base_name(self) -> str:
        """The chip of the table that this one started from (``like``), else its own name: whose kernels it has."""
        return self.name if self._base is None else self._base.name

    @property
    def stated(self) -> frozenset[str]:
        """Fields in which a user's chip differs from the one of the table that it started from, or from an empty one.

        >>> sorted(chip_from_fields({"like": "H100-SXM", "tdp_w": 500, "cores": 1}).stated), chip("H100-SXM").stated
        (['tdp_w'], frozenset())
        """
        if self._base is None and self in (_catalogue()[0].get(self.name), _database().get(_plain(self.name))):
            return frozenset()
        start = {n: f.get_default(call_default_factory=True) for n, f in Chip.model_fields.items()}
        if self._base is not None:
            start = dict(self._base)
        return frozenset(n for n in start if n != "name" and getattr(self, n) != start[n])

    @property
    def table_name(self) -> str:
        """The chip of the table that this one is, whatever it is called.

        A chip of which a number was changed is another one.

        >>> fields = {"name": "ours", "like": "H100-SXM"}
        >>> chip_from_fields(fields).table_name, chip_from_fields({**fields, "tdp_w": 500}).table_name
        ('H100-SXM', 'ours')
        """
        if self._base is None or {**self.model_dump(), "name": self._base.name} != self._base.model_dump():
            return self.name
        return self._base.name

    @property
    def measured(self) -> bool:
        """True for a chip whose products were timed with ``liebig calibrate chip``."""
        return bool(self.matmul_measured)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def from_data_sheet(machine: Chip) -> bool:
    """Whether a chip's numbers were read from its data sheet, or stated by the user; else a database lists them.

    >>> from_data_sheet(chip("H100-SXM")), from_data_sheet(chip("RTX A5000"))
    (True, False)
    """
    return machine.base_name in _catalogue()[0] or _plain(machine.base_name) not in _database() or bool(machine.stated)


@functools.cache
def _catalogue() -> tuple[dict[str, Chip], dict[str, str]]:
    """Chips that were read from data sheets, by name, and name by spelling."""
    rows = _rows("liebig")
    chips = {row.name: _of_row(row) for row in rows}
    spelling = {_plain(row.name): row.name for row in rows}
    # an unspecific name means what people mean by it today, not what Epoch AI listed when it was new
    for column in ("aliases", "epoch_names"):
        for row in rows:
            for name in getattr(row, column).split(";"):
                if name.strip():
                    spelling.setdefault(_plain(name), row.name)
    return chips, spelling


def _rows(kept_by: str) -> list[ChipRow]:
    return [r for r in load_catalog().chips() if r.kept_by == kept_by]


def _of_row(row: ChipRow, **changes: Any) -> Chip:
    same = set(Chip.model_fields) & set(ChipRow.model_fields)
    return Chip(**{**{k: getattr(row, k) for k in same}, **changes})


def chip_names() -> tuple[str, ...]:
    """Names of the chips that were read from data sheets, links included."""
    return tuple(_catalogue()[0])


def chip(name: str | Path) -> Chip:
    """An accelerator by its name (any usual spelling) or from a TOML file.

    Raises:
        UnknownNameError: no such chip; lists the nearest names.
        InputError: the file cannot be read or a number in it is impossible.

    >>> chip("h100 sxm").name
    'H100-SXM'
    """
    text = str(name).strip()
    if _is_file(text):
        return _chip_from_file(Path(text))
    chips, spelling = _catalogue()
    plain = _plain(text)
    found = spelling.get(plain) or spelling.get(plain.removeprefix("nvidia").removeprefix("amd"))
    if found is not None:
        return chips[found]
    rare = _from_database(plain)
    if rare is None:
        raise UnknownNameError("chip", text, chips)
    return rare


@functools.cache
def _database() -> dict[str, Chip]:
    """Chips that stand in the table as Epoch AI lists them: peaks, memory and power, links mostly unknown."""
    out: dict[str, Chip] = {}
    for row in _rows("epoch"):
        peak = row.peak_bf16 or row.peak_fp32
        if not (peak and row.memory_bytes and row.memory_bandwidth):
            continue
        out[_plain(row.name)] = _of_row(
            row, peak_bf16=peak, scale_up="PCIe", scale_up_domain=8, scale_up_kind="pcie",
            scale_up_bandwidth=row.scale_up_bandwidth or constant("chip.link_bytes_per_s"),
        )  # fmt: skip
    return out


def _from_database(plain: str) -> Chip | None:
    known = _database()
    if plain in known:
        return known[plain]
    # a maker's long name that ends with what was written, as in "AMD Radeon RX 7900 XTX"
    ends = [name for name in known if len(plain) >= 4 and name.endswith(plain)]
    return known[ends[0]] if len(ends) == 1 else None


def _chip_from_file(path: Path, above: tuple[Path, ...] = ()) -> Chip:
    if real_path(path) in above:
        raise InputError(f"{path}: 'like' leads back to the file itself; name a chip or another file")
    content = read_toml_file(path, "chip")
    fields: dict[str, Any] = content["chip"] if isinstance(content.get("chip"), dict) else content
    return chip_from_fields({"name": path.stem, **fields}, str(path), path.parent, (*above, real_path(path)))


def chip_from_fields(
    fields: Mapping[str, Any], where: str = "chip", folder: Path | None = None, above: tuple[Path, ...] = ()
) -> Chip:
    """A chip from numbers, on top of a known chip or file where ``like`` names one.

    Args:
        fields: of ``Chip``, and ``like``.
        where: what errors name.
        folder: that a file in ``like`` is looked for in.
        above: files that are being read.

    Raises:
        InputError: a number is impossible or missing; all problems are named.

    >>> chip_from_fields({"name": "half", "like": "H100-SXM", "memory_bytes": 40e9}).peak("bf16")
    989400000000000.0
    """
    values = dict(fields)
    like = values.pop("like", None)
    base = _base_of(like, where, folder, above)
    based = {} if base is None else base.model_dump(exclude={"name"})
    found, problems = attempt(Chip, {"name": "custom", **based, **values})
    problems += out_of_range(values if found is None else found.model_dump(), "; ".join(problems))
    if found is None or problems:
        raise InputError(f"{where}: {'; '.join(problems)}")
    if base is not None:
        found._base = base._base or (None if _is_file(like) else base)
    return found


def _base_of(like: Any, where: str, folder: Path | None, above: tuple[Path, ...]) -> Chip | None:
    """The chip that another one starts from."""
    if like is None:
        return None
    if not isinstance(like, str):
        raise InputError(f"{where}: like is {like!r}; expected the name or file of a chip")
    text = like.strip()
    return _chip_from_file((folder or Path()) / text, above) if _is_file(text) else chip(text)


def _is_file(text: str) -> bool:
    return text.strip().lower().endswith(".toml")
