"""Checks a built site: no dead link, anchor or picture, nothing that comes from elsewhere; lists the external links.

python tools/site/check.py build/site
"""

import functools
import html.parser
import pathlib
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    """Anchors, links, and what the browser loads by itself, of one page."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        if tag == "a" and "href" in given:
            self.links.append(given["href"] or "")
        elif tag in ("img", "script", "source", "iframe", "video") and given.get("src"):
            self.loaded.append(given["src"])
        elif tag == "link" and given.get("rel") != "canonical" and given.get("href"):
            self.loaded.append(given["href"])


@functools.cache
def page(path):
    return Page(path)


def check(site):
    """Returns (complaints, external links) of the site in a folder."""
    complaints, external = [], set()
    pages = sorted(site.rglob("*.html"))
    if len(pages) < 100:
        complaints.append(f"{site}: {len(pages)} pages are no whole site")
    for path in pages:
        if path.name == "404.html":  # served for any address: its links are absolute
            continue
        read = page(path)
        for target, loaded in [(link, False) for link in read.links] + [(link, True) for link in read.loaded]:
            address = urllib.parse.urlsplit(target)
            if address.scheme or address.netloc:
                if loaded and address.scheme != "data":
                    complaints.append(f"{path.relative_to(site)}: loads {target}")
                external |= {target} if address.scheme in ("http", "https") else set()
                continue
            there = (path.parent / urllib.parse.unquote(address.path)).resolve() if address.path else path
            if there.is_dir():
                there /= "index.html"
            if not there.is_file():
                complaints.append(f"{path.relative_to(site)}: {target} is not there")
            elif (
                address.fragment
                and there.suffix == ".html"
                and urllib.parse.unquote(address.fragment) not in page(there).anchors
            ):
                complaints.append(f"{path.relative_to(site)}: {target} has no such anchor")
    for path in site.rglob("*.css"):
        if "url(http" in (text := path.read_text(encoding="utf-8")) or "@import" in text:
            complaints.append(f"{path.relative_to(site)}: loads from elsewhere")
    return complaints, external


def main():
    site = pathlib.Path(sys.argv[1])
    complaints, external = check(site.resolve())
    (site / "external_links.txt").write_text("".join(f"{link}\n" for link in sorted(external)), encoding="utf-8")
    print(
        "\n".join(complaints)
        or f"{site}: links, anchors and pictures are there; {len(external)} external links in external_links.txt"
    )
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
