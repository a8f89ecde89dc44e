"""The prior over windows of latent states: a Gaussian, and a diffusion model on top."""
