"""How it was established that a form computes what a unit's golden model does."""

from asnet.emulate.certificates.calls import certify_call
from asnet.emulate.certificates.certificate import Certificate, Difference, Evidence
from asnet.emulate.certificates.mask import Masks, certify_mask
from asnet.emulate.certificates.products import certify_products, kernel_digest

__all__ = [
    "Certificate",
    "Difference",
    "Evidence",
    "Masks",
    "certify_call",
    "certify_mask",
    "certify_products",
    "kernel_digest",
]
