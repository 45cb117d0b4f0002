"""What kinds of generators there are to export: one module each.

A family's module has

- `SUMMARY`: what its models do, the first words of the model card;
- `most_pixels(run) -> int`: default of the most pixels of a picture file, or of all images drawn by one request;
- `endpoints(run, max_pixels) -> list of Endpoint`: the signatures of its SavedModel; the first is `serving_default`;
- `onnx(run) -> dict, ending of the file's name -> Endpoint`: its ONNX models, in [-1, 1];
- `limits(run, max_pixels) -> list of str`: what the model card says about limits;
- `phone(run, height, width, resizable, mobile_gpu) -> dict, ending of the file's name -> Endpoint`: its TFLite models, one
  example of each input a call, images in [0, 1]. `height` and `width` of the input in pixels are None for the run's own;
  `resizable` leaves them open; `mobile_gpu` avoids what mobile GPUs reject or compute badly.
"""

from keras_gans.exporting import latents, painters, style_based, stylizers, translators
from keras_gans.trained.trained import IMAGES


def of(run):
    """Returns the module that exports a run."""
    if not run.translates:
        return style_based if hasattr(run.generator, "synthesize") else latents
    if run.takes != IMAGES:
        return stylizers
    return painters if run.labels else translators
