"""Layers that Keras lacks or gets wrong."""
