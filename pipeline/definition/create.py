"""`create_pipeline`: which steps there are, and what each takes from which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration import pipeline as tfx_pipeline
from tfx.types import BaseChannel, Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.baseline.resolvers import LatestOtherBlessed
from pipeline.definition.data_steps import data_checks, import_records
from pipeline.definition.settings import Baseline, PipelineSettings
from pipeline.fingerprint import code_fingerprint
from pipeline.steps.check_serving import CheckServing
from pipeline.steps.fit_probes import FitProbes
from pipeline.steps.gate import Gate
from pipeline.steps.pictures import Pictures
from pipeline.steps.pretrain import Pretrain
from pipeline.steps.push import Push
from pipeline.steps.report import Report
from pipeline.steps.represent import Represent


def create_pipeline(settings: PipelineSettings) -> tfx_pipeline.Pipeline:
    """Builds the pipeline.

    Example:
        >>> settings = PipelineSettings(root="R", config="factors/looc", data="factors", size=64)    # doctest: +SKIP
        >>> create_pipeline(settings).components[0].id                                               # doctest: +SKIP
        'Pictures'
    """
    imports = [import_records(settings.records)] if settings.records else []
    pictures = Pictures(
        data=settings.data,
        size=settings.size,
        version=settings.data_version,
        fingerprint=_code(Pictures),
        **({"pixels": settings.pixels} if settings.pixels else {}),
        **({"imported": imports[0].outputs["examples"]} if imports else {}),
    )
    examples = pictures.outputs["examples"]
    checks = data_checks(examples, pictures.outputs["report"], settings)
    training = _training(examples, checks[-1], settings)
    judging = _judging(examples, training[-1], settings)
    delivery = _delivery(examples, checks, training[-1], judging, settings)
    return tfx_pipeline.Pipeline(
        pipeline_name=settings.name,
        pipeline_root=settings.root,
        components=[*imports, pictures, *checks, *training, *judging, *delivery],
        enable_cache=settings.cache,
        metadata_connection_config=settings.metadata,
        beam_pipeline_args=list(settings.beam_args),
    )


def _training(examples: BaseChannel, check: BaseNode, settings: PipelineSettings) -> list[BaseNode]:
    """Pretrain, last, and what finds the model that it begins with."""
    warm = _warm_start_steps(settings.baseline) if settings.warm_start else []
    pretrain = Pretrain(
        examples=examples,
        config=settings.config,
        steps=settings.steps,
        fingerprint=_code(Pretrain),
        base_model=warm[0].outputs["model"] if warm else None,
        baseline_pointer=settings.pointer if settings.warm_start else None,
    )
    pretrain.add_upstream_node(check)
    return [*warm, pretrain]


def _judging(examples: BaseChannel, pretrain: BaseNode, settings: PipelineSettings) -> list[BaseNode]:
    """Embeddings; then the probes and, last, the gate, with what finds the model to compare with."""
    represent = Represent(
        examples=examples, model=pretrain.outputs["model"], splits=settings.embed, fingerprint=_code(Represent)
    )
    fit = FitProbes(
        examples=examples,
        model_run=pretrain.outputs["model_run"],
        config=settings.config if settings.probe_config is None else settings.probe_config,
        fingerprint=_code(FitProbes),
    )
    found = _baseline_steps(settings.baseline, fit.outputs["model"])
    gate = Gate(
        examples=examples,
        model=fit.outputs["model"],
        thresholds=settings.thresholds,
        fingerprint=_code(Gate),
        baseline_model=found[0].outputs["model"] if found else None,
        baseline_pointer=settings.pointer,
    )
    return [represent, fit, *found, gate]


def _delivery(
    examples: BaseChannel,
    checks: Sequence[BaseNode],
    pretrain: BaseNode,
    judging: Sequence[BaseNode],
    settings: PipelineSettings,
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
        model_name=settings.model_name,
        serving_root=settings.serving_root,
        fingerprint=_code(Push),
        baseline_pointer=settings.pointer,
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
    return code_fingerprint(step.__module__)


def _warm_start_steps(baseline: Baseline) -> list[BaseNode]:
    """What finds the model that a training begins with; nothing where the step reads the pointer itself."""
    if baseline == "pointer":
        return []
    channels = {"model": Channel(type=Model), "blessing": Channel(type=ModelBlessing)}
    return [Resolver(strategy_class=LatestBlessedModelStrategy, **channels).with_id("WarmStart")]


def _baseline_steps(baseline: Baseline, candidate: BaseChannel) -> list[BaseNode]:
    """What finds the model to compare the candidate with; nothing where the gate reads the pointer itself."""
    channels = {"model": Channel(type=Model), "blessing": Channel(type=ModelBlessing)}
    if baseline == "local":
        found = Resolver(strategy_class=LatestOtherBlessed, candidate=candidate, **channels)
    elif baseline == "resolver":
        found = Resolver(strategy_class=LatestBlessedModelStrategy, **channels)
    else:
        return []
    return [found.with_id("Baseline")]
