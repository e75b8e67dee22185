"""ASNet: explore approximate hardware for a neural network, and synthesise what you explored, bit for bit."""

__version__ = "0.1.0"
