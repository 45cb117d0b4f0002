"""What a discriminator must not do: penalties on its gradients and constraints on its weights."""
