"""Training the network of the heavy entropy profile."""
