"""MkDocs hooks: the order of the pages, pages made of what stands elsewhere, links that leave docs/, and formulae.

Pages in docs/ are written for GitHub too. On the site a link to a file outside of docs/ goes to the page that is made of it, and is
plain text where there is none; `$...$` and `$$...$$` of docs/families become MathML, and diagrams the pictures in
docs/diagrams.
"""

import hashlib
import io
import posixpath
import re
import sys
from pathlib import Path

from latex2mathml.converter import convert
from mkdocs.structure.files import File
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

import pages
import sources

ROOT = sources.ROOT
# Files outside of docs/ -> their pages.
ELSEWHERE = {
    "README.md": "index.md",
    "README.md#what-you-can-do": "how_to/index.md",
    "README.md#recipes": "families/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "export/on_device/README.md": "on_device.md",
    "export/tf_serving/README.md": "tf_serving.md",
    "export/web/README.md": "web.md",
    "keras_gans/data/embedded/NOTICE.md": "notice.md",
    "configs": "families/index.md",
}
LINK = re.compile(r"(?P<code>^```.*?^```[^\n]*$|`+[^`]*`+)|(?P<before>!?\[[^\]]*\])\((?P<target>[^)\s]+)\)", re.S | re.M)


def on_config(config):
    config.nav = pages.nav()
    return config


def on_files(files, config):
    made = {
        page: relinked((ROOT / path).read_text(encoding="utf-8"), path, page)
        for path, page in ELSEWHERE.items()
        if path != "README.md" and (ROOT / path).is_file()
    }
    made |= {page: relinked(text, "README.md", page) for page, text in pages.how_to().items()}
    made |= pages.families() | pages.commands() | pages.reference()
    for page, text in made.items():
        if written := files.get_file_from_path(page):
            text = f"{written.content_string.rstrip()}\n\n{text}"
            files.remove(written)
            text = relinked(text, f"docs/{page}", page)
        files.append(File.generated(config, page, content=text))
    for name, picture in rows_of_the_zoo().items():
        files.append(File.generated(config, f"families/{name}.png", content=picture))
    return files


def on_page_markdown(markdown, page, config, files):
    path = page.file.src_uri
    if page.file.generated_by is None:
        markdown = relinked(markdown, f"docs/{path}", path)
    if path.startswith("families/"):
        markdown = formulae(markdown)
    return diagrams(markdown, path)


def on_page_content(html, page, config, files):
    # Source code and flagfiles are shown on demand, and are no text to search: the index would be six times as large.
    return re.sub(r'<details class="(mkdocstrings-source|quote|note)"', r'<details data-search-exclude class="\1"', html)


def on_post_page(output, page, config):
    # The theme asks a CDN for what opens workers from file://; ours lies beside the pages.
    up = posixpath.relpath("worker.js", posixpath.dirname(page.url) or ".")
    return output.replace("https://unpkg.com/iframe-worker/shim", up)


def relinked(markdown, origin, page):
    """Returns a text that stood in the file `origin` of the repository, with links as from the site's `page`."""

    def link(match):
        if match["code"] or re.match(r"\w+:|#", match["target"]):
            return match[0]
        path, hash, anchor = match["target"].partition("#")
        path = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
        if path.startswith("configs/"):
            path, hash, anchor = f"docs/families/{pages.family_of(Path(path).stem)}.md", "#", Path(path).stem
        if f"{path}#{anchor}" in ELSEWHERE:
            path, hash, anchor = f"{path}#{anchor}", "", ""
        target = path.removeprefix("docs/") if path.startswith("docs/") else ELSEWHERE.get(path) or pages.of_source(path)
        if not target:
            return match["before"].strip("[]")
        return f"{match['before']}({posixpath.relpath(target, posixpath.dirname(page) or '.')}{hash}{anchor})"

    return LINK.sub(link, markdown)


def formulae(markdown):
    """Returns the text with `$$...$$` and `$...$` as MathML."""

    def formula(match):
        if match["code"]:
            return match[0]
        made = convert(match["block"] or match["inline"], display="block" if match["block"] else "inline").replace("\n", " ")
        return f'<div class="formula">{made}</div>' if match["block"] else made

    return re.sub(
        r"(?P<code>^```.*?^```$|`+[^`]*`+)|\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+)\$",
        formula,
        markdown,
        flags=re.S | re.M,
    )


def diagrams(markdown, path):
    """Returns the text with the picture of each diagram that has been drawn as it stands, else with its source."""

    def diagram(match):
        name = f"diagrams/{hashlib.sha256(match[1].encode()).hexdigest()[:12]}.svg"
        if (ROOT / "docs" / name).exists():
            return f"![diagram]({posixpath.relpath(name, posixpath.dirname(path) or '.')}){{ .diagram }}"
        return f"```text\n{match[1]}```"

    return re.sub(r"^```mermaid\n(.*?)^```$", diagram, markdown, flags=re.S | re.M)


def rows_of_the_zoo():
    """Returns {recipe: PNG bytes} of the rows of docs/zoo.png, which are those of the table above it."""
    text = (ROOT / "docs/results.md").read_text(encoding="utf-8").partition("<!-- zoo -->")[2].partition("<!-- /zoo -->")[0]
    names = re.findall(r"^\| \[(\w+)\]", text, re.M)
    with Image.open(ROOT / "docs/zoo.png", formats=["PNG"]) as zoo:
        height = zoo.height / (len(names) + 1)  # the first row has real images
        made = {}
        for row, name in enumerate(names, 1):
            buffer = io.BytesIO()
            zoo.crop((100, round(row * height), zoo.width, round((row + 1) * height))).save(buffer, "PNG")
            made[name] = buffer.getvalue()
    return made
