"""What is handed over with a design: project files, test benches, control interfaces."""

from asnet.hls.handover.complete import Samples, hand_over

__all__ = ["Samples", "hand_over"]
