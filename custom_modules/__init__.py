"""Sortline's library: file tools without torch, and what plugs into MMDetection."""
