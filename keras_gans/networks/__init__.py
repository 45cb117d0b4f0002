"""Generators and discriminators by architecture; no training code in them."""
