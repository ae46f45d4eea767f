"""A compiled job, carried out on this machine as a cluster would: each step through TFX's own container entry point.

    python -m pipeline.runners.rehearse pipeline.yaml --root R --parameter data=PHOTOS

Nothing is read but the compiled file: the order of the steps, what each takes from which, and the command line of its
container. In the place of containers, one process carries out all of them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from looc_tf.errors import UserError

Spec = Mapping[str, Any]
PLACEHOLDER = "{{$}}"


def rehearse(spec: Spec, root: Path, parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Carries out every task of a pipeline spec 2.1; returns task -> its executor output.

    Args:
        spec: as `pipeline.runners.kubeflow.compile_pipeline` makes it for Kubeflow.
        root: of the artifacts.
        parameters: of the run; the spec's defaults fill in the others.
    """
    known = spec["root"]["inputDefinitions"]["parameters"]
    unknown = set(parameters) - set(known)
    if unknown:
        raise UserError(f"The job has no parameter {unknown.pop()!r}. Expected one of {', '.join(known)}.")
    values = {name: about.get("defaultValue") for name, about in known.items()} | dict(parameters)
    done: dict[str, dict[str, Any]] = {}
    for name in order(spec["root"]["dag"]["tasks"]):
        print(f"{len(done) + 1:>2} {name}", flush=True)
        done[name] = carry_out(spec, name, root / name, values, done)
    return done


def order(tasks: Spec) -> list[str]:
    """Task names, each behind what it depends on."""
    waiting, done = dict(tasks), []
    while waiting:
        ready = sorted(name for name, task in waiting.items() if not set(task.get("dependentTasks", ())) & set(waiting))
        if not ready:
            raise UserError(f"The tasks {', '.join(waiting)} wait for one another.")
        done += ready
        for name in ready:
            del waiting[name]
    return done


def carry_out(spec: Spec, name: str, folder: Path, values: Mapping[str, Any], done: Spec) -> dict[str, Any]:
    """Carries out one task into a folder.

    Args:
        values: of all parameters of the run.
        done: the outputs of the tasks before it.
    """
    task = spec["root"]["dag"]["tasks"][name]
    part = spec["components"][task["componentRef"]["name"]]
    container = spec["deploymentSpec"]["executors"][part["executorLabel"]]["container"]
    out = folder / "executor_output.json"
    outputs = _outputs(part, folder)
    inputs = {"artifacts": _artifacts(task, done), "parameterValues": _values(task, values)}
    text = json.dumps({"inputs": inputs, "outputs": {"artifacts": outputs, "outputFile": str(out)}})
    _enter(container["command"], [text if one == PLACEHOLDER else one for one in container["args"]])
    return _typed(json.loads(out.read_text()), outputs)


def _values(task: Spec, values: Mapping[str, Any]) -> dict[str, Any]:
    asked = task.get("inputs", {}).get("parameters", {})
    return {
        key: values[source["componentInputParameter"]]
        if "componentInputParameter" in source
        else source["runtimeValue"]["constant"]
        for key, source in asked.items()
    }


def _artifacts(task: Spec, done: Spec) -> dict[str, Any]:
    asked = task.get("inputs", {}).get("artifacts", {})
    sources = {key: source["taskOutputArtifact"] for key, source in asked.items()}
    return {
        key: done[source["producerTask"]]["artifacts"][source["outputArtifactKey"]] for key, source in sources.items()
    }


def _outputs(part: Spec, folder: Path) -> dict[str, Any]:
    made = {}
    for key, about in part.get("outputDefinitions", {}).get("artifacts", {}).items():
        uri = folder / key
        os.makedirs(uri, exist_ok=True)
        artifact = {"name": f"rehearsal/{folder.name}/{key}", "uri": str(uri), "type": about["artifactType"]}
        made[key] = {"artifacts": [artifact | ({"metadata": about["metadata"]} if "metadata" in about else {})]}
    return made


def _typed(output: dict[str, Any], asked: Spec) -> dict[str, Any]:
    """The backend knows name and type of what it asked for; a step answers with place and properties alone."""
    for key, given in asked.items():
        answered = output.get("artifacts", {}).get(key, {}).get("artifacts", [{}])[0]
        artifact = {**given["artifacts"][0], **answered, "type": given["artifacts"][0]["type"]}
        output.setdefault("artifacts", {})[key] = {"artifacts": [artifact]}
    return output


def _enter(command: list[str], arguments: list[str]) -> None:
    """Calls the module that a container's command names, in this process: each start of it takes half a minute."""
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as entry

    if list(command) != ["python", "-m", entry.__name__]:
        raise UserError(f"Expected the command of TFX's container. Received {' '.join(command)}.")
    entry.main(entry._parse_flags(["run_executor", *arguments]))


def main() -> None:
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job")
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("--parameter", action="append", default=[], type=_parameter, metavar="NAME=VALUE")
    arguments = parser.parse_args()
    try:
        rehearse(yaml.safe_load(Path(arguments.job).read_text()), arguments.root.absolute(), dict(arguments.parameter))
    except (UserError, OSError) as error:
        parser.error(str(error))


def _parameter(text: str) -> tuple[str, str | int]:
    name, sign, value = text.partition("=")
    if not sign:
        raise argparse.ArgumentTypeError(f"Expected NAME=VALUE. Received {text!r}.")
    return name, int(value) if name == "steps" else value


if __name__ == "__main__":
    main()
