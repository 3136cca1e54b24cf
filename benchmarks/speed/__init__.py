"""Speed of qpilot over its history, measured by airspeed velocity (asv); CONTRIBUTING.md says how to run it."""
