"""What a pipeline is made from, as one typed object: the pictures, the experiment, and where everything is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args

from tfx.orchestration.data_types import RuntimeParameter

from looc_tf.errors import unknown
from pipeline.examples.origin import RecordFiles

# What an operator may change per run is a value here, or a parameter of the job.
TextParameter = Union[str, RuntimeParameter]
NumberParameter = Union[int, RuntimeParameter]
Baseline = Literal["local", "resolver", "pointer"]

NAME = "looc"


@dataclass(frozen=True)
class PipelineSettings:
    """What `create_pipeline` takes; what may be a `RuntimeParameter` is what an operator changes per run.

    Attributes:
        root: where artifacts are kept.
        config: the experiment, see `pipeline.experiments.read`.
        data: a folder of pictures, TFRecord files or a TFDS name.
        size: pixels of the side at which pictures are held, `data.size` of the experiment.
        pixels: `data.bands` and `data.range` of the experiment, see `pipeline.experiments.pixels`; empty for neither.
        probe_config: the experiment as the probes read it; `config` if None.
        thresholds: see `pipeline.judging.thresholds.to_text`.
        steps: of the training; -1 leaves the config's own.
        model_name: the folder of the pushed versions.
        serving_root: the folder of that folder; empty is `serving/` in `root`.
        data_version: what changes when the pictures do, see `pipeline.examples.origin.data_version`.
        records: TFRecord files, read by ImportExampleGen in the place of `data`.
        schema: a schema file (`schema.pbtxt`) to hold the pictures to; empty infers one from them.
        embed: of which splits embeddings are kept: names separated by commas, or "all".
        warm_start: begin with the weights of the latest blessed model.
        baseline: how the model to compare with is found: "local" (a resolver of ours), "resolver" (TFX's own, which
            Vertex knows) or "pointer" (a file that `Push` writes, for Kubeflow, which knows no resolvers).
        baseline_pointer: that file; empty compares with nothing.
        name: of the pipeline.
        metadata: a connection config of ML Metadata, for local runs.
        cache: whether a step whose inputs, parameters and code are unchanged is left out.
        beam_args: of the steps that run on Beam, such as `--runner=DataflowRunner`.

    Raises:
        UserError: there is no such way to find a baseline.
    """

    root: str
    config: TextParameter
    data: TextParameter
    size: int
    pixels: str = ""
    probe_config: TextParameter | None = None
    thresholds: TextParameter = "{}"
    steps: NumberParameter = -1
    model_name: TextParameter = NAME
    serving_root: TextParameter = ""
    data_version: TextParameter = ""
    records: RecordFiles | None = None
    schema: str = ""
    embed: TextParameter = "test"
    warm_start: bool = False
    baseline: Baseline = "local"
    baseline_pointer: TextParameter = ""
    name: str = NAME
    metadata: Any = None
    cache: bool = True
    beam_args: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.baseline not in get_args(Baseline):
            raise unknown("baseline", self.baseline, get_args(Baseline))

    @property
    def pointer(self) -> TextParameter | None:
        """The pointer file, where there is one."""
        return self.baseline_pointer if self.baseline == "pointer" else None
