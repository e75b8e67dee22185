"""What a slot's symbol is when a network runs: the golden Verilator call, or a form that was shown to equal it."""

from asnet.emulate.binding import Binding, Plan
from asnet.emulate.certificates import Certificate, Difference, Evidence, Masks, certify_mask, certify_products
from asnet.emulate.choosing import Candidate, Chooser
from asnet.emulate.explain import Explanation, explain
from asnet.emulate.forms import Form
from asnet.emulate.golden import Golden
from asnet.emulate.golden_products import GoldenProducts
from asnet.emulate.mask import Mask
from asnet.emulate.products import Data, ProductsForm, ProductsFunction
from asnet.emulate.registry import Sources, products_forms

__all__ = [
    "Binding",
    "Candidate",
    "Certificate",
    "Chooser",
    "Data",
    "Difference",
    "Evidence",
    "Explanation",
    "Form",
    "Golden",
    "GoldenProducts",
    "Mask",
    "Masks",
    "Plan",
    "ProductsForm",
    "ProductsFunction",
    "Sources",
    "certify_mask",
    "certify_products",
    "explain",
    "products_forms",
]
