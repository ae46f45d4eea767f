# The image of the pipeline's steps, for Kubeflow Pipelines and Vertex:
#   docker build -t REGISTRY/looc-tf-pipeline:latest .
#   looc pipeline compile --target kubeflow --image REGISTRY/looc-tf-pipeline:latest ...
# With --build-arg GPU=1 CUDA's libraries are installed as well; only the step Pretrain has a use for them.
ARG BASE=python:3.10-slim-bookworm
FROM ${BASE}

ENV PYTHONUNBUFFERED=1 TF_CPP_MIN_LOG_LEVEL=1
WORKDIR /looc

# TFX needs pyfarmhash, which comes as source alone.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*

# The lock holds all that is needed; pip on its own would ask for extras that it does not name.
COPY requirements/pipeline.lock requirements/pipeline.lock
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/pipeline.lock

ARG GPU=""
RUN if [ -n "${GPU}" ]; then pip install --no-cache-dir "tensorflow[and-cuda]==2.15.1"; fi

COPY setup.py pyproject.toml LICENSE README.md ./
COPY configs configs
COPY looc_tf looc_tf
COPY pipeline pipeline
RUN pip install --no-cache-dir --no-deps --no-build-isolation .

# A compiled job brings its own command: TFX's container entry point.
ENTRYPOINT ["python", "-m", "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"]
