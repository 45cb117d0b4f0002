"""Looks at a built site in the Chromium of the system, as files and without a network: widths, errors, search.

python tools/site/browser.py build/site [FOLDER FOR SCREENSHOTS]

Passed over where Chromium or playwright is not there.
"""

import pathlib
import shutil
import sys

PAGES = {
    "home": "index.html",
    "family": "families/stylegan2.html",
    "layer": "reference/layers/instance_normalization.html",
    "how_to": "how_to/index.html",
    "results": "results.html",
}
WIDTHS = 360, 1280
SOUGHT = {"instance normalization": "layers/instance_normalization.html", "wgan_gp": "wgan_gp"}


def look(site, pictures):
    """Returns complaints; writes a screenshot for each page and width if `pictures` is a folder."""
    from playwright.sync_api import sync_playwright

    complaints = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in WIDTHS:
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.set_default_timeout(120_000)  # the machine may be busy
            page.route("http*://**", lambda route: complaints.append(f"asks for {route.request.url}") or route.abort())
            page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
            for name, path in PAGES.items():
                page.goto((site / path).as_uri())
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    complaints.append(f"{path} is {wide} pixels wide where the window has {width}")
                if pictures:
                    page.screenshot(path=pictures / f"{name}_{width}.png")
            for words, wanted in SOUGHT.items():
                page.goto((site / "index.html").as_uri())
                if width < 960:
                    page.click("label.md-header__button[for=__search]")
                page.locator("input.md-search__input").press_sequentially(words)  # keys are what the search listens to
                try:
                    page.wait_for_selector(f".md-search-result__link[href*='{wanted}']", state="attached")
                except Exception:
                    shown = page.eval_on_selector_all(".md-search-result__link", "links => links.map(link => link.href)")
                    complaints.append(f"{width} pixels: {words!r} finds {shown[:5]}, not {wanted}")
                if pictures:
                    page.screenshot(path=pictures / f"search_{words.replace(' ', '_')}_{width}.png")
        browser.close()
    return complaints


def main():
    site = pathlib.Path(sys.argv[1]).resolve()
    try:
        import playwright  # noqa: F401
    except ImportError:
        print("playwright is not installed: the site was not looked at")
        return 0
    if not shutil.which("chromium"):
        print("there is no chromium: the site was not looked at")
        return 0
    complaints = look(site, pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None)
    print(
        "\n".join(complaints)
        or f"{len(PAGES)} pages at {WIDTHS} pixels are no wider than the window; search finds {', '.join(SOUGHT)}"
    )
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
