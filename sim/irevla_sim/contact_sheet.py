# Copyright 2026 The irevla Authors
# SPDX-License-Identifier: Apache-2.0
"""The old name of `python -m irevla_sim.simulator.contact_sheet`."""

from irevla_control.moved import run_moved

if __name__ == '__main__':
    run_moved('irevla_sim.contact_sheet', 'irevla_sim.simulator.contact_sheet')
