"""The step `CheckServing`: the exported model, loaded as a server would, answers as the evaluator does."""

import os

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import InfraBlessing, Model, ModelRun
from tfx.utils import path_utils

from looc_tf.errors import UserError
from looc_tf.run import load_run
from pipeline.artifacts import RUN_FOLDER
from pipeline.serving import replay
from pipeline.storage import local, write_text


@component
def CheckServing(
    model: InputArtifact[Model],
    model_run: InputArtifact[ModelRun],
    blessing: OutputArtifact[InfraBlessing],
    fingerprint: Parameter[str],
) -> None:
    """Replays the warm-up requests of an export in a process with TensorFlow alone, and blesses the model.

    Raises:
        UserError: the model does not load or answer there, or its embeddings differ from those that were evaluated.
    """
    del fingerprint
    embedder = load_run(local(model_run.uri) / RUN_FOLDER).embedder
    exported = local(path_utils.serving_model_dir(model.uri))
    for signature, name, far in replay.differences(exported, embedder.functions()):
        if not far <= replay.TOLERANCE:
            raise UserError(
                f"The exported model and the evaluated one differ: {name!r} of signature {signature!r} by {far:.2g} of "
                f"its largest value; at most {replay.TOLERANCE:g} is allowed. Nothing was pushed."
            )
    blessing.set_int_custom_property("blessed", 1)
    write_text(os.path.join(blessing.uri, "INFRA_BLESSED"), "")
