"""Latent diffusion of joint vectors."""
