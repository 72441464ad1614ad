"""Ensembles: several detectors' results fused into one, with what that takes."""
