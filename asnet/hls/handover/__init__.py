"""What is handed over with a design: project files, test benches, control interfaces."""

from asnet.hls.handover.complete import Samples, hand_over
from asnet.hls.handover.control import with_control

__all__ = ["Samples", "hand_over", "with_control"]
