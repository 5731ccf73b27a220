"""A factory that tells the truth: seeded messages, and what really happened.

`simulate` gives messages in order of arrival, `load` COPYs them into PostgreSQL,
`tell` gives the truth alone. Modules, from the floor to the database:

- `factory`: what the factory is made of, and every setting;
- `faults`: what can go wrong; `occurrences`: when it does, and to whom;
- `flow`: bricks through a line, who starves and who is blocked;
- `counters`, `sensors`: what the devices read (`readings`: when they do);
- `delivery`: what happens to messages on the way;
- `payloads`: how they are written;
- `stream`: days merged into one stream; `copy`: the stream into a table;
- `truth`: what to hold a reader's numbers against, see docs/simulator_truth.md.
"""

from brickworks.simulator.copy import load
from brickworks.simulator.factory import (
    FactoryConfig,
    demo_factory,
    full_factory,
    registry,
)
from brickworks.simulator.faults import FAULTS
from brickworks.simulator.stream import Message, simulate, tell
from brickworks.simulator.truth import Truth, TruthWriter

__all__ = [
    "FAULTS",
    "FactoryConfig",
    "Message",
    "Truth",
    "TruthWriter",
    "demo_factory",
    "full_factory",
    "load",
    "registry",
    "simulate",
    "tell",
]
