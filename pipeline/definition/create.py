"""The pipeline itself: which steps there are, and what each takes from which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Union

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.orchestration.data_types import RuntimeParameter
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.baseline.resolvers import LatestOtherBlessed
from pipeline.definition.data_steps import Text, data_checks, import_records
from pipeline.examples.origin import RecordFiles
from pipeline.fingerprint import fingerprint
from pipeline.steps.check_serving import CheckServing
from pipeline.steps.fit_probes import FitProbes
from pipeline.steps.gate import Gate
from pipeline.steps.pictures import Pictures
from pipeline.steps.pretrain import Pretrain
from pipeline.steps.push import Push
from pipeline.steps.report import Report
from pipeline.steps.represent import Represent

Number = Union[int, RuntimeParameter]

NAME = "looc"


@dataclass(frozen=True)
class Values:
    """What a pipeline is made from; what may be a `RuntimeParameter` is what an operator changes per run.

    Attributes:
        root: where artifacts are kept.
        config: the experiment, see `pipeline.experiments.read`.
        data: a folder of pictures, TFRecord files or a TFDS name.
        size: pixels of the side at which pictures are held, `data.size` of the experiment.
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
    """

    root: str
    config: Text
    data: Text
    size: int
    probe_config: Text | None = None
    thresholds: Text = "{}"
    steps: Number = -1
    model_name: Text = NAME
    serving_root: Text = ""
    data_version: Text = ""
    records: RecordFiles | None = None
    schema: str = ""
    embed: Text = "test"
    warm_start: bool = False
    baseline: str = "local"
    baseline_pointer: Text = ""
    name: str = NAME
    metadata: Any = None
    cache: bool = True
    beam_args: Sequence[str] = ()

    @property
    def pointer(self) -> Text | None:
        """The pointer file, where there is one."""
        return self.baseline_pointer if self.baseline == "pointer" else None


def create_pipeline(**values: Any) -> tfx_pipeline.Pipeline:
    """Builds the pipeline from plain values, the attributes of `Values`."""
    given = Values(**values)
    imports = [import_records(given.records)] if given.records else []
    pictures = Pictures(
        data=given.data,
        size=given.size,
        version=given.data_version,
        fingerprint=_code(Pictures),
        **({"imported": imports[0].outputs["examples"]} if imports else {}),
    )
    examples = pictures.outputs["examples"]
    checks = data_checks(examples, pictures.outputs["report"], given.schema, given.baseline == "local", given.pointer)
    training = _training(examples, checks[-1], given)
    judging = _judging(examples, training[-1], given)
    delivery = _delivery(examples, checks, training[-1], judging, given)
    return tfx_pipeline.Pipeline(
        pipeline_name=given.name,
        pipeline_root=given.root,
        components=[*imports, pictures, *checks, *training, *judging, *delivery],
        enable_cache=given.cache,
        metadata_connection_config=given.metadata,
        beam_pipeline_args=list(given.beam_args),
    )


def _training(examples: BaseChannel, check: BaseNode, given: Values) -> list[BaseNode]:
    """Pretrain, last, and what finds the model that it begins with."""
    warm = _warm(given.baseline) if given.warm_start else []
    pretrain = Pretrain(
        examples=examples,
        config=given.config,
        steps=given.steps,
        fingerprint=_code(Pretrain),
        base_model=warm[0].outputs["model"] if warm else None,
        baseline_pointer=given.pointer if given.warm_start else None,
    )
    pretrain.add_upstream_node(check)
    return [*warm, pretrain]


def _judging(examples: BaseChannel, pretrain: BaseNode, given: Values) -> list[BaseNode]:
    """Embeddings; then the probes and, last, the gate, with what finds the model to compare with."""
    represent = Represent(
        examples=examples, model=pretrain.outputs["model"], splits=given.embed, fingerprint=_code(Represent)
    )
    fit = FitProbes(
        examples=examples,
        model_run=pretrain.outputs["model_run"],
        config=given.config if given.probe_config is None else given.probe_config,
        fingerprint=_code(FitProbes),
    )
    found = _baseline(given.baseline, fit.outputs["model"])
    gate = Gate(
        examples=examples,
        model=fit.outputs["model"],
        thresholds=given.thresholds,
        fingerprint=_code(Gate),
        baseline_model=found[0].outputs["model"] if found else None,
        baseline_pointer=given.pointer,
    )
    return [represent, fit, *found, gate]


def _delivery(
    examples: BaseChannel,
    checks: Sequence[BaseNode],
    pretrain: BaseNode,
    judging: Sequence[BaseNode],
    given: Values,
) -> list[BaseNode]:
    """The check that a server would answer alike, the push, the report."""
    model, (_, fit, *_, gate) = pretrain.outputs["model"], judging
    serving = CheckServing(model=model, model_run=pretrain.outputs["model_run"], fingerprint=_code(CheckServing))
    push = Push(
        model=model,
        evaluation_model=fit.outputs["model"],
        model_blessing=gate.outputs["blessing"],
        infra_blessing=serving.outputs["blessing"],
        statistics=checks[0].outputs["statistics"],
        model_name=given.model_name,
        serving_root=given.serving_root,
        fingerprint=_code(Push),
        baseline_pointer=given.pointer,
    )
    report = Report(
        examples=examples,
        data=checks[-1].outputs["report"],
        model=fit.outputs["model"],
        evaluation=gate.outputs["evaluation"],
        pushed=push.outputs["pushed_model"],
        fingerprint=_code(Report),
    )
    return [serving, push, report]


def _code(step: Any) -> str:
    return fingerprint(step.__module__)


def _warm(baseline: str) -> list[BaseNode]:
    if baseline == "pointer":
        return []
    channels = {"model": Channel(type=Model), "blessing": Channel(type=ModelBlessing)}
    return [Resolver(strategy_class=LatestBlessedModelStrategy, **channels).with_id("WarmStart")]


def _baseline(baseline: str, candidate: BaseChannel) -> list[BaseNode]:
    channels = {"model": Channel(type=Model), "blessing": Channel(type=ModelBlessing)}
    if baseline == "local":
        found = Resolver(strategy_class=LatestOtherBlessed, candidate=candidate, **channels)
    elif baseline == "resolver":
        found = Resolver(strategy_class=LatestBlessedModelStrategy, **channels)
    else:
        return []
    return [found.with_id("Baseline")]
