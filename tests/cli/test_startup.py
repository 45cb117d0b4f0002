"""What a command costs before it does anything: help needs no TensorFlow and no wait.

Time is processor time of the child, not of the clock: other work on the machine does not make it longer.
"""

import resource
import sys

import helpers
import pytest


def seconds(words):
    """Runs a command in the repository's root; returns the processor seconds that it took, and the process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = helpers.run(words)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, process


# What the console script keras-gans does; the script itself may not be on the path of the test.
KERAS_GANS = ["-c", "import sys; from keras_gans.cli import main; sys.exit(main(sys.argv[1:]))"]


@pytest.mark.parametrize("words", [["train.py", "--help"], [*KERAS_GANS, "--help"]], ids=["train.py", "keras-gans"])
def test_help_answers_in_under_three_seconds(words):
    spent, process = seconds([sys.executable, *words])
    assert process.returncode == 0 and process.stdout.count("\n") > 5 and not process.stderr
    assert spent < 3


def imported(statements):
    """Returns the modules that are loaded after `statements` in a new interpreter."""
    code = f"{statements}\nimport sys\nprint('modules', *sys.modules, file=sys.stderr)"
    process = helpers.run([sys.executable, "-c", code])
    assert process.returncode == 0, process.stderr
    return set(process.stderr.split("modules ")[-1].split())


HEAVY = {"tensorflow", "keras", "numpy.random", "scipy", "torch", "PIL.Image"}


@pytest.mark.parametrize(
    "statements",
    [
        "import keras_gans; keras_gans.__version__; dir(keras_gans)\nfor room in {*keras_gans._SUBMODULES} - {'export'}: dir(getattr(keras_gans, room))",
        "from keras_gans import files, registry, errors, cli, flags; from keras_gans.trained import folder",
        "from keras_gans.cli import _verbs, main\nfor verb in _verbs(): assert main([verb, '--help']) == 0",
        "from keras_gans.cli import main\nassert main(['train', '--lerning_rate=1']) == 2",
    ],
    ids=["import", "modules", "help", "mistake"],
)
def test_nothing_heavy_is_imported(statements):
    assert not HEAVY & imported(statements)


def test_names_of_the_package_are_there_when_used():
    assert "tensorflow" in imported(
        "import keras_gans, keras_gans.trained.recipes\nkeras_gans.layers, keras_gans.trained.recipes.build_game"
    )
    assert not HEAVY & imported("import keras_gans\nkeras_gans.registry.LOSSES")


def test_unknown_name_of_the_package():
    import keras_gans

    with pytest.raises(AttributeError, match="module 'keras_gans' has no attribute 'layer'"):
        keras_gans.layer
