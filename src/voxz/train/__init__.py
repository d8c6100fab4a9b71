"""Training in PyTorch (extra `train`); what it produces is data that kernels without PyTorch evaluate."""
