"""The shape of the house: a room imports only from its left, and a doubtful package has one door."""

import ast
import inspect
import io
import json
import subprocess
import sys
import time
import tokenize
from pathlib import Path

import pytest
from helpers import left_out

import looc_tf

PACKAGE = Path(looc_tf.__file__).parent
# Rooms from left to right.
HOUSE = (
    "errors registry keras2 files progress representations distribute config results data augment views models losses "
    "memory objectives methods evaluate optim experiments export run training report studies plugins cli"
).split()
PLACE = {room: index for index, room in enumerate(HOUSE)}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")
PIPELINE = sorted((PACKAGE.parent / "pipeline").rglob("*.py"))


def imports(path):
    """(module, line) of every import, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield node.module, node.lineno
            if node.module == "looc_tf":
                yield from ((f"looc_tf.{alias.name}", node.lineno) for alias in node.names)


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_room_imports_only_from_its_left(path):
    assert room(path) in PLACE, f"{room(path)} has no place in the house; give it one in HOUSE"
    for module, line in imports(path):
        parts = module.split(".")
        if parts[0] != "looc_tf" or len(parts) == 1 or parts[1] == "__version__":
            continue
        assert PLACE[parts[1]] <= PLACE[room(path)], f"{path.name}:{line}: {room(path)} imports {module}, to its right"


def test_the_readme_shows_the_whole_house():
    """Its picture names every room there is, in this order."""
    text = (PACKAGE.parent / "README.md").read_text(encoding="utf8")
    picture = next(block for block in text.split("\n\n") if block.startswith("    errors -> "))
    assert picture.replace("->", " ").split() == HOUSE
    assert {room(path) for path in FILES} == set(HOUSE)


# A word of LooC's own -> the files that may use it as a name. Everybody else asks the method.
OWN_WORDS = {
    "spaces": {
        "methods/looc.py",
        "methods/pairs.py",
        "methods/joint.py",
        "methods/augself.py",
        "methods/essl.py",
        "methods/recipes.py",
        "methods/__init__.py",  # whether a method has them
        "methods/simclr.py",
        "report/advice.py",  # compares them
        "studies/study.py",  # the rows of a table say which
        "studies/planning.py",
        "views/crops.py",
        "views/leave_one_out.py",
        "models/encoder.py",  # the names of its heads
        "representations.py",
        "evaluate/features.py",
        "results/summary.py",
        "config/versions.py",
    },
    "queue": {
        "methods/looc.py",
        "methods/swav.py",
        "objectives/clustered.py",
        "memory/fifo.py",
        "memory/embedding_space.py",
    },
    "key_groups": {"methods/looc.py", "methods/key_batches.py", "config/versions.py"},
    "key_batch_norm": {"methods/looc.py", "methods/key_batches.py", "config/versions.py"},
    "branch_per_space": {"methods/looc.py", "models/encoder.py", "config/versions.py"},
    "key_encoder": {"methods/looc.py"},
    "negatives": {
        "methods/looc.py",
        "methods/instdisc.py",
        "objectives/instances.py",
        "views/leave_one_out.py",
        "losses/info_nce.py",
        "losses/nt_xent.py",
    },
}


def words(path):
    """The names, attributes, keywords and whole strings of a file: comments and docstrings may say what they like."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        yield from (value for field in ("id", "attr", "arg", "name") if (value := getattr(node, field, None)))
    yield from strings(path)


def strings(path):
    """The texts of a file, each as a whole."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("word", OWN_WORDS)
def test_what_is_a_methods_own_stays_with_it(word):
    users = {path.relative_to(PACKAGE).as_posix() for path in FILES if word in words(path)}
    assert users == OWN_WORDS[word]
    assert [path for path in PIPELINE if word in words(path)] in ([], [PACKAGE.parent / SPACES_OF_OUTPUTS])


SPACES_OF_OUTPUTS = "pipeline/judging/evaluation_model.py"  # a local name there, for rows that are no trunk's


@pytest.mark.parametrize("name", ["query", "trunk", "concat", "branch_"])
def test_a_name_of_a_representation_stands_once(name):
    users = {path.relative_to(PACKAGE).as_posix() for path in FILES if name in set(strings(path))}
    assert users <= {"representations.py", "models/resnet.py"}  # a Keras layer of the ResNet is called so too


def test_the_parser_sees_an_import_to_the_right(tmp_path):
    path = tmp_path / "x.py"
    path.write_text("def f():\n    from looc_tf import train\n    import looc_tf.cli\n")
    assert [module for module, _ in imports(path)] == ["looc_tf", "looc_tf.train", "looc_tf.cli"]


@pytest.mark.parametrize(
    ("package", "doors"),
    [
        ("tfx", []),
        ("kfp", []),
        ("apache_beam", []),
        ("pipeline", []),
        ("keras_cv", ["augment/base.py", "models/backbones.py"]),
        ("tensorflow_addons", ["augment/addons.py"]),
        ("tensorflow.keras", ["keras2.py"]),
        ("tensorflow.python", ["data/records.py"]),
        ("pickle", []),
    ],
)
def test_a_doubtful_package_has_one_door(package, doors):
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        for name, _ in imports(path)
        if f"{name}.".startswith(f"{package}.")
    }
    assert found <= set(doors)


def test_every_public_name_resolves():
    assert set(looc_tf.__all__) <= set(dir(looc_tf))
    for name in looc_tf.__all__:
        assert getattr(looc_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'looc'"):
        _ = looc_tf.looc
    for old, new in looc_tf._RENAMED.items():
        assert new in looc_tf.__all__
        with pytest.raises(AttributeError, match=f"it is called '{new}' now"):
            getattr(looc_tf, old)


HEAVY = "tensorflow keras keras_cv matplotlib sklearn pandas numpy scipy omegaconf yaml rich click tfx ml_metadata"


@pytest.mark.parametrize(("module", "allowed"), [("looc_tf", ""), ("looc_tf.config", ""), ("looc_tf.cli", "click")])
def test_importing_is_cheap(module, allowed):
    """What is imported decides the time; the clock itself is only asked for the grossest mistake."""
    code = f"import sys, {module}; print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    start = time.monotonic()
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert answer.strip() == str(allowed.split())
    assert time.monotonic() - start < 5


def test_comparing_results_starts_no_tensorflow(tmp_path):
    """It is arithmetic on JSON: `looc compare`, drawing included, and whatever of the room one imports."""
    keys = {"run": "r", "method": "looc", "seed": 0, "representation": "trunk", "probe": "hue", "value": 1.0}
    (tmp_path / "results.json").write_text(json.dumps([keys]))
    code = f"""
import sys
from looc_tf.cli import cli
import looc_tf.results.figure, looc_tf.results.tables
arguments = ["compare", {str(tmp_path)!r}, "-o", {str(tmp_path / "x.svg")!r}]
cli(arguments, standalone_mode=False)
print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == str("click matplotlib numpy rich scipy".split())
    assert (tmp_path / "x.svg").is_file()


def test_tables_know_the_order_of_every_probe():
    """The room of results may not ask the probes themselves, which need TensorFlow; what is asked for by name alone
    stands behind those of the default."""
    from looc_tf.evaluate.probes import PROBES
    from looc_tf.results import summary

    assert tuple(PROBES)[: len(summary.PROBES)] == summary.PROBES
    assert summary.probes_of(("m", "trunk", name) for name in reversed(PROBES))[: len(summary.PROBES)] == [
        *summary.PROBES
    ]


def test_files_and_functions_stay_short():
    for path in [*FILES, *PIPELINE]:
        text = path.read_text(encoding="utf8")
        assert text.count("\n") <= 300, f"{path}: over 300 lines"
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}:{node.lineno} {node.name}: over 60 lines"


def code_lines(text):
    """How many lines of a file hold code: docstrings, comments and blank lines are left out."""
    held, blank = set(), {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in blank | {tokenize.ENDMARKER}:
            held |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            held -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return len(held)


def test_only_code_is_counted():
    assert code_lines('"""A\nfile."""\n\nx = (  # here\n    1\n)\n\n\ndef f():\n    """Of it."""\n    return x\n') == 5


def test_a_pair_method_is_one_file_of_less_than_60_lines():
    """Imports, settings and recipe included; see `code_lines`. What several methods need has a file of its own."""
    from looc_tf.methods import METHODS
    from looc_tf.methods.pairs import Pairs

    files = {Path(inspect.getfile(kind)) for kind in METHODS.values() if issubclass(kind, Pairs)}
    lines = {path.name: code_lines(path.read_text(encoding="utf8")) for path in files}
    assert lines and all(count < 60 for count in lines.values()), lines


def test_the_long_tests_are_there():
    """Else a test that is called otherwise would come back unseen, or its promise go."""
    folder = PACKAGE.parent / "tests"
    defined = "\n".join(path.read_text(encoding="utf8") for path in folder.rglob("test_*.py"))
    long = [name for name, seconds in left_out.measured().items() if seconds >= left_out.LIMIT]
    for name in long:
        assert f"def {name.partition('[')[0].split('::')[-1]}(" in defined, name
    for part in left_out.KEPT:
        assert any(part in name for name in long), part
