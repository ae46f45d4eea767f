"""What mkdocs is told of this repository: which documents outside of docs/ are pages, and where links lead.

Documents link as GitHub shows them, from file to file. Here a link is turned into one between pages. A line of docs/
that is nothing but a link to a section of the README or to a program, a paragraph of its own, is that section or
program: on GitHub one follows it, the site shows it.
"""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# page of the site -> the document outside of docs/ that it shows
ADDED = {
    "benchmarks.md": "benchmarks/README.md",
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security.md": "SECURITY.md",
}
FOLDERS = {"examples": "examples.md"}  # folders that documents link to
README = "README.md"
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
# Code, in which nothing is a link; or a link, its text and its address.
LINK = re.compile(r"^```.*?^```$|`[^`]*`|\[((?:[^\[\]`]|`[^`]*`)*)\]\(([^)\s]+)\)", re.MULTILINE | re.DOTALL)
ALONE = r"(?<![^\n]\n)^\[[^\]]*\]\(%s\)$(?!\n[^\n])"  # a link that is a paragraph of its own
SECTION = re.compile(ALONE % r"\.\./README\.md#([\w-]+)", re.MULTILINE)
PROGRAM = re.compile(ALONE % r"(?:\.\./)+([\w/]+\.py)", re.MULTILINE)
LOADED = re.compile(
    r"<(?:script|img|iframe|source|embed|audio|video)\b[^>]*\bsrc(?:set)?=[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|<link\b(?![^>]*rel=[\"']?canonical)[^>]*\bhref=[\"']?(?:https?:)?//[^\s\"'>]+"
    r"|class=[\"']?mermaid"  # whose program the theme fetches
    r"|url\([\"']?(?:https?:)?//[^)]+|@import\s+[\"'](?:https?:)?//[^\"']+",
    re.IGNORECASE,
)


def on_files(files, config):
    """The documents of ADDED are pages beside those of docs/."""
    from mkdocs.structure.files import File

    for page, document in ADDED.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / document)))
    return files


def on_page_markdown(markdown, page, **_):
    return as_page(markdown, page.file.src_uri)


def on_post_build(config):
    """A page that would load anything from another host is an error."""
    found = [line for path in sorted(Path(config.site_dir).rglob("*.*")) for line in loaded_from_elsewhere(path)]
    if found:
        raise SystemExit("The site is to work without a network. It would load:\n" + "\n".join(found))


def loaded_from_elsewhere(path):
    """A line for each font, script, picture or style sheet that a built file takes from another host."""
    if path.suffix not in (".html", ".css"):
        return []
    return [f"{path}: {match.group()}" for match in LOADED.finditer(path.read_text(encoding="utf8"))]


def as_page(markdown, page):
    """The text of a page of the site: sections of the README in the place of their links, links between pages."""
    at_home = posix_folder(ADDED.get(page, f"docs/{page}"))
    markdown = PROGRAM.sub(lambda match: f"```python\n{(ROOT / match[1]).read_text(encoding='utf8')}```", markdown)
    parts = SECTION.split(markdown)
    texts = [linked(text, at_home, page) for text in parts[::2]]
    sections = [linked(section(name), "", page) for name in parts[1::2]]
    return "".join(text for pair in zip(texts, [*sections, ""]) for text in pair)


def section(name):
    """The README from a heading, by its anchor, to the next of the same level, with headings a level below a page's."""
    text = (ROOT / README).read_text(encoding="utf8")
    found = headings(text)
    start, level = next((start, level) for start, level, anchor in found if anchor == name)
    ends = [other for other, depth, _ in found if other > start and depth <= level]
    return text[start : ends[0] if ends else len(text)].strip()


def headings(text):
    """[(position, level, anchor)] of the headings of a document."""
    code = [match.span() for match in FENCE.finditer(text)]
    return [
        (match.start(), len(match.group(1)), anchor(match.group(2)))
        for match in HEADING.finditer(text)
        if not any(start < match.start() < end for start, end in code)
    ]


def anchor(title):
    """What GitHub and the site call a heading."""
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower())


def linked(text, folder, page):
    """A text from a folder of the repository with its links as the site has them."""

    def shown(match):
        title, link = match.groups()
        address, _, place = (link or "").partition("#")
        if not address or ":" in address:
            return match.group()
        path = os.path.normpath(os.path.join(folder, address)).replace(os.sep, "/")
        if is_source(path):
            return title
        found = os.path.relpath(page_of(path, place), posix_folder(page) or ".").replace(os.sep, "/")
        title = name_of(path, place) if title.endswith(".md") else title  # readers of the site see no files
        return f"[{title}]({found}{'#' + place if place else ''})"

    return LINK.sub(shown, text)


def name_of(path, place):
    """What a reader of the site is told of a document: its title, or that of one of its sections."""
    text = (ROOT / path).read_text(encoding="utf8")
    titles = {anchor(title): title for _, title in HEADING.findall(FENCE.sub("", text))}
    return titles.get(place) or next(iter(titles.values()))


def is_source(path):
    """Whether a file of the repository is no page: the site names it and links to nothing."""
    known = path in {README, *ADDED.values()} or path.split("/")[0] in {"docs", *FOLDERS}
    return not known and (ROOT / path).exists()


def page_of(path, place):
    """The page, or the picture, of a path of the repository; of a section of the README the page that shows it."""
    pages = {document: page for page, document in ADDED.items()}
    if path == README:
        return shown_on()[place]
    if path.startswith("docs/"):
        return path[len("docs/") :]
    return pages.get(path) or FOLDERS[path.split("/")[0]]


def shown_on():
    """Anchor of a heading of the README -> the page that shows it; the README as a whole is the front page."""
    found = {"": "index.md"}
    for path in sorted((ROOT / "docs").rglob("*.md")):
        for name in SECTION.findall(path.read_text(encoding="utf8")):
            page = path.relative_to(ROOT / "docs").as_posix()
            found.update({inner: page for _, _, inner in headings(section(name))})
    return found


def posix_folder(path):
    return path.rpartition("/")[0]
