"""What an export needs on common parts: instructions, share of the processor, flash and RAM.

Estimated from the compiled program alone, without a cross compiler; `pipelines.benchmark` measures.
"""
