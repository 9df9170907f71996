"""The engine: plan, halo, threads, progress, cancel, sinks."""
