"""The autoencoder: from physical states to latent states and back."""
