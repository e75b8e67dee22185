"""Area before synthesis."""

from asnet.hls.area.estimating import DesignArea, area_rows, estimate_area
from asnet.hls.area.model import Area

__all__ = ["Area", "DesignArea", "area_rows", "estimate_area"]
