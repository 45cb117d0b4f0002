"""Who plays and when: `keras.Model` subclasses that own `train_step`."""
