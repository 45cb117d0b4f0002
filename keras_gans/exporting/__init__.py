"""Ships a trained generator: SavedModel, TFLite, parity checks."""
