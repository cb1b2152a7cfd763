"""What a user states of a training run; what is left out is searched for or taken as usual."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from liebig.catalog import constant
from liebig.cluster.borrowed import notes_on
from liebig.cluster.chip import PRECISIONS, Chip, chip, chip_from_fields, precision_of
from liebig.cluster.fabric import Fabric, fabric_of
from liebig.dates import decimal_year
from liebig.errors import ConflictError, InputError, RangeError
from liebig.plan.defaults import default_batch
from liebig.problems import unknown_name
from liebig.reading import made
from liebig.site.money import Owned, priced_year
from liebig.site.place import Site, site
from liebig.step.calibration import Calibration, builtin_calibration, load_calibration
from liebig.step.layout import RECOMPUTE
from liebig.step.pipeline import SCHEDULE_NAMES
from liebig.step.search import Space
from liebig.step.software import Software, software
from liebig.toml_files import read_toml_file
from liebig.transformer.architecture import Architecture, architecture, architecture_from_fields

__all__ = ["DATE", "PlanDate", "Setup", "TrainingInput", "make_training_input", "read_plan", "setup_of"]

#: Prices are those of this month unless a date is given.
DATE = "2026-06"
Count = Annotated[int, Field(ge=1, le=10**9)]


def _real_date(text: str) -> str:
    try:
        decimal_year(text)
    except InputError:
        raise ValueError("expected YYYY, YYYY-MM or YYYY-MM-DD") from None
    return text


#: A year, month or day.
PlanDate = Annotated[str, AfterValidator(_real_date)]


class TrainingInput(BaseModel):
    """What a user states; layout sizes that are left out are searched for.

    >>> TrainingInput(model="Llama3.1-70B", chips=1024).chip
    'H100-SXM'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | dict[str, Any] = Field(description="name, size, path of a config.json, or dimensions")
    tokens: Annotated[float, Field(gt=0, le=1e18, allow_inf_nan=False)] | None = Field(
        default=None, description="tokens to train on; default 20 per active parameter"
    )
    seq_len: Count = Field(default=8192, description="tokens of a sequence")
    batch: Count | None = Field(
        default=None,
        description="sequences of a step; default 4 million tokens at 70B, growing as the root of the size",
    )
    precision: str = Field(default="bf16", description="of the matrix products")
    chip: str | dict[str, Any] = Field(default="H100-SXM", description="name, file or numbers of the accelerator")
    chips: Count = Field(default=1024, description="how many")
    software: str = Field(default="modern", description="profile of the framework")
    tp: Count | None = Field(default=None, description="tensor-parallel size")
    pp: Count | None = Field(default=None, description="pipeline stages")
    cp: Count | None = Field(default=None, description="context-parallel size")
    ep: Count | None = Field(default=None, description="expert-parallel size")
    vpp: Count | None = Field(default=None, description="virtual stages per rank")
    micro_batch: Count | None = Field(default=None, description="sequences of a micro-batch")
    zero: Annotated[int, Field(ge=0, le=3)] | None = Field(default=None, description="ZeRO stage; 3 is FSDP")
    recompute: Literal["none", "selective", "full"] | None = Field(default=None, description="what is computed again")
    recompute_share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="share of the layers that full recomputation takes"
    )
    schedule: str = Field(default=SCHEDULE_NAMES[0], description=f"of the pipeline: {', '.join(SCHEDULE_NAMES)}")
    offload: bool = Field(default=False, description="optimizer states in the host's memory")
    network_gbit: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] | None = Field(
        default=None, description="network per chip between domains, Gbit/s each way"
    )
    topology: Literal["fat-tree", "rail", "torus2d", "torus3d", "dragonfly"] | None = Field(
        default=None, description="of the network between domains"
    )
    taper: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="share of the network's bandwidth left above the leaf switches"
    )
    domain: Count | None = Field(default=None, description="chips of one scale-up domain")
    failures_per_chip_day: Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)] | None = Field(
        default=None, description="interruptions per chip and day"
    )
    site: str | dict[str, Any] = Field(default="us-average", description="name or numbers of the place")
    date: PlanDate = Field(default=DATE, description="when it runs: YYYY, YYYY-MM or YYYY-MM-DD")
    terms: Literal["reserved", "on-demand", "1-year", "3-year", "spot", "market", "owned"] = Field(
        default="reserved", description="how the chips are paid for"
    )
    usd_per_chip_hour: Annotated[float, Field(gt=0, le=1e4, allow_inf_nan=False)] | None = Field(
        default=None, description="price of an hour of a chip, when you know it"
    )
    owned: Owned | None = Field(default=None, description="terms of owning")
    calibration: str | None = Field(default=None, description="file of a calibration")

    @field_validator("schedule")
    @classmethod
    def _is_a_schedule(cls, name: str) -> str:
        if name not in SCHEDULE_NAMES:
            raise ValueError(f"expected one of {', '.join(SCHEDULE_NAMES)}")
        return name


def make_training_input(**options: Any) -> TrainingInput:
    """An input from options.

    Raises:
        InputError: an option cannot be; all problems are named.
    """
    return made(TrainingInput, options, noun="option")


def read_plan(path: str | Path) -> dict[str, Any]:
    """Options from a TOML file, tables ``model``, ``chip``, ``site`` and ``owned`` allowed.

    Raises:
        InputError: the file cannot be read, is of another kind, or holds names that no plan has; all are named.
    """
    content = read_toml_file(path, "plan")
    known = list(TrainingInput.model_fields)
    problems = [unknown_name(name, known, "option") for name in content if name not in known]
    if problems:
        raise InputError(f"{path}: {'; '.join(problems)}")
    return content


class Setup(BaseModel):
    """What an input stands for, looked up and checked."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True)

    model: Architecture
    chip: Chip
    fabric: Fabric
    software: Software
    precision: str
    calibration: Calibration
    batch: int
    tokens: float
    site: Site
    space: Space

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not timed on the chip's own family, and what stands in for it."""
        return notes_on(self.chip, self.fabric, self.precision)


def setup_of(given: TrainingInput) -> Setup:
    """Look up and check what an input names.

    Raises:
        InputError: a name is not known or sizes contradict each other; says how to mend it.
    """
    model = architecture_from_fields(given.model) if isinstance(given.model, dict) else architecture(given.model)
    machine = chip_of(given.chip)
    precision = precision_on(machine, given.precision)
    _check(given, model, machine)
    priced_year(given.date)
    return Setup(
        model=model,
        chip=machine,
        fabric=_fabric(given, machine),
        software=software(given.software),
        precision=precision,
        calibration=load_calibration(given.calibration) if given.calibration else builtin_calibration(),
        batch=given.batch or default_batch(model.active_parameters, given.seq_len, given.chips),
        tokens=given.tokens or 20.0 * model.active_parameters,
        site=site_of(given.site),
        space=_space(given),
    )


def chip_of(given: str | dict[str, Any]) -> Chip:
    """A chip by its name or file, or from its numbers.

    Raises:
        InputError: a number is impossible; all problems are named.
    """
    return chip(given) if isinstance(given, str) else chip_from_fields(given)


def precisions_of(machine: Chip) -> tuple[str, ...]:
    """Precisions that a chip's units compute in; 8 bits run at the rate of 16 where it has none for them.

    >>> [p for p in PRECISIONS if p not in precisions_of(chip("H100-SXM"))]
    ['mxfp4', 'nvfp4']
    """
    return tuple(p for p in PRECISIONS if machine.peak_fp4 or not p.endswith("fp4"))


def precision_on(machine: Chip, text: str) -> str:
    """The precision that a text names, where the chip computes in it.

    Raises:
        InputError: no precision has the name, or the chip does not compute in it.

    >>> precision_on(chip("B200-SXM"), "fp4")
    'nvfp4'
    """
    precision = precision_of(text, whole=True)
    if precision not in (able := precisions_of(machine)):
        raise InputError(f"precision {text!r}: {machine.name} does not compute in it; choose one of {', '.join(able)}")
    return precision


def site_of(given: str | dict[str, Any]) -> Site:
    """A site by its name, or from its numbers on top of a named one (``like``)."""
    if isinstance(given, str):
        return site(given)
    values = dict(given)
    base = site(str(values.pop("like"))).model_dump() if "like" in values else {}
    return made(Site, {**base, **values}, "site")


def _fabric(given: TrainingInput, machine: Chip) -> Fabric:
    changes: dict[str, object] = {}
    if given.topology is not None:
        changes["outer_kind"] = given.topology
    if given.taper is not None:
        changes["taper"] = given.taper
        changes["taper_above"] = round(constant("fabric.group_domains")) * machine.chips_per_node
    if given.domain is not None:
        changes["domain"] = given.domain
    return fabric_of(machine, None if given.network_gbit is None else given.network_gbit * 1e9 / 8.0, **changes)


def _held(size: int | None) -> list[int] | None:
    return None if size is None else [size]


def _space(given: TrainingInput) -> Space:
    recompute = None if given.recompute is None else [float(RECOMPUTE.index(given.recompute))]
    if given.recompute_share is not None:
        recompute = [1.0 + given.recompute_share]
    cps = _held(given.cp)
    if cps is None:
        most = given.seq_len / constant("search.context_tokens")
        cps = [1, *(c for c in (2**i for i in range(1, 20)) if c <= most and given.seq_len % c == 0)]
    return Space(
        tp=_held(given.tp), pp=_held(given.pp), cp=cps, ep=_held(given.ep), micro_batch=_held(given.micro_batch),
        vpp=_held(given.vpp), recompute=recompute, zero=_held(given.zero),
        schedule=[SCHEDULE_NAMES.index(given.schedule)], offload=[int(given.offload)],
    )  # fmt: skip


def _check(given: TrainingInput, model: Architecture, machine: Chip) -> None:
    problems = []
    if given.tp and model.n_heads % given.tp:
        near = [t for t in range(1, model.n_heads + 1) if model.n_heads % t == 0]
        problems.append(f"tp {given.tp} does not divide the {model.n_heads} heads of {model.name}; use one of {near}")
    if given.pp and given.pp > model.n_layers:
        problems.append(
            f"pp {given.pp} is more than the {model.n_layers} layers of {model.name}; use at most {model.n_layers}"
        )
    if given.ep and given.ep > 1 and (not model.is_moe or model.n_experts % given.ep):
        verb = (
            f"does not divide the {model.n_experts} experts of" if model.is_moe else "needs a mixture of experts, not"
        )
        problems.append(f"ep {given.ep} {verb} {model.name}")
    if given.vpp and given.vpp > 1 and not (given.pp and given.pp > 1):
        problems.append(f"vpp {given.vpp} needs a pipeline; give pp of 2 or more")
    if given.recompute_share is not None and given.recompute in ("none", "selective"):
        problems.append(f"recompute_share goes with full recomputation, not {given.recompute!r}; leave one of them out")
    if given.cp and given.seq_len % given.cp:
        problems.append(f"cp {given.cp} does not divide the {given.seq_len} tokens of a sequence")
    sizes = (given.tp or 1) * (given.pp or 1) * (given.cp or 1)
    if given.chips % sizes:
        near_count = sizes * max(1, round(given.chips / sizes))
        problems.append(f"tp·pp·cp = {sizes} does not divide {given.chips} chips; use {near_count}")
    if problems:
        raise ConflictError("; ".join(problems))
    if given.seq_len > 1e8:
        raise RangeError(f"seq_len {given.seq_len}: expected at most 1e8 tokens")
    if given.usd_per_chip_hour is not None and given.terms != TrainingInput.model_fields["terms"].default:
        raise ConflictError(
            f"terms = {given.terms!r} and usd_per_chip_hour = {given.usd_per_chip_hour:g} both say what a chip costs; "
            "leave one out"
        )
    if given.terms != "owned" and given.owned is not None:
        raise ConflictError("terms of owning are given, but terms is not 'owned'; set terms = 'owned'")
