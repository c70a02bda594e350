"""Every experiment, once."""

from experiments.demo.experiment import EXPERIMENT as DEMO

EXPERIMENTS = (DEMO,)
