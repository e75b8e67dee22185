"""Area before synthesis."""

from asnet.hls.area.estimating import DesignArea, area_rows, estimate_area, estimate_modules
from asnet.hls.area.large import too_large
from asnet.hls.area.units import unit_area

__all__ = ["DesignArea", "area_rows", "estimate_area", "estimate_modules", "too_large", "unit_area"]
