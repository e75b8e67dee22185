"""What a slot's symbol is when a network runs: the golden Verilator call, or a form that was shown to equal it."""

from asnet.emulate.binding import Binding, Plan
from asnet.emulate.certificates import Certificate, Difference, Evidence, Masks, certify_mask, certify_products
from asnet.emulate.forms import Form
from asnet.emulate.golden import Golden
from asnet.emulate.golden_products import GoldenProducts
from asnet.emulate.mask import Mask
from asnet.emulate.products import Data, ProductsForm, ProductsFunction

__all__ = [
    "Binding",
    "Certificate",
    "Data",
    "Difference",
    "Evidence",
    "Form",
    "Golden",
    "GoldenProducts",
    "Mask",
    "Masks",
    "Plan",
    "ProductsForm",
    "ProductsFunction",
    "certify_mask",
    "certify_products",
]
