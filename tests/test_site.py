"""The site and the papers of a project: pages that are named, links that lead somewhere, versions that agree."""

import importlib.util
import re
import subprocess
from pathlib import Path

import pytest
import yaml

import looc_tf

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
API = "\n".join(path.read_text(encoding="utf8") for path in sorted((DOCS / "api").glob("*.md")))


@pytest.fixture(scope="module")
def site():
    """scripts/site_pages.py, which mkdocs calls; it imports nothing of mkdocs until then."""
    spec = importlib.util.spec_from_file_location("site_pages", PROJECT / "scripts" / "site_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def settings(name):
    return yaml.safe_load((PROJECT / name).read_text(encoding="utf8"))


def targets(nav):
    """Every page that a part of the navigation names."""
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in targets(part)]


def test_the_navigation_names_every_document_once_and_no_other(site):
    pages = [path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(targets(settings("mkdocs.yml")["nav"])) == sorted([*pages, *site.ADDED])
    assert all((PROJECT / document).is_file() for document in site.ADDED.values())


def test_every_public_name_is_on_a_page_of_the_reference():
    shown = re.findall(r"^::: looc_tf\.(\w+)$", API, re.MULTILINE)
    assert sorted(shown) == sorted(set(looc_tf.__all__) - {"__version__"})


def test_the_first_page_begins_with_the_two_commands():
    first = (DOCS / "index.md").read_text(encoding="utf8").split("```")[1].splitlines()[1:3]
    assert [line.split("#")[0].strip() for line in first] == ["make demo", "make test"]


def test_every_section_of_the_readme_is_on_a_page(site):
    """But the title and what the first page says in its own words."""
    text = (PROJECT / "README.md").read_text(encoding="utf8")
    anchors = {anchor for _, level, anchor in site.headings(text) if level > 1}
    assert anchors <= set(site.shown_on())


@pytest.mark.parametrize(
    ("page", "written", "shown"),
    [
        ("methods.md", "as in\n[a](../README.md#photographs)", "as in\n[a](accuracies.md#photographs)"),
        ("methods.md", "[a](trust.md#input)", "[a](trust.md#input)"),
        ("index.md", "[a](../CONTRIBUTING.md)", "[a](contributing.md)"),
        ("contributing.md", "[a](docs/methods.md#settings)", "[a](methods.md#settings)"),
        ("contributing.md", "[a](looc_tf/errors.py)", "a"),
        ("index.md", "[docs/methods.md](methods.md)", "[Methods](methods.md)"),
        ("contributing.md", "[docs/methods.md](docs/methods.md#settings)", "[Settings](methods.md#settings)"),
        ("benchmarks.md", "[a](../docs/trust.md)", "[a](trust.md)"),
        ("api/configs.md", "[a](../methods.md#settings)", "[a](../methods.md#settings)"),
        ("python.md", "in [../examples](../examples) and", "in [../examples](examples.md) and"),
        ("python.md", '`a["x"](../x)` [a](trust.md)', '`a["x"](../x)` [a](trust.md)'),
        ("how.md", "![a](views.png) [b](https://arxiv.org)", "![a](views.png) [b](https://arxiv.org)"),
    ],
)
def test_links_between_files_become_links_between_pages(site, page, written, shown):
    assert site.as_page(written, page) == shown


def test_a_line_that_is_a_link_to_a_section_or_a_program_shows_it(site):
    page = site.as_page("Before.\n\n[Commands](../README.md#commands)\n\nAfter.\n", "commands.md")
    assert page.startswith("Before.\n\n## Commands\n\n| command |") and page.endswith("already.\n\nAfter.\n")
    assert "(methods.md)" in page and "docs/methods.md)" not in page and "## Data" not in page
    code = site.as_page("[own](../examples/own_arrays.py)", "examples.md")
    assert code == f"```python\n{(PROJECT / 'examples' / 'own_arrays.py').read_text(encoding='utf8')}```"


@pytest.mark.parametrize(
    ("built", "found"),
    [
        ('<a href="https://arxiv.org">a</a> <img src="views.png"> <link rel="icon" href="assets/icon.png">', 0),
        ('<script src="https://unpkg.com/shim"></script>', 1),
        ('<link href="//fonts.example/css" rel="stylesheet"> <img alt="a" src=http://example.org/a.png>', 2),
        ('<pre class="mermaid">graph</pre> <style>body { background: url(https://example.org/a.png) }</style>', 2),
    ],
)
def test_a_page_that_would_load_from_another_host_is_found(site, tmp_path, built, found):
    (tmp_path / "page.html").write_text(built, encoding="utf8")
    assert len(site.loaded_from_elsewhere(tmp_path / "page.html")) == found


def locked(part):
    text = (PROJECT / "requirements" / f"{part}.lock").read_text(encoding="utf8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_what_the_site_is_built_with_is_of_the_librarys_versions_where_both_have_it():
    library, docs = locked("library"), locked("docs")
    assert {"mkdocs", "mkdocs-material", "mkdocstrings-python"} <= set(docs)
    assert {name: docs[name] for name in docs if name in library} == {
        name: library[name] for name in docs & library.keys()
    }


def test_what_runs_before_a_commit_is_of_the_locked_version():
    (ruff,) = (repo for repo in settings(".pre-commit-config.yaml")["repos"] if "ruff" in repo["repo"])
    assert ruff["rev"] == f"v{locked('library')['ruff']}"


def test_the_citation_is_of_this_version():
    cited = settings("CITATION.cff")
    assert cited["version"] == looc_tf.__version__ and cited["cff-version"] == "1.2.0" and cited["authors"]
    assert f"## {cited['version']} - {cited['date-released']}" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf8")
    (paper,) = cited["references"]
    assert "arXiv:2008.05659" in [each["value"] for each in paper["identifiers"]]


@pytest.mark.parametrize("name", sorted((PROJECT / ".github").rglob("*.yml")), ids=lambda path: path.name)
def test_forms_and_workflows_are_yaml_and_actions_are_pinned(name):
    text = name.read_text(encoding="utf8")
    assert isinstance(yaml.safe_load(text), dict)
    assert all(re.search(r"@[0-9a-f]{40} ", f"{line} ") for line in text.splitlines() if "uses:" in line)


def recipes():
    """(commit, its lines) of each recipe of CONTRIBUTING.md."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf8")
    return re.findall(r"[Ff]rom commit ([0-9a-f]{7}).*?```diff\n(.*?)```", text, re.DOTALL)


def test_there_are_four_recipes():
    assert len(recipes()) == 4


@pytest.mark.parametrize(("commit", "diff"), recipes())
def test_a_recipe_is_of_its_commit(commit, diff):
    command = ["git", "-C", str(PROJECT), "show", "--format=", commit]
    answer = subprocess.run(command, capture_output=True, encoding="utf8", check=False)
    if answer.returncode:
        pytest.skip("needs the history of the repository")
    assert {line for line in diff.splitlines() if line[:1] in ("+", "-")} <= set(answer.stdout.splitlines())
    for path in re.findall(r"^\+\+\+ b/(.*)$", diff, re.MULTILINE):
        assert (PROJECT / path).is_file(), f"{path} has moved: show where its lines are now"
