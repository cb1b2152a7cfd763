"""Rows of the tables that plans of training runs are made from: architectures and chips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from liebig.catalog.fields import Date, DateIfKnown, FactRow, Headline, Identifier, Number, Positive
from liebig.dates import year_named_in
from liebig.errors import InputError

if TYPE_CHECKING:
    from liebig.uncertainty import Interval

__all__ = [
    "ArchitectureRow",
    "ChipCostRow",
    "ChipFamilyRow",
    "ChipRow",
    "ConstantRow",
    "NetworkRow",
    "NumberRow",
    "RentalPriceRow",
    "SiteRow",
    "SoftwareRow",
]

Count = Annotated[int, Field(ge=0)]
Flag = Annotated[int, Field(ge=0, le=1)]


class ArchitectureRow(FactRow):
    """Dimensions of a published transformer."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("params", "parameters"), Headline("n_layers", "layers"))

    name: str = Field(min_length=1, description="as people write it, with dashes")
    aliases: str = Field(default="", description="other spellings, separated by semicolons")
    arch: Literal["dense", "moe"] = Field(default="dense", description="dense, or mixture of experts")
    n_layers: Annotated[int, Field(ge=1)] = Field(description="transformer layers")
    hidden: Annotated[int, Field(ge=1)] = Field(description="width of the residual stream")
    n_heads: Annotated[int, Field(ge=1)] = Field(description="query heads")
    n_kv_heads: Annotated[int, Field(ge=1)] = Field(description="key and value heads")
    head_dim: Annotated[int, Field(ge=1)] = Field(description="width of a head")
    ffn: Count = Field(description="width of the dense MLP; 0 when every layer is a mixture of experts")
    gated_mlp: Flag = Field(description="1: three matrices (SwiGLU, GeGLU); 0: two")
    vocab: Annotated[int, Field(ge=1)] = Field(description="rows of the embedding, padding included")
    tied_embeddings: Flag = Field(default=0, description="1: input embedding and output head share weights")
    max_seq_len: Count = Field(default=0, description="longest sequence it was published for, tokens")
    position: Literal["rope", "learned", "alibi", "relative", "none"] = Field(
        default="rope", description="how positions are told; learned ones have weights"
    )
    n_experts: Count = Field(default=0, description="routed experts of a sparse layer")
    top_k: Count = Field(default=0, description="routed experts that a token passes through")
    moe_ffn: Count = Field(default=0, description="width of one routed expert")
    n_shared_experts: Count = Field(default=0, description="experts that every token passes through")
    shared_ffn: Count = Field(default=0, description="width of all shared experts together")
    n_dense_layers: Count = Field(default=0, description="leading layers of a sparse model that are dense")
    moe_every: Count = Field(default=0, description="1: each later layer is sparse; 2: every second")
    attention: Literal["mha", "gqa", "mqa", "mla"] = Field(default="mha", description="kind of attention")
    q_lora_rank: Count = Field(default=0, description="latent attention: rank of the queries; 0: not compressed")
    kv_lora_rank: Count = Field(default=0, description="latent attention: rank of keys and values")
    qk_nope_head_dim: Count = Field(default=0, description="latent attention: width of a key without position")
    qk_rope_head_dim: Count = Field(default=0, description="latent attention: width of the rotary key")
    v_head_dim: Count = Field(default=0, description="latent attention: width of a value")
    sliding_window: Count = Field(default=0, description="tokens a local layer looks back over; 0: all")
    full_attention_every: Count | None = Field(
        default=None, description="one layer of k looks back over everything; 0: none does; empty: all do"
    )
    params: Positive | None = Field(default=None, description="parameters, as published")
    active_params: Positive | None = Field(default=None, description="parameters that a token uses, as published")


class ChipRow(FactRow):
    """A chip: peaks, memory, power, links, and what it cost; read from data sheets, or as Epoch AI lists it."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (
        Headline("peak_bf16", "FLOP/s"),
        Headline("peak_fp16", "FLOP/s"),
        Headline("peak_fp32", "FLOP/s"),
        Headline("peak_int8", "op/s"),
        Headline("memory_bytes", "bytes"),
        Headline("memory_bandwidth", "bytes/s"),
        Headline("tdp_w", "W"),
        Headline("process_nm", "nm"),
    )

    name: str = Field(min_length=1, description="short name")
    aliases: str = Field(default="", description="other spellings, separated by semicolons")
    vendor: str = Field(default="", description="who designed it")
    kind: str = Field(default="", description="GPU, TPU, NPU ... as Epoch AI sorts chips")
    family: str = Field(default="", description="chips of one family share measured kernels: table chip_families")
    release: DateIfKnown = Field(default="", description="date it was announced or sold")
    peak_bf16: Positive | None = Field(
        default=None, description="dense bfloat16 FLOP/s; half precision where it has no bfloat16"
    )
    peak_fp16: Positive | None = Field(default=None, description="dense half-precision FLOP/s")
    peak_fp32: Positive | None = Field(default=None, description="single-precision FLOP/s, without TF32")
    peak_tf32: Positive | None = Field(default=None, description="dense TF32 FLOP/s")
    peak_fp8: Positive | None = Field(default=None, description="dense 8-bit floating-point FLOP/s")
    peak_int8: Positive | None = Field(default=None, description="dense 8-bit integer operations per second")
    peak_fp4: Positive | None = Field(default=None, description="dense 4-bit floating-point FLOP/s")
    memory_bytes: Positive | None = Field(
        default=None, description="memory of one chip, bytes; memory sold as so many GB holds as many GiB"
    )
    memory_bandwidth: Positive | None = Field(
        default=None, description="memory bandwidth of one chip, bytes per second"
    )
    on_chip_bytes: Positive | None = Field(
        default=None,
        description="memory that software manages beside the multipliers of one core, bytes; TPUs as in JAX's "
        "hardware table, Trainium's SBUF",
    )
    tdp_w: Positive | None = Field(default=None, description="power limit that the module is sold with, watts")
    system_w: Positive | None = Field(default=None, description="power of a whole server per chip at rated load, watts")
    scale_up: str = Field(default="", description="name of the link within a domain")
    scale_up_domain: Annotated[int, Field(ge=1)] = Field(default=1, description="chips of one scale-up domain")
    scale_up_bandwidth: Positive = Field(default=0.0, description="bytes per second, per chip and direction")
    scale_up_kind: Literal["switch", "mesh", "torus2d", "torus3d", "pcie", "none"] = Field(
        default="none", description="how chips of a domain are wired"
    )
    chips_per_node: Annotated[int, Field(ge=1)] = Field(default=8, description="chips of one server")
    scale_out_bandwidth: Positive = Field(
        default=0.0, description="usual network, bytes per second, per chip and direction"
    )
    scale_out_kind: str = Field(default="", description="infiniband, ethernet, efa, dcn ...")
    host_bandwidth: Positive | None = Field(default=None, description="to the host's memory, bytes per second")
    cores: Annotated[int, Field(ge=1)] = Field(default=1, description="cores that a framework may count as devices")
    price_usd: Positive | None = Field(default=None, description="price at release, current USD")
    die_mm2: Positive | None = Field(default=None, description="area of its dies, square millimetres")
    process_nm: Positive | None = Field(default=None, description="name of the process, nanometres")
    foundry: str = Field(default="", description="who makes it")
    kept_by: Literal["liebig", "epoch"] = Field(
        default="liebig",
        description="liebig: read from data sheets; epoch: as in Epoch AI's table of machine learning hardware",
    )
    epoch_names: str = Field(default="", description="its names in Epoch AI's table, separated by semicolons")
    epoch_cells: str = Field(
        default="", description="columns of a row of liebig's that are Epoch AI's (CC BY 4.0), separated by blanks"
    )
    disagrees: str = Field(
        default="",
        description="what Epoch AI's table says otherwise and why it is not taken: 'column=value why', separated by |",
    )

    @property
    def disagreements(self) -> tuple[tuple[str, str, str], ...]:
        """(column, value there, why it is not taken) of each cell that differs from Epoch AI's table."""
        parts = (part.strip() for part in self.disagrees.split("|") if part.strip())
        split = ((*part.partition(" ")[0].partition("=")[::2], part.partition(" ")[2]) for part in parts)
        return tuple((column, value, why) for column, value, why in split)

    @model_validator(mode="after")
    def _is_complete(self) -> ChipRow:
        if self.kept_by == "liebig" and not (self.peak_bf16 and self.memory_bytes and self.memory_bandwidth):
            raise ValueError("needs peak_bf16, memory_bytes and memory_bandwidth")
        for column, value, why in self.disagreements:
            if column not in type(self).model_fields or not value or not why:
                raise ValueError(f"disagrees: expected 'column=value why', got {column}={value} {why}")
        return self


class ChipFamilyRow(FactRow):
    """Chips whose kernels behave alike: what was timed on them, and which family stands in for what was not."""

    key: ClassVar[tuple[str, ...]] = ("family",)
    headline: ClassVar[tuple[Headline, ...]] = (
        Headline("host"),
        Headline("kernels_from"),
        Headline("peak_share", "fraction"),
    )

    family: Annotated[str, Field(pattern=r"^\S+$")] = Field(description="name that chips carry")
    vendor: str = Field(default="", description="who designed it")
    kind: Literal["gpu", "systolic", "asic", "cpu"] = Field(
        description="systolic: products follow a model of arrays and memory; others follow timed kernels"
    )
    host: str = Field(default="", description="chip that the family's kernels were timed on; empty: none were")
    kernels_from: str = Field(
        default="",
        description="families whose products stand in where its own were not timed in a precision, separated by "
        "blanks; the first that has them",
    )
    attention_from: str = Field(default="", description="family whose attention stands in; empty: its own was timed")
    collectives_from: str = Field(
        default="",
        description="family whose collectives stand in where its own were not timed; empty: a model of links",
    )
    generation: Literal["", "volta", "ampere", "hopper", "blackwell"] = Field(
        default="", description="whose energy per FLOP says how far it throttles; empty: it throttles like an H100"
    )
    peak_share: Annotated[float, Field(gt=0, le=1)] = Field(
        default=1.0, description="systolic: share of the peak that large products reach"
    )
    array_edge: Annotated[int, Field(ge=1)] = Field(
        default=1, description="systolic: rows and columns of one array, to which products are padded"
    )

    @model_validator(mode="after")
    def _says_how_products_are_timed(self) -> ChipFamilyRow:
        if self.kind == "systolic" and not {"peak_share", "array_edge"} <= self.model_fields_set:
            raise ValueError("a systolic family needs peak_share and array_edge")
        if self.kind != "systolic" and not (self.host or self.kernels_from):
            raise ValueError("needs host, where kernels were timed, or kernels_from")
        return self


class SoftwareRow(FactRow):
    """A training framework of one generation; the first row that matches a description is taken."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("launch_s", "s"),)

    name: str = Field(min_length=1, description="profile")
    match: str = Field(default="", description="regular expression on the framework's name; empty: any")
    chips: str = Field(default="", description="regular expression on the chip's name; empty: any")
    from_year: int | None = Field(default=None, description="first year it fits")
    to_year: int | None = Field(default=None, description="last year it fits")
    from_release: str = Field(default="", description="first release, year.month")
    to_release: str = Field(default="", description="last release, year.month")
    kind: Literal["megatron", "fsdp", "xla", "neuron"] = Field(description="how it spreads models over chips")
    attention: Literal["eager", "fused-softmax", "flash1", "flash2", "cudnn8", "flash3"] = Field(
        description="kernel of the attention; eager and fused-softmax write scores to memory"
    )
    launch_s: Positive = Field(description="seconds to launch the forward kernels of one layer")
    launch_moe_s: Positive = Field(description="the same for a layer of experts")
    step_s: Positive = Field(description="seconds once a step that no kernel accounts for")
    stream_passes: Positive = Field(description="memory traffic of element-wise kernels next to well fused ones")
    overlap_tp: Positive = Field(description="share of tensor-parallel traffic hidden behind computation")
    overlap_dp: Positive = Field(description="share of the backward pass that hides data-parallel traffic")
    overlap_gather: Annotated[Positive, Field(le=1)] = Field(
        default=0, description="share of the gathering of updated weights that hides behind the next forward pass"
    )
    overlap_ep: Positive = Field(description="share of expert traffic hidden behind computation")
    gradient_bytes: Positive = Field(description="bytes of a gradient on the network")
    gradient_memory: Positive = Field(description="bytes of a gradient in memory")
    recompute_share: Positive = Field(description="share of a layer that full recomputation computes again")
    recompute_light: Flag = Field(
        default=0, description="1: selective recomputation drops what norms and the activation function put out"
    )
    accumulate_bytes: Positive = Field(description="bytes moved to add one weight's gradient to those before it")
    loss_bytes: Positive = Field(description="bytes moved per logit to compute the loss and its gradient")
    network_share: Positive = Field(description="share of the network that its collectives reach next to others")
    dropout_bytes: Positive = Field(description="bytes of dropout masks kept per token and width")
    norm_bytes: Positive = Field(description="bytes that unfused norms keep per token and width")
    kept_score_bytes: Positive = Field(description="bytes kept of an attention score, where scores are kept")
    logit_bytes: Positive = Field(description="bytes held of a logit while the loss is computed")
    vocab_parallel: Flag = Field(description="1: the loss is computed on the vocabulary split over tensor ranks")
    sends_once: Flag = Field(
        default=0, description="1: a token goes to each scale-up domain once, whatever number of its experts is there"
    )
    split_sends: Flag = Field(default=1, description="1: tensor ranks each send their part to the next stage")
    context_bytes: Positive = Field(description="bytes of driver, libraries and communication buffers")
    fragmentation: Positive = Field(description="bytes the allocator takes for a byte of activations")
    interleaved: Flag = Field(default=0, description="1: pipelines are interleaved where nothing is stated")


class NetworkRow(FactRow):
    """The network of a cluster that published runs name."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("gbit_per_chip"),)

    name: str = Field(min_length=1, description="the cluster or kind of instance")
    match: str = Field(min_length=1, description="regular expression on what a description of a run says")
    gbit_per_chip: Positive = Field(description="network between servers, Gbit/s per chip and direction")


class SiteRow(FactRow):
    """A place where machines run: what cooling, electricity and water cost there."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("price_usd_per_kwh", "USD/kWh"),)

    name: str = Field(min_length=1, description="short name, with dashes")
    aliases: str = Field(default="", description="other spellings, separated by semicolons")
    country: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = Field(default="", description="ISO 3166 code, or empty")
    pue: Annotated[float, Field(ge=1, le=3)] = Field(description="power of the site over power of its machines")
    wue_l_per_kwh: Positive = Field(description="water used on site, litres per kWh of its machines")
    carbon_g_per_kwh: Positive = Field(description="greenhouse gases of the grid, gCO2e per kWh, location-based")
    water_l_per_kwh: Positive = Field(description="water consumed to generate electricity, litres per kWh")
    price_usd_per_kwh: Positive = Field(description="electricity for a large customer, US dollars per kWh")


class RentalPriceRow(FactRow):
    """What an hour of one chip cost to rent, at a date."""

    key: ClassVar[tuple[str, ...]] = ("chip", "vendor", "terms", "date")
    headline: ClassVar[tuple[Headline, ...]] = (Headline("usd_per_chip_hour"),)

    chip: str = Field(min_length=1, description="name of an accelerator")
    vendor: str = Field(min_length=1, description="who rents it out; 'market' for a published average of many")
    terms: Literal["on-demand", "1-year", "3-year", "spot", "market"] = Field(description="kind of contract")
    date: Date = Field(description="when the price was in force")
    usd_per_chip_hour: Positive = Field(description="US dollars per chip and hour")


class ChipCostRow(FactRow):
    """What one chip costs to buy and to make."""

    key: ClassVar[tuple[str, ...]] = ("chip",)
    headline: ClassVar[tuple[Headline, ...]] = (
        Headline("chip_usd", "USD"),
        Headline("server_usd", "USD"),
        Headline("embodied_kgco2e", "kgCO2e"),
    )

    chip: str = Field(min_length=1, description="name of an accelerator")
    chip_usd: Positive | None = Field(default=None, description="price of the chip or module, US dollars")
    server_usd: Positive | None = Field(
        default=None, description="price of a server per chip, chips, hosts and local links included, US dollars"
    )
    embodied_kgco2e: Positive | None = Field(
        default=None, description="greenhouse gases of making it, server share included, kgCO2e per chip"
    )


class NumberRow(FactRow):
    """A number that plans of training runs rest on, with its range."""

    key: ClassVar[tuple[str, ...]] = ("number",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("p50", low="p10", high="p90"),)

    number: Identifier = Field(description="group and name")
    p10: Positive = Field(description="10 % lie below")
    p50: Positive = Field(description="median")
    p90: Positive = Field(description="10 % lie above")

    @model_validator(mode="after")
    def _in_order(self) -> NumberRow:
        if not self.p10 <= self.p50 <= self.p90:
            raise ValueError(f"p10 {self.p10:g}, p50 {self.p50:g}, p90 {self.p90:g} are not in order")
        return self

    @property
    def interval(self) -> Interval:
        """The three quantiles as one."""
        from liebig.uncertainty import Interval  # here, so that reading facts does not load NumPy

        return Interval(self.p10, self.p50, self.p90)

    @property
    def year(self) -> int:
        """The year that its unit names, of which a price is.

        Raises:
            InputError: the unit names none.
        """
        named = year_named_in(self.unit)
        if named is None:
            raise InputError(f"{self.number}: the unit {self.unit!r} names no year; write e.g. 'USD/W of 2026'")
        return named


class ConstantRow(FactRow):
    """An empirical constant of a formula: its value, and where the formula holds with it."""

    key: ClassVar[tuple[str, ...]] = ("name",)
    headline: ClassVar[tuple[Headline, ...]] = (Headline("value"),)

    name: Identifier = Field(description="mechanism and constant")
    value: Number = Field(description="in the row's unit")
    valid: str = Field(min_length=1, description="range of validity, in words")
