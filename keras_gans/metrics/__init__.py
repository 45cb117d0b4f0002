"""Features, the scores on them, and the protocol that travels with every number."""
