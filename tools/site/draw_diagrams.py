"""Draws the diagrams of docs/*.md with mermaid.js in Chromium, once for each change, to docs/diagrams.

python tools/site/draw_diagrams.py MERMAID     (mermaid.min.js of `npm pack mermaid`)

The site shows the pictures, as it loads nothing from elsewhere; a diagram that has changed since is shown as text.
"""

import hashlib
import pathlib
import re
import shutil
import sys

from playwright.sync_api import sync_playwright

DOCS = pathlib.Path(__file__).parents[2] / "docs"


def main():
    script = pathlib.Path(sys.argv[1]).resolve()
    sources = [
        text
        for page in sorted(DOCS.rglob("*.md"))
        for text in re.findall(r"^```mermaid\n(.*?)^```$", page.read_text(), re.S | re.M)
    ]
    (DOCS / "diagrams").mkdir(exist_ok=True)
    for old in (DOCS / "diagrams").glob("*.svg"):
        old.unlink()
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_content("<body></body>")
        page.add_script_tag(path=script)
        # Labels as SVG text: a picture shows no HTML inside of it.
        page.evaluate("mermaid.initialize({startOnLoad: false, htmlLabels: false, flowchart: {htmlLabels: false}})")
        for source in sources:
            drawn = page.evaluate("async text => (await mermaid.render('drawn', text)).svg", source)
            (DOCS / f"diagrams/{hashlib.sha256(source.encode()).hexdigest()[:12]}.svg").write_text(
                drawn + "\n", encoding="utf-8"
            )
        browser.close()


if __name__ == "__main__":
    main()
