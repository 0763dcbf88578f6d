"""Extensions for frameworks: one module and one extra each, named after the framework."""
