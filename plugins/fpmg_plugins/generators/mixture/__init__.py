"""A mixture of Gaussians over joint vectors, by federated EM."""
