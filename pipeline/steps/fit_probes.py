"""The step `FitProbes`: reads what the encoder has kept, and saves encoder and probes as the model to be judged."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples, Model, ModelRun
from tfx.utils import io_utils, path_utils

from looc_tf.data import census_of, open_parts
from looc_tf.errors import UserError
from looc_tf.evaluate import readings
from looc_tf.report.runs import provenance, write_readings
from looc_tf.run import load_run
from pipeline import experiments
from pipeline.artifacts import PROBES_FILE, RUN_FOLDER
from pipeline.judging import evaluation_model
from pipeline.storage import examples_glob, local, write_text


@component
def FitProbes(
    examples: InputArtifact[Examples],
    model_run: InputArtifact[ModelRun],
    model: OutputArtifact[Model],
    config: Parameter[str],
    fingerprint: Parameter[str],
) -> None:
    """Fits `looc_tf.evaluate`'s probes on the training part and writes the evaluation model.

    `model` holds the SavedModel (`Format-Serving`), `probes.json`, and `run/`: the evaluated run, with its results, so
    that a later run can be compared with this one and begin with its weights.

    Args:
        config: the experiment, of which `evaluation` counts here.
        fingerprint: of the code.
    """
    del fingerprint
    settings = experiments.read(config).evaluation
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, RUN_FOLDER)
        shutil.copytree(local(model_run.uri) / RUN_FOLDER, path)
        run = load_run(path)
        sources = open_parts(examples_glob(examples.uri), size=run.experiment.data.size, pixels=run.pixels)
        embedder = run.embedding(settings.stages)
        notes: list[str] = []
        read = list(readings(embedder.images, sources, settings, notes=notes))
        known = provenance(run, sources, settings)
        write_readings(run, read, known, notes=notes, census=census_of(sources.values()))
        asked = evaluation_model.questions(read, sources)
        if not asked:
            raise UserError("There is no linear probe to judge the model by. Name some in evaluation.probes.")
        saved = os.path.join(folder, "saved")
        evaluation_model.save(embedder, asked, saved)
        io_utils.copy_dir(saved, path_utils.serving_model_dir(model.uri))
        io_utils.copy_dir(str(path), os.path.join(model.uri, RUN_FOLDER))
    labels = sources["test"].labels["label"]
    about = {
        "outputs": {question.output: question.about() for question in asked},
        "unlabelled": int((labels < 0).sum()) if (labels >= 0).any() else 0,
    }
    write_text(os.path.join(model.uri, PROBES_FILE), json.dumps(about, indent=2) + "\n")
