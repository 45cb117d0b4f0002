"""One file per scheme of `--data=SCHEME:REST`: functions that find the images and return a `Collection`."""
