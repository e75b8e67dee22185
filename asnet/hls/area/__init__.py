"""Area before synthesis."""

from asnet.hls.area.estimating import DesignArea, area_rows, estimate_area, estimate_modules
from asnet.hls.area.model import DEVICES, Area
from asnet.hls.area.units import unit_area

__all__ = ["DEVICES", "Area", "DesignArea", "area_rows", "estimate_area", "estimate_modules", "unit_area"]
