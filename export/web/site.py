"""Writes the page with its models as a folder of static files, for any web server.

    npm ci --prefix export/web
    python export/web/site.py --models=models --out=site

What is there already is replaced. The page also runs without threads where the server does not send the headers
Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp.
"""

import pathlib
import shutil
import sys

from keras_gans import files
from keras_gans.cli import main


def define(flags):
    flags.string("models", None, "folder of .tflite files; embedded: the package's own", required=True)
    flags.string("out", None, "folder to write", required=True)


def run(flags):
    from keras_gans.exporting import embedded_models
    from keras_gans.serving.site import Site

    site = Site(pathlib.Path(__file__).parent, embedded_models.folder(flags.models)).files()
    with files.whole(flags.out) as folder:
        for name, content in site.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                target.write_bytes(content)
            else:
                shutil.copyfile(content, target)
    print(f"wrote {len(site)} files to {flags.out}")


if __name__ == "__main__":
    sys.exit(main(verb=sys.modules[__name__], command="python export/web/site.py"))
