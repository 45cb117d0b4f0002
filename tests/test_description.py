"""The description for PyPI: the README, with addresses in the place of names of files."""

import importlib.util
import re

import helpers


def test_every_link_is_an_address_of_a_file_that_is_there():
    spec = importlib.util.spec_from_file_location("setup_of_the_package", helpers.ROOT / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = module.description()
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", text)
    home = re.compile(r"https://[\w.]+/[\w-]+/keras_gans/(raw|blob)/v\d+\.\d+\.\d+/(.+)")
    ours = [(picture, *home.fullmatch(link).groups()) for picture, link in links if "/keras_gans/" in link]
    assert all(link.startswith(("https://", "#")) for _, link in links)
    assert {kind for picture, kind, _ in ours if picture} == {"raw"} and {
        kind for picture, kind, _ in ours if not picture
    } == {"blob"}
    written = re.findall(r"\]\((?!https?:|#)([^)]*)\)", (helpers.ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(name for _, _, name in ours) == sorted(written)
    if (helpers.ROOT / "docs/quickstart.png").is_file():  # an sdist has no pictures of results
        assert [name for name in written if not (helpers.ROOT / name.partition("#")[0]).exists()] == []
        for name, heading in (name.split("#") for name in written if "#" in name):
            headings = re.findall(r"^#+ (.*)$", (helpers.ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings], name
