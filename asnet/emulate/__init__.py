"""What a slot's symbol is when a network runs: the golden Verilator call, or a form that was shown to equal it."""

from asnet.emulate.binding import Binding, Plan
from asnet.emulate.certificate import Certificate, certify_mask
from asnet.emulate.forms import Form
from asnet.emulate.golden import Golden
from asnet.emulate.golden_products import GoldenProducts
from asnet.emulate.mask import Mask
from asnet.emulate.products import Data, ProductsForm, ProductsFunction

__all__ = [
    "Binding",
    "Certificate",
    "Data",
    "Form",
    "Golden",
    "GoldenProducts",
    "Mask",
    "Plan",
    "ProductsForm",
    "ProductsFunction",
    "certify_mask",
]
