"""Trains a GAN from a recipe, or goes on with a run that was stopped.

Every flag has a default; a recipe is a file that sets some of them: one of the package's by name (keras-gans recipes lists
them), or any flagfile. Flags on the command line win over it:

    keras-gans train --recipe=quickstart --kimg=10 --run_dir=runs/short
    python train.py --flagfile=configs/quickstart.flags --kimg=10 --run_dir=runs/short

Parts are named NAME or NAME:key=value,key=value, as in --loss=least_squares:a=0,b=1,c=1.
The same command on the same --run_dir resumes the run.
"""

from keras_gans import flags as recipe_flags
from keras_gans.cli.recipes import path_of


def define(flags):
    flags.string("recipe", None, "name of one of the package's recipes, such as quickstart; keras-gans recipes lists them")
    recipe_flags.define_recipe(flags)


def expand(arguments):
    """Returns the command line with the recipe's flagfile in the place of its name."""
    words, expanded = iter(arguments), []
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("--recipe", "-recipe"):
            expanded.append(f"--flagfile={path_of(value if equals else next(words, ''))}")
        else:
            expanded.append(word)
    return expanded


def run(flags):
    from keras_gans.runs import training

    return training.train({name: flags[name].value for name in recipe_flags.defaults()})
