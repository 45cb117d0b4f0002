"""What a run is on disk, how flags become objects, and the trained generator that all other tools use."""
