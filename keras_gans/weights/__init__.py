"""Files as weights: readers for PyTorch, pickles of StyleGAN, safetensors; bounded, executing nothing."""
