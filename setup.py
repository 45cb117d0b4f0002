"""The description for PyPI: the README, whose links and pictures are the files of this release at the project's address.

Everything else that is said about the package stands in setup.cfg.
"""

import configparser
import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)
_LINK = re.compile(r"(!?\[[^\]]*\])\((?!https?:|#)([^)\s]+)\)")


def description():
    """Returns the README with addresses in the place of names of files."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg", encoding="utf-8")
    home = settings["metadata"]["url"]
    tag = f"v{_VERSION.search((ROOT / 'keras_gans/__init__.py').read_text(encoding='utf-8'))[1]}"

    def absolute(match):
        return f"{match[1]}({home}/{'raw' if match[1].startswith('!') else 'blob'}/{tag}/{match[2]})"

    return _LINK.sub(absolute, (ROOT / "README.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    setuptools.setup(long_description=description(), long_description_content_type="text/markdown")
