"""Trains a GAN from a recipe, or goes on with a run that was stopped.

Every flag has a default; a recipe is a flagfile that sets some of them (configs/*.flags). Flags behind --flagfile
win over it:

    python train.py --flagfile=configs/quickstart.flags --kimg=10 --run_dir=runs/short

Parts are named NAME or NAME:key=value,key=value, as in --loss=least_squares:a=0,b=1,c=1.
The same command on the same --run_dir resumes the run.
"""

from keras_gans.flags import define_recipe as define

__all__ = ["define", "run"]


def run(flags):
    from keras_gans.runs import training

    return training.train({name: flags[name].value for name in sorted(flags)})
