"""Packaging of looc_tf. Versions are ranges here; `requirements/*.lock` hold the exact set that `make` installs."""

import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent


class BuildWithConfigs(build_py):
    """A wheel carries the shipped configs inside the package; a clone keeps them beside it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            shutil.copytree(HERE / "configs", Path(self.build_lib, "looc_tf", "configs"), dirs_exist_ok=True)


setup(
    name="looc_tf",
    version=re.search(r'__version__ = "(.+)"', (HERE / "looc_tf/__init__.py").read_text(encoding="utf8")).group(1),
    description="Leave-one-out contrastive learning (LooC) in TensorFlow",
    long_description=(HERE / "README.md").read_text(encoding="utf8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    keywords="contrastive learning, self-supervised learning, representation learning, LooC, MoCo, Keras, TensorFlow",
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.12",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    packages=find_packages(include=["looc_tf", "looc_tf.*", "pipeline", "pipeline.*"]),
    package_data={"looc_tf": ["py.typed", "**/*.html", "**/*.css", "**/*.js", "**/*.j2", "studies/files/*.yaml"]},
    cmdclass={"build_py": BuildWithConfigs},
    python_requires=">=3.9,<3.14",
    install_requires=[
        # Two lanes: the last TensorFlow that tensorflow-addons imports under, and with it all five packages, and those
        # after it, which find Keras 2 in tf-keras.
        "tensorflow>=2.15,<2.16; python_version < '3.11'",
        "tensorflow-addons==0.23.0; python_version < '3.11'",
        "tensorboard>=2.15,<2.16; python_version < '3.11'",
        "setuptools<81; python_version < '3.11'",  # which this tensorboard imports pkg_resources from
        "numpy<2; python_version < '3.11'",
        "tensorflow>=2.16; python_version >= '3.11'",
        "tf-keras>=2.16; python_version >= '3.11'",
        "tensorboard>=2.16; python_version >= '3.11'",
        "numpy>=1.26; python_version >= '3.11'",
        "keras-cv==0.9.0",
        "tensorflow-datasets>=4.9",
        "importlib_resources; python_version >= '3.11'",  # which this one imports and does not ask for
        "h5py>=3",  # Keras's own files of weights, read as arrays
        "protobuf>=3.20",
        "omegaconf>=2.3",
        "pyyaml>=6",
        "click>=8",
        "rich>=13",
        "scikit-learn>=1.3",
        "scipy>=1.10",  # t-intervals
        "threadpoolctl>=3",  # probes read side by side, one BLAS thread each
        "matplotlib>=3.7",
        "jinja2>=3",
        "markupsafe>=2",
        "pillow>=10",
        "pyarrow>=10",
    ],
    extras_require={
        "pipeline": [
            "tfx[kfp]==1.15.1; python_version < '3.11'",
            "apache-beam[gcp]==2.59.0; python_version < '3.11'",
            "tfx[kfp]==1.21.0; python_version >= '3.11'",  # its wheels ask for glibc 2.39, Kubeflow for Python 3.11
            "apache-beam[gcp]; python_version >= '3.11'",
            # TFX decides on the versions of these.
            "absl-py",
            "kfp",
            "ml-metadata",
            "tensorflow-data-validation",
            "tensorflow-metadata",
            "tensorflow-model-analysis",
            "tensorflow-serving-api",
            "tfx-bsl",
        ],
        "heic": ["pillow-heif>=0.16"],  # pictures of telephones
        "gpu": [
            "tensorflow[and-cuda]==2.15.1; python_version < '3.11'",
            "tensorflow[and-cuda]>=2.16; python_version >= '3.11'",
        ],
        "dev": [
            "pytest",
            "pytest-timeout",
            "pytest-xdist",
            "hypothesis",
            "pandas>=1.5",
            "grpcio",
            "packaging",
            "ruff",
            "mypy",
            "types-PyYAML",
        ],
    },
    entry_points={"console_scripts": ["looc = looc_tf.cli:main"]},
)
