"""Parts in a user's own file: the one that docs/plugins.md shows trains, resumes, samples and is exported."""

import json
import re

import helpers
import numpy as np
import pytest

import keras_gans

GUIDE = helpers.ROOT / "docs" / "plugins.md"
FLAGS = ["--game=two_critics", "--loss=absolute", "--generator=one_layer", "--image_size=16", "--sample_kimg=0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with my_parts.py."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "my_parts.py").write_text(re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.S)[1])
    return folder


def command(*words):
    return helpers.run([helpers.sys.executable, "-m", "keras_gans", *map(str, words)])


def test_trains_resumes_and_is_exported(folder):
    """Every command in a process of its own, as users do. Ten steps in one go and in two are the same weights."""
    plugin, whole, parts = f"--plugin={folder / 'my_parts.py'}", folder / "whole", folder / "parts"
    for run, lengths in ((whole, ["0.08"]), (parts, ["0.048", "0.08"])):
        for kimg in lengths:
            done = command("train", plugin, *helpers.arguments(run, *FLAGS, f"--kimg={kimg}"))
            assert done.returncode == 0, done.stderr
    one, two = (helpers.weights(run / "checkpoints" / "step-000000010.weights.h5") for run in (whole, parts))
    assert one.keys() == two.keys() and any(name.startswith("second_optimizer/") for name in one)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])
    record = json.loads((whole / "run.json").read_text())
    assert [plugin["file"] for plugin in record["plugins"]] == ["my_parts.py"] and len(record["plugins"][0]["sha256"]) == 64
    assert {"second", "discriminator", "generator"} <= set(record["parameters"])
    sampled = command("sample", plugin, f"--run={whole}", f"--out={folder / 'grid.png'}", "--count=4")
    assert sampled.returncode == 0 and (folder / "grid.png").is_file(), sampled.stderr
    exported = command("export", plugin, f"--run={whole}", f"--out={folder / 'models'}")
    assert exported.returncode == 0 and (folder / "models/1/saved_model.pb").is_file(), exported.stderr
    missing = command("sample", f"--run={whole}", f"--out={folder / 'grid.png'}")
    helpers.assert_one_line(missing, "my_parts.py", record["plugins"][0]["sha256"][:12], "--plugin=")


@pytest.mark.parametrize(
    "text, says",
    [
        ("x = 1\nraise RuntimeError('no')\n", [", line 2: RuntimeError: no"]),
        ("x = (\n", [", line 1: SyntaxError"]),
        (
            "from keras_gans.registry import LOSSES\nLOSSES.names()\nLOSSES.register('hinge')(dict)\n",
            [", line 3: ValueError: loss 'hinge' is registered twice"],
        ),
    ],
)
def test_a_plugin_that_fails_is_one_line(tmp_path, capsys, text, says):
    path = tmp_path / "bad.py"
    path.write_text(text)
    assert keras_gans.cli.main(["recipes", f"--plugin={path}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and f"error: --plugin={path}" in error and all(part in error for part in says), error


def test_a_plugin_that_is_not_there(tmp_path, capsys):
    assert keras_gans.cli.main(["recipes", f"--plugin={tmp_path / 'none.py'}"]) == 2
    assert "none.py: there is no such file" in capsys.readouterr().err


def test_a_record_alone_runs_nothing(tmp_path):
    """A stranger's run folder that names a file beside it."""
    from keras_gans import plugins
    from keras_gans.errors import UserError

    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'was_here')!r}, 'w')")
    with pytest.raises(UserError, match=r"needs parts of evil.py \(sha256 " + "0" * 12):
        plugins.require([{"file": "evil.py", "sha256": "0" * 64}], tmp_path)
    assert not (tmp_path / "was_here").exists()
