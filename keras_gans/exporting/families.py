"""What kinds of generators there are to export: one module each.

A family's module has

- `SUMMARY`: what its models do, the first words of the model card;
- `endpoints(run) -> list of Endpoint`: the signatures of its SavedModel; the first is `serving_default`;
- `phone(run, height, width) -> dict, ending of the file's name -> Endpoint`: its TFLite models, one example of each input a
  call, static shapes, images in [0, 1]. `height` and `width` are None or integers, in pixels.
"""

from keras_gans.exporting import latents, translators


def of(run):
    """Returns the module that exports a run."""
    return translators if run.translates else latents
