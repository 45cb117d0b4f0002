"""Trains a GAN: python train.py --flagfile=configs/quickstart.flags (see --help)."""

import sys

from keras_gans.cli import main

if __name__ == "__main__":
    sys.exit(main(verb="train", command="python train.py"))
